// What the operations on accounts take and answer.

import { z } from "zod";
import { BRAND_ROLES } from "../accounts/principal.ts";
import { limit } from "./parameters.ts";

export const time = z.iso.datetime().meta({ description: "A time in UTC.", example: "2027-01-31T09:30:00.000Z" });
export const role = z.enum(BRAND_ROLES, `must be ${BRAND_ROLES.join(", ")}`).meta({
  description:
    "`owner`: everything; `manager`: everything but members; `staff`: customers and redemptions; `auditor`: reads.",
});
export const name = z.string().trim().min(1, "must not be empty").max(100, "must be 100 characters at most");

/** An id that we made: what it is an id of, and a UUID. */
export const idParameter = (prefix: string, what: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-f-]{36}$`), `must be ${what}'s id: ${prefix}_ and a UUID`)
    .meta({ description: `The id of ${what}.`, example: `${prefix}_01936b1e-7c60-7d3a-9b57-2f6f3f0a8d11` });

const CURSOR_HELP = "must be the `nextCursor` of an answer of this list";
const cursor = z
  .string("must be given once")
  .regex(/^[A-Za-z0-9_-]{1,120}$/, CURSOR_HELP)
  .transform((text) => Buffer.from(text, "base64url").toString())
  // As all ids are; PostgreSQL would fail at what is no text.
  .refine((id) => /^[!-~]+$/.test(id), CURSOR_HELP)
  .optional()
  .meta({
    description: "Where to go on: the `nextCursor` of the answer before. Left out, the list starts at its beginning.",
  });
export const pageQuery = z.strictObject({ limit, cursor });

const nextCursor = z.string().nullable().meta({ description: "Where the next page begins; null at the end." });

/** One thing. */
export function one<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ data: item });
}

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ data: z.array(item), nextCursor });
}

/** The page's body. Asks for one item more than it shows, to know whether there are any. */
export async function readPage<Row, Shown>(
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  read: (page: { after: string | undefined; limit: number }) => Promise<Row[]>,
  keyOf: (row: Row) => string,
  show: (row: Row) => Shown,
): Promise<{ data: Shown[]; nextCursor: string | null }> {
  const rows = await read({ after: cursor, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { data: shown.map(show), nextCursor: more ? Buffer.from(keyOf(last)).toString("base64url") : null };
}

/** Milliseconds since the Unix epoch as the API writes them. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

export function timeOrNull(milliseconds: number | bigint | null | undefined): string | null {
  return milliseconds === null || milliseconds === undefined ? null : timeOf(Number(milliseconds));
}
