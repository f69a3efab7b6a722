import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { storageFaultOf } from "../../../server/database/unusable.ts";
import { sqlite, type TestDatabase } from "../../support/databases.ts";
import { canMount, makeSmallDisk, NEEDS_MOUNT } from "../../support/small-disk.ts";

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

const withDisk = canMount() ? describe : describe.skip;
withDisk(
  `a connection to SQLite on a thread of its own, on a full disk${canMount() ? "" : ` (${NEEDS_MOUNT})`}`,
  () => {
    it("says so at every statement of the transaction that was taken back, and at its end; the next one is carried out", async () => {
      const disk = makeSmallDisk(8);
      const url = `file:${join(disk.folder, "mintmark.db")}`;
      await migrate(url);
      const database = await openDatabase(url, { application: true });
      try {
        await database.block.create({ data: { number: 1, hash: "0x", timestamp: 1n } });
        disk.fill();
        const faults: unknown[] = [];
        const note = (error: unknown) => void faults.push(storageFaultOf(error));
        await database
          .$transaction(async (transaction) => {
            // Larger than the cache, so that the statement itself fails and not only the commit.
            await transaction.$executeRaw`
            INSERT INTO "Attempts" ("key", "count", "endsAt") VALUES (hex(zeroblob(10000000)), 1, 0)`.catch(note);
            await transaction.block.create({ data: { number: 2, hash: "0x", timestamp: 1n } }).catch(note);
            await transaction.block.count().catch(note);
          })
          .catch(note);
        expect(faults).to.deep.equal(Array(4).fill("disk-full"));
        disk.empty();
        await database.block.create({ data: { number: 3, hash: "0x", timestamp: 1n } });
        expect(await database.block.findMany({ select: { number: true } })).to.deep.equal([
          { number: 1 },
          { number: 3 },
        ]);
      } finally {
        await database.$disconnect();
        disk.remove();
      }
    });
  },
);
