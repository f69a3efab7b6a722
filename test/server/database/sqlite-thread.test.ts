import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { sqlite, type TestDatabase } from "../../support/databases.ts";

describe("a connection to SQLite on a thread of its own", () => {
  let file: TestDatabase;
  let database: Database;
  let reader: Database;

  beforeEach(async () => {
    file = await sqlite.create();
    database = await openDatabase(file.url, { writesMuch: true });
    reader = await openDatabase(file.url);
  });
  afterEach(async () => {
    await Promise.all([database.$disconnect(), reader.$disconnect()]);
    await file.drop();
  });

  const block = (number: number) => ({ number, hash: `0x${number}`, timestamp: 1n });
  const numbers = async () => (await reader.block.findMany({ orderBy: { number: "asc" } })).map(({ number }) => number);

  it("leaves this thread free while it writes", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    // Some hundred milliseconds of work for the database.
    await database.$executeRawUnsafe(
      `INSERT INTO "Block" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
       SELECT i, '0x', 1 FROM n`,
    );
    clearInterval(timer);
    expect(await reader.block.count()).to.equal(200_000);
    expect(turns).to.be.greaterThan(5);
  });

  it("carries out transactions one after the other, whole or not at all", async () => {
    const outcomes = await Promise.allSettled([
      database.$transaction(async (transaction) => {
        await transaction.block.create({ data: block(1) });
        await sleep(20);
        await transaction.block.create({ data: block(2) });
      }),
      database.$transaction(async (transaction) => {
        await transaction.block.create({ data: block(3) });
        await sleep(20);
        throw new Error("thought better of it");
      }),
      database.$transaction(async (transaction) => {
        expect(await transaction.block.count()).to.equal(2);
        await transaction.block.create({ data: block(4) });
      }),
    ]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["fulfilled", "rejected", "fulfilled"]);
    expect(await numbers()).to.deep.equal([1, 2, 4]);
  });

  it("shows nothing of a transaction to others before it is over", async () => {
    await database.$transaction(async (transaction) => {
      await transaction.block.create({ data: block(1) });
      expect(await numbers()).to.deep.equal([]);
    });
    expect(await numbers()).to.deep.equal([1]);
  });

  it("fails as the usual connection fails, and goes on", async () => {
    for (const client of [database, reader]) {
      await client.block.create({ data: block(7) });
      const twice = await client.block.create({ data: block(7) }).catch((error: unknown) => error);
      expect(twice).to.have.property("code", "P2002");
      const wrong = await client.$executeRawUnsafe("INSERT INTO nowhere VALUES (1)").catch((error: unknown) => error);
      expect(wrong).to.have.property("message").that.contains("no such table");
      await client.block.deleteMany();
    }
  });

  it("is made anew when it is used after it was closed", async () => {
    await database.block.count();
    await database.$disconnect();
    expect(await database.block.count()).to.equal(0);
  });

  it("of the application keeps what is written beside a transaction that is taken back", async () => {
    const application = await openDatabase(file.url, { application: true });
    try {
      let lone: Promise<unknown> | undefined;
      const outcome = await Promise.allSettled([
        application.$transaction(async (transaction) => {
          await transaction.block.create({ data: block(1) });
          // Prisma's promises begin when somebody waits for them.
          lone = application.block.create({ data: block(2) }).then(() => undefined);
          expect(await application.block.count(), "what others see of it").to.equal(0);
          await sleep(20);
          throw new Error("thought better of it");
        }),
      ]);
      expect(outcome[0].status).to.equal("rejected");
      await lone;
      expect(await numbers()).to.deep.equal([2]);
    } finally {
      await application.$disconnect();
    }
  });
});
