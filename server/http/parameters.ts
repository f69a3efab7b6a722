// What a client may send: paths and query strings, parsed to the types that the handlers use. The OpenAPI document is made
// of the same schemas, so they must accept exactly what they describe.

import { getAddress } from "ethers";
import { z } from "zod";
import { decodeCardCursor, decodeCollectionCursor, decodeHolderCursor } from "./cursors.ts";

/** A collection as a client names it. */
export type CollectionName = { slug: string } | { address: string };

const ADDRESS_PATTERN = /^0x[0-9a-fA-F]{40}$/;
const ADDRESS_HELP = "must be an address: 0x and 40 hexadecimal digits";

const address = z
  .string()
  .regex(ADDRESS_PATTERN, ADDRESS_HELP)
  .refine((value) => !ADDRESS_PATTERN.test(value) || hasValidCase(value), {
    error:
      "has capital letters that do not match its checksum (EIP-55): check it for a typing error, or write it in lower case",
  })
  .transform((value) => value.toLowerCase());

/** EIP-55: mixed case is a checksum; a single case is none. */
export function hasValidCase(value: string): boolean {
  const digits = value.slice(2);
  if (digits === digits.toLowerCase() || digits === digits.toUpperCase()) return true;
  try {
    return getAddress(value) === value;
  } catch {
    return false;
  }
}

const slug = z
  .string()
  .min(3)
  .max(32)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
  .transform((value) => ({ slug: value }));

export const addressParameter = address.meta({
  description: "An address, in lower case or with its EIP-55 checksum.",
  example: "0x8ba1f109551bD432803012645Ac136ddd64DBA72",
});

export const collectionParameter = z
  .union([slug, address.transform((value) => ({ address: value }))], {
    error: (issue) =>
      typeof issue.input === "string" && ADDRESS_PATTERN.test(issue.input)
        ? "is an address whose capital letters do not match its checksum (EIP-55): check it for a typing error, or write it in lower case"
        : "must be a collection's slug (3 to 32 of a-z, 0-9 and single inner hyphens) or its address (0x and 40 hexadecimal digits)",
  })
  .meta({
    description: "The collection's slug, or its address in lower case or with its EIP-55 checksum.",
    example: "noirance-preview",
  });

export const serialParameter = z
  .string()
  .regex(/^[1-9][0-9]{0,77}$/, "must be a serial: a whole number from 1 on, in digits, without leading zeros")
  .transform((value) => BigInt(value))
  .meta({ description: "The card's serial, from 1 on, without leading zeros.", example: "1" });

const DEFAULT_LIMIT = 50;
const LARGEST_LIMIT = 200;

export const limit = z
  .string("must be given once")
  .regex(/^([1-9][0-9]?|1[0-9]{2}|200)$/, `must be a whole number from 1 to ${LARGEST_LIMIT}`)
  .transform(Number)
  .optional()
  .transform((value) => value ?? DEFAULT_LIMIT)
  .meta({
    description: "How many items to answer with at most.",
    example: 50,
    override: ({ jsonSchema }) => {
      delete jsonSchema.pattern;
      Object.assign(jsonSchema, { type: "integer", minimum: 1, maximum: LARGEST_LIMIT, default: DEFAULT_LIMIT });
    },
  });

export function cursorOf<Key>(pattern: RegExp, decode: (cursor: string) => Key) {
  return (
    z
      .string("must be given once")
      .regex(pattern, "must be the `nextCursor` of an answer of this list")
      .transform(decode)
      .optional()
      // Without an example: the documentation page would fill it in, and the list would begin somewhere.
      .meta({
        description:
          "Where to go on: the `nextCursor` of the answer before. Left out, the list starts at its beginning.",
      })
  );
}

export const blockNumberParameter = z
  .string("must be given once")
  .regex(/^(0|[1-9][0-9]{0,77})$/, "must be the number of a block: a whole number, in digits, without leading zeros")
  // The tables hold signed 32-bit numbers; whatever is beyond is after the mirror's last block in any case.
  .transform((value) => Math.min(Number(value), 2 ** 31 - 1))
  .optional();

const atBlock = blockNumberParameter
  // Without an example: the documentation page would fill it in, and answer of the past.
  .meta({
    description:
      "Answers as of this block of the past: what the same request would have been answered when the registry had read up to it, with the serials, holders, brands and history of then. Left out, the answer is the newest. A block that the registry has not read yet is a 409.",
  });

/** Any string that matches is a valid position. */
export const listQueries = {
  collections: z.strictObject({
    limit,
    cursor: cursorOf(/^[A-Za-z0-9_-]{26}[AEIMQUYcgkosw048]$/, decodeCollectionCursor),
    atBlock,
  }),
  cards: z.strictObject({ limit, cursor: cursorOf(/^[A-Za-z0-9_-]{5}[AQgw]$/, decodeCardCursor), atBlock }),
  holderCards: z.strictObject({
    limit,
    cursor: cursorOf(/^[A-Za-z0-9_-]{32}$/, decodeHolderCursor),
    atBlock,
  }),
};

/** Of what is one thing. */
export const momentQuery = z.strictObject({ atBlock });

export const noQuery = z.strictObject({});
