// The databases that the server runs on, for tests: each test gets one of its own.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import type { Suite } from "mocha";
import {
  findPostgresql,
  INSTALL_POSTGRESQL,
  type LocalPostgresql,
  startLocalPostgresql,
} from "../../scripts/postgresql/local-server.ts";
import { openDatabase } from "../../server/database/client.ts";
import { migrate } from "../../server/database/migrate.ts";

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A kind of database. */
export interface DatabaseKind {
  name: string;
  /** Creates an empty one. */
  createEmpty(): Promise<TestDatabase>;
  /** Creates one with all tables and without rows. */
  create(): Promise<TestDatabase>;
  /** Creates a copy of one that may be in use, as of one moment. */
  copy(url: string): Promise<TestDatabase>;
}

export const sqlite: DatabaseKind = {
  name: "SQLite",
  async createEmpty() {
    const folder = mkdtempSync(join(tmpdir(), "mintmark-database-"));
    return {
      url: `file:${join(folder, "mintmark.db")}`,
      async drop() {
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  async create() {
    sqliteTemplate ??= (async () => {
      const { url, drop } = await sqlite.createEmpty();
      await migrate(url);
      process.once("exit", () => void drop());
      return fileOf(url);
    })();
    const database = await sqlite.createEmpty();
    copyFileSync(await sqliteTemplate, fileOf(database.url));
    return database;
  },
  async copy(url) {
    const copied = await sqlite.createEmpty();
    const client = await openDatabase(url);
    try {
      await client.$executeRaw`VACUUM INTO ${fileOf(copied.url)}`;
    } finally {
      await client.$disconnect();
    }
    return copied;
  },
};

/** Migrated once; a copy of it takes a tenth of the time. */
let sqliteTemplate: Promise<string> | undefined;

function fileOf(url: string): string {
  return url.slice("file:".length);
}

const TEMPLATE = "mintmark_template";
let server: Promise<LocalPostgresql> | undefined;
/** As for SQLite. */
let template: Promise<void> | undefined;
let created = 0;

/** The server of this run; ends with the process. */
export function postgresqlServer(): Promise<LocalPostgresql> {
  server ??= startLocalPostgresql();
  return server;
}

/** Runs a statement as the server's superuser. Returns the rows as lists of values. */
export async function onPostgresql(sql: string, database = "postgres"): Promise<unknown[][]> {
  const connection = await new PrismaPg((await postgresqlServer()).url(database)).connect();
  try {
    return (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
  } finally {
    await connection.dispose();
  }
}

async function createFrom(source: string): Promise<TestDatabase> {
  const name = `mintmark_${++created}`;
  await onPostgresql(`CREATE DATABASE ${name} TEMPLATE ${source}`);
  return {
    url: (await postgresqlServer()).url(name),
    async drop() {
      await onPostgresql(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

export const postgresql: DatabaseKind = {
  name: "PostgreSQL",
  createEmpty: () => createFrom("template0"),
  async create() {
    template ??= (async () => {
      await onPostgresql(`CREATE DATABASE ${TEMPLATE} TEMPLATE template0`);
      await migrate((await postgresqlServer()).url(TEMPLATE));
    })();
    await template;
    return await createFrom(TEMPLATE);
  },
  async copy(url) {
    const copied = await postgresql.createEmpty();
    const programs = findPostgresql() ?? "";
    const dump = execFileSync(join(programs, "pg_dump"), ["--format=custom", url], { maxBuffer: 2 ** 30 });
    const options = ["--no-owner", "--exit-on-error", `--dbname=${copied.url}`];
    execFileSync(join(programs, "pg_restore"), options, { input: dump });
    return copied;
  },
};

/** Describes what holds on PostgreSQL; skipped, and says so, where it is not installed. */
export function describeOnPostgresql(title: string, body: (this: Suite) => void): void {
  if (findPostgresql() !== undefined) describe(title, body);
  else describe.skip(`${title} (PostgreSQL is not installed: ${INSTALL_POSTGRESQL})`, body);
}

/** Describes what holds on every database. */
export function describeOnEachDatabase(title: string, body: (this: Suite, kind: DatabaseKind) => void): void {
  describe(`${title}, on ${sqlite.name}`, function () {
    body.call(this, sqlite);
  });
  describeOnPostgresql(`${title}, on ${postgresql.name}`, function () {
    body.call(this, postgresql);
  });
}
