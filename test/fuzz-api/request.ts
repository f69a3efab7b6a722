// One request of the fuzzing: an operation of the document, who asks, an input that the document describes, and what is then changed in it.

import fc, { type Arbitrary } from "fast-check";
import { METHODS, type Method } from "../../server/http/operations.ts";
import { ASKERS, type Asker } from "./askers.ts";
import { EXAMPLES } from "./examples.ts";
import {
  contentType,
  hostileJson,
  hostileName,
  hostileString,
  oddHeader,
  rawBody,
  rawPathPart,
  rawQuery,
  upload,
} from "./hostile.ts";
import { arbitraryOf, type Resolve, type Schema } from "./schema.ts";

interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  required?: boolean;
  schema: Schema;
}

/** An operation as far as requests are concerned. */
export interface FuzzedOperation {
  method: Method;
  path: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  security: object[];
}

/** What is changed in a request before it is sent. */
export type Change =
  | { kind: "path"; at: number; text: string }
  | { kind: "path-text"; at: number; text: string }
  | { kind: "query"; at: number; name: string | undefined; text: string }
  | { kind: "query-text"; text: string }
  | { kind: "replace"; at: number; value: unknown }
  | { kind: "remove"; at: number }
  | { kind: "add"; at: number; name: string; value: unknown }
  | { kind: "body-text"; text: string }
  | { kind: "cut"; at: number }
  | { kind: "content-type"; text: string }
  | { kind: "header"; name: string; value: string }
  | { kind: "method"; method: string };

export interface FuzzedRequest {
  operation: FuzzedOperation;
  asker: Asker;
  path: Record<string, unknown>;
  query: Record<string, unknown>;
  headers: Record<string, unknown>;
  body: unknown;
  contentType: string | undefined;
  /** Whether it asks for what has changed since it asked the last time. */
  conditional: boolean;
  changes: Change[];
}

const CHANGES: Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("path" as const), at: fc.nat({ max: 3 }), text: hostileString }),
  fc.record({ kind: fc.constant("path-text" as const), at: fc.nat({ max: 3 }), text: rawPathPart }),
  fc.record({
    kind: fc.constant("query" as const),
    at: fc.nat({ max: 5 }),
    name: fc.option(hostileName, { nil: undefined, freq: 3 }),
    text: hostileString,
  }),
  fc.record({ kind: fc.constant("query-text" as const), text: rawQuery }),
  {
    arbitrary: fc.record({ kind: fc.constant("replace" as const), at: fc.nat({ max: 40 }), value: hostileJson }),
    weight: 6,
  },
  fc.record({ kind: fc.constant("remove" as const), at: fc.nat({ max: 40 }) }),
  fc.record({ kind: fc.constant("add" as const), at: fc.nat({ max: 40 }), name: hostileName, value: hostileJson }),
  fc.record({ kind: fc.constant("body-text" as const), text: rawBody }),
  fc.record({ kind: fc.constant("cut" as const), at: fc.nat({ max: 400 }) }),
  fc.record({ kind: fc.constant("content-type" as const), text: contentType }),
  { arbitrary: oddHeader.map(({ name, value }) => ({ kind: "header" as const, name, value })), weight: 2 },
  fc.record({
    kind: fc.constant("method" as const),
    method: fc.constantFrom(...METHODS.map((method) => method.toUpperCase()), "HEAD", "OPTIONS", "TRACE", "PROPFIND"),
  }),
);

/** Requests of an operation: half of them as the document describes them. */
export function requestsOf(operation: FuzzedOperation, resolve: Resolve): Arbitrary<FuzzedRequest> {
  const of = (place: Parameter["in"]) => {
    const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    const members = Object.fromEntries(
      parameters.map(({ name, schema }) => [name, arbitraryOf(schema, resolve, name)] as const),
    );
    const requiredKeys = parameters.filter(({ required }) => required === true).map(({ name }) => name);
    const least = Object.fromEntries(Object.entries(members).filter(([name]) => requiredKeys.includes(name)));
    return fc.oneof(fc.record(least), fc.record(members, { requiredKeys })) as Arbitrary<Record<string, unknown>>;
  };
  const contents = Object.entries(operation.requestBody?.content ?? {});
  const bodies = contents.map(([type, { schema }]) =>
    fc.record({
      contentType: fc.constant<string | undefined>(type),
      body: schema.format === "binary" ? upload : arbitraryOf(schema, resolve),
    }),
  );
  const examples = (EXAMPLES[`${operation.method} ${operation.path}`] ?? []).map((body) => ({
    contentType: "application/json",
    body,
  }));
  const none = fc.constant<{ contentType: string | undefined; body: unknown }>({
    contentType: undefined,
    body: undefined,
  });
  return fc
    .record({
      operation: fc.constant(operation),
      asker: askersOf(operation),
      path: of("path"),
      query: of("query"),
      headers: of("header"),
      content: fc.oneof(
        ...(bodies.length === 0 ? [] : [{ arbitrary: fc.oneof(...bodies), weight: 2 }]),
        ...(examples.length === 0 ? [] : [{ arbitrary: fc.constantFrom(...examples), weight: 4 }]),
        ...(operation.requestBody?.required ? [] : [{ arbitrary: none, weight: 1 }]),
      ),
      conditional: fc.boolean(),
      changes: fc.oneof(
        { arbitrary: fc.constant<Change[]>([]), weight: 1 },
        { arbitrary: fc.array(CHANGES, { minLength: 1, maxLength: 2 }), weight: 1 },
      ),
    })
    .map(({ content, ...request }) => ({ ...request, ...content }));
}

/** Mostly those who may be let in. */
function askersOf({ security }: FuzzedOperation): Arbitrary<Asker> {
  const anyone = fc.constantFrom(...ASKERS);
  if (security.length === 0) return anyone;
  const forCustomers = security.some((scheme) => "customerSession" in scheme);
  return fc.oneof(
    { arbitrary: anyone, weight: 2 },
    { arbitrary: fc.constantFrom<Asker>("owner", "owner", "manager", "staff"), weight: 4 },
    ...(forCustomers ? [{ arbitrary: fc.constant<Asker>("customer"), weight: 1 }] : []),
  );
}
