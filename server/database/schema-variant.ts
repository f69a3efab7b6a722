// The one model source, as each database wants it. schema.prisma is written for SQLite; what differs for PostgreSQL are the
// two lines that name the database and the folder of the generated client.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The databases that the server runs on, by the names that Prisma has for them. */
export const PROVIDERS = ["sqlite", "postgresql"] as const;
export type Provider = (typeof PROVIDERS)[number];

export const SCHEMA_FILE = join(import.meta.dirname, "schema.prisma");
/** Where everything is that is generated from the schema; not in git. */
export const GENERATED_FOLDER = join(import.meta.dirname, "generated");

/** The schema's text for a database. Relations and columns are the same for all of them. */
export function schemaFor(provider: Provider): string {
  const source = readFileSync(SCHEMA_FILE, "utf8");
  if (provider === "sqlite") return source;
  return replaceOnce(
    replaceOnce(source, 'provider = "sqlite"', `provider = "${provider}"`),
    '"./generated/sqlite"',
    `"./${provider}"`,
  );
}

/** The file into which the build writes the schema of a database that is not the source's own. */
export function schemaFileFor(provider: Provider): string {
  return provider === "sqlite" ? SCHEMA_FILE : join(GENERATED_FOLDER, `${provider}.prisma`);
}

function replaceOnce(text: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${SCHEMA_FILE} has ${from} ${parts.length - 1} times instead of once`);
  return parts.join(to);
}
