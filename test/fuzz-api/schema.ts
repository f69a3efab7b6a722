// Makes what a JSON schema of the OpenAPI document describes: strings that match their pattern, numbers within their bounds, objects with
// and without their optional members. Where an earlier answer has held a value that fits, it is often taken instead, since an id that was
// made up leads nowhere.

import fc, { type Arbitrary } from "fast-check";

export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  propertyNames?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

/** Follows a reference into the document, and writes a list of types as alternatives. */
export type Resolve = (schema: Schema) => Schema;

/** Stands for a value that an answer has held, of the member that it is for; `otherwise` where none fits. */
export class Known {
  readonly name: string;
  readonly schema: Schema;
  readonly index: number;
  readonly otherwise: unknown;

  constructor(name: string, schema: Schema, index: number, otherwise: unknown) {
    this.name = name;
    this.schema = schema;
    this.index = index;
    this.otherwise = otherwise;
  }
}

/** Larger numbers would only be refused in the same way; hostile.ts sends them all the same. */
const LONGEST_ARRAY = 4;
const LONGEST_STRING = 60;
/** A leaf is one that is known this many times in ten. */
const KNOWN_WEIGHT = 8;

/** What the schema of the member `name` describes. */
export function arbitraryOf(schema: Schema, resolve: Resolve, name = ""): Arbitrary<unknown> {
  const found = resolve(schema);
  const made = makeOf(found, resolve, name);
  if (!isLeaf(found, resolve)) return made;
  return fc.oneof(
    { arbitrary: made, weight: 10 - KNOWN_WEIGHT },
    {
      arbitrary: fc
        .record({ index: fc.nat({ max: 30 }), otherwise: made })
        .map(({ index, otherwise }) => new Known(name, found, index, otherwise)),
      weight: KNOWN_WEIGHT,
    },
  );
}

function isLeaf(schema: Schema, resolve: Resolve): boolean {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.every((alternative) => isLeaf(resolve(alternative), resolve));
  // Of few values each is tried by itself.
  return (schema.type === "string" || schema.type === "integer") && schema.enum === undefined;
}

function makeOf(schema: Schema, resolve: Resolve, name: string): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) {
    return fc.oneof(...alternatives.map((alternative) => arbitraryOf(alternative, resolve, name)));
  }
  switch (schema.type) {
    case "string":
      return stringOf(schema);
    case "integer":
    case "number":
      return numberOf(schema);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array": {
      const { minItems = 0, maxItems = LONGEST_ARRAY, items = {} } = schema;
      const maxLength = Math.max(minItems, Math.min(maxItems, LONGEST_ARRAY));
      return fc.array(arbitraryOf(items, resolve, name), { minLength: minItems, maxLength });
    }
    case "object":
      return objectOf(schema, resolve);
    case undefined:
      return fc.jsonValue({ maxDepth: 2 });
    default:
      throw new Error(
        `The document has a schema of the type ${schema.type}, which test/fuzz-api/schema.ts cannot make.`,
      );
  }
}

function stringOf({ pattern, format, minLength = 0, maxLength = LONGEST_STRING }: Schema): Arbitrary<unknown> {
  if (format === "date-time") {
    const [min, max] = [new Date("2020-01-01"), new Date("2040-01-01")];
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString());
  }
  if (format === "email") return fc.nat({ max: 200 }).map((number) => `user-${number}@example.com`);
  if (pattern !== undefined) {
    const longest = Math.max(maxLength, LONGEST_STRING);
    const matching = samplesOf(pattern).filter(({ length }) => length >= minLength && length <= longest);
    return fc.constantFrom(...matching);
  }
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, LONGEST_STRING)) });
}

/** Making a string from a pattern takes longer than a request, so a few of each are made, the same ones in every run. */
const SAMPLES = { numRuns: 60, seed: 1 };
const samples = new Map<string, string[]>();

function samplesOf(pattern: string): string[] {
  const made = samples.get(pattern) ?? fc.sample(fc.stringMatching(new RegExp(pattern)), SAMPLES);
  samples.set(pattern, made);
  return made;
}

function numberOf({
  type,
  minimum,
  maximum,
  exclusiveMinimum,
  exclusiveMaximum,
  multipleOf,
}: Schema): Arbitrary<unknown> {
  const step = multipleOf ?? 1;
  const least = minimum ?? exclusiveMinimum ?? -1_000;
  const most = maximum ?? exclusiveMaximum ?? 1_000_000;
  const [min, max] = [Math.ceil(least / step), Math.floor(most / step)];
  const units = fc
    .oneof(
      fc.integer({ min, max: Math.min(max, min + 5) }),
      fc.maxSafeInteger().map((number) => min + (Math.abs(number) % Math.max(1, max - min + 1))),
      fc.constant(max),
    )
    .filter((unit) => unit * step !== exclusiveMinimum && unit * step !== exclusiveMaximum);
  return units.map((unit) => (type === "integer" ? unit : Math.round(unit * step * 100) / 100));
}

function objectOf({ properties = {}, required = [], additionalProperties, propertyNames }: Schema, resolve: Resolve) {
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, arbitraryOf(schema, resolve, name)]),
  );
  const fixed = fc.record(members, { requiredKeys: required.filter((name) => name in members) });
  if (typeof additionalProperties !== "object") return fixed;
  const keys = propertyNames === undefined ? fc.string({ maxLength: 20 }) : makeOf(resolve(propertyNames), resolve, "");
  const more = fc.dictionary(keys as Arbitrary<string>, arbitraryOf(additionalProperties, resolve), { maxKeys: 4 });
  return fc.tuple(more, fixed).map(([others, known]) => ({ ...others, ...known }));
}

/** Whether a value that is no object and no list is one that the schema describes. */
export function fits(schema: Schema, value: unknown, resolve: Resolve): boolean {
  const found = resolve(schema);
  const alternatives = found.anyOf ?? found.oneOf;
  if (alternatives !== undefined) return alternatives.some((alternative) => fits(alternative, value, resolve));
  if (typeof value === "string") {
    const { type, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = found;
    if (type !== "string" || value.length < minLength || value.length > maxLength) return false;
    return pattern === undefined || new RegExp(pattern).test(value);
  }
  if (typeof value !== "number") return found.type === "null" && value === null;
  const { type, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = found;
  if (type === "string") return fits(found, String(value), resolve);
  return (type === "integer" || type === "number") && value >= minimum && value <= maximum;
}
