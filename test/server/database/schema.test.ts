// The migrations of every database lead to the schema, and to the same order of texts.

import { expect } from "chai";
import { openDatabase } from "../../../server/database/client.ts";
import { missingMigration } from "../../../server/database/create-migration.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { PROVIDERS, schemaFor } from "../../../server/database/schema-variant.ts";
import { describeOnEachDatabase, describeOnPostgresql, onPostgresql, postgresql } from "../../support/databases.ts";

describe("the schema", () => {
  it("is the same for every database but for the database's name and the client's folder", () => {
    const lines = PROVIDERS.map((provider) => schemaFor(provider).split("\n"));
    const [source = [], variant = []] = lines;
    const differing = source.flatMap((line, index) =>
      line === variant[index] ? [] : [[line.trim(), variant[index]?.trim()]],
    );
    expect(differing).to.deep.equal([
      ['output       = "./generated/sqlite"', 'output       = "./postgresql"'],
      ['provider = "sqlite"', 'provider = "postgresql"'],
    ]);
    expect(variant).to.have.length(source.length);
  });
});

describeOnEachDatabase("migrations", (kind) => {
  it("lead to the schema, once", async () => {
    const database = await kind.createEmpty();
    try {
      const applied = await migrate(database.url);
      expect(applied).to.deep.equal([...applied].sort()).and.not.to.be.empty;
      expect(await migrate(database.url)).to.deep.equal([]);
      expect(await missingMigration(database.url), "npm run create-migration -- <name>").to.equal(undefined);
    } finally {
      await database.drop();
    }
  });
});

describeOnPostgresql("tables on PostgreSQL", () => {
  it("order texts by their bytes, whatever the server's language", async () => {
    const database = await postgresql.create();
    const name = new URL(database.url).pathname.slice(1);
    try {
      const columns = await onPostgresql(
        `SELECT table_name::text, column_name::text, collation_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'text' AND table_name <> '_prisma_migrations'`,
        name,
      );
      expect(columns.length).to.be.greaterThan(10);
      expect(columns.filter(([, , collation]) => collation !== "C")).to.deep.equal([]);

      const client = await openDatabase(database.url);
      await client.block.createMany({
        data: ["a", "B", "é", "_", "Z"].map((hash, number) => ({ number, hash, timestamp: 0 })),
      });
      const blocks = await client.block.findMany({ orderBy: { hash: "asc" } });
      await client.$disconnect();
      expect(blocks.map(({ hash }) => hash)).to.deep.equal(["B", "Z", "_", "a", "é"]);
    } finally {
      await database.drop();
    }
  });
});
