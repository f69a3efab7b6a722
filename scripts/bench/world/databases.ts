// Fresh databases to measure on, of each kind that the server runs on.

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import { findPostgresql, INSTALL_POSTGRESQL, startLocalPostgresql } from "../../postgresql/local-server.ts";

export interface BenchDatabase {
  url: string;
  /** How many bytes it takes on the disk now. */
  size(): Promise<number>;
  drop(): Promise<void>;
}

export interface DatabaseKind {
  name: string;
  /** Creates one without tables. */
  create(): Promise<BenchDatabase>;
}

export interface DatabaseKinds {
  kinds: DatabaseKind[];
  stop(): Promise<void>;
}

const sqlite: DatabaseKind = {
  name: "SQLite",
  async create() {
    const folder = mkdtempSync(join(tmpdir(), "mintmark-bench-"));
    return {
      url: `file:${join(folder, "mintmark.db")}`,
      size: async () => readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0),
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

/**
 * The kinds that this machine has. PostgreSQL is a server of our own with its own settings, but for what makes it survive a power
 * cut: see local-server.ts.
 * @param wanted The kinds to bring, by name in lower case; all of them if not given.
 */
export async function bringDatabases(wanted?: readonly string[]): Promise<DatabaseKinds> {
  const isWanted = (name: string) => wanted === undefined || wanted.includes(name);
  const kinds = isWanted("sqlite") ? [sqlite] : [];
  if (!isWanted("postgresql")) return { kinds, stop: async () => undefined };
  if (findPostgresql() === undefined) {
    process.stderr.write(
      `PostgreSQL is not installed, so nothing is measured on it. Install it: ${INSTALL_POSTGRESQL}\n`,
    );
    return { kinds, stop: async () => undefined };
  }
  const server = await startLocalPostgresql();
  async function run(sql: string): Promise<unknown[][]> {
    const connection = await new PrismaPg(server.url("postgres")).connect();
    try {
      return (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
    } finally {
      await connection.dispose();
    }
  }
  let created = 0;
  const postgresql: DatabaseKind = {
    name: "PostgreSQL",
    async create() {
      const name = `bench_${++created}`;
      await run(`CREATE DATABASE ${name} TEMPLATE template0`);
      return {
        url: server.url(name),
        size: async () => Number((await run(`SELECT pg_database_size('${name}')`))[0]?.[0]),
        async drop() {
          await run(`DROP DATABASE ${name} WITH (FORCE)`);
        },
      };
    },
  };
  return { kinds: [...kinds, postgresql], stop: () => server.stop() };
}
