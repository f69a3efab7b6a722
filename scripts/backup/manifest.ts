// What an archive says of itself: manifest.json, its first file.

import { z } from "zod";

/** The format of archives. One of another number is not read. */
export const ARCHIVE_FORMAT = 1;
export const MANIFEST_FILE = "manifest.json";
/** Below these are the database, and the files of the data folder. */
export const DATABASE_FOLDER = "database";
export const DATA_FOLDER = "data";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const blockSchema = z.object({ number: z.number().int(), hash: z.string() });

const manifestSchema = z.object({
  format: z.number().int(),
  /** ISO 8601. */
  createdAt: z.iso.datetime(),
  database: z.object({
    kind: z.enum(["sqlite", "postgresql"]),
    /** Its path in the archive. */
    file: z.string(),
    migrations: z.array(z.string()),
  }),
  /** The mirror's chain and its last block; nothing if the mirror was empty. */
  mirror: z.object({ chainId: z.number().int(), genesisHash: z.string(), block: blockSchema }).nullable(),
  /** The local chain; nothing where the chain is elsewhere. */
  chain: z.object({ genesisHash: z.string(), head: blockSchema }).nullable(),
  files: z.array(
    z.object({
      path: z.string().regex(/^(database|data)\/(?!.*(^|\/)\.\.(\/|$))[^\\]+$/),
      size: z.number().int().nonnegative(),
      sha256: hash,
    }),
  ),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Nothing if the text is none. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
