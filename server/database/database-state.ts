// What a database says of itself: see known-database.ts.

import type { Database } from "./client.ts";
import type { DatabaseState } from "./known-database.ts";

/** Reads the state of a migrated database. */
export async function readDatabaseState(database: Database): Promise<DatabaseState> {
  const { name, commits } = await database.databaseState.findUniqueOrThrow({ where: { id: 1 } });
  return { name, commits: Number(commits) };
}
