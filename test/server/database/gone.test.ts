// What happens to a database under a running server: deleted, replaced, cut, overwritten. Nothing that a restart would not find may be
// confirmed, and what was confirmed must be there.

import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { openDatabase } from "../../../server/database/client.ts";
import { describeOnPostgresql, onPostgresql, postgresql, type TestDatabase } from "../../support/databases.ts";
import type { TestServer } from "../../support/server.ts";
import { startTestShop, type TestShop } from "../../support/shop.ts";

const ORDERS = 8;

describe("a database that is lost while a server runs", () => {
  let shop: TestShop;
  let server: TestServer;
  let ordered = 0;

  before(async () => {
    shop = await startTestShop();
  });
  after(() => shop?.close());
  beforeEach(async () => {
    server = await shop.start();
    await server.untilReady();
    for (let count = 0; count < ORDERS; count++) {
      const { status, body } = await shop.order(server, ++ordered);
      expect(status, JSON.stringify(body)).to.equal(201);
    }
  });

  const all = () => ["", "-wal", "-shm"].map((ending) => `${shop.databaseFile}${ending}`);

  async function expectRefusals(says: RegExp): Promise<void> {
    const readiness = await server.untilReady(503);
    expect(readiness.reason).to.match(says).and.not.to.contain(shop.dataFolder);
    expect(await server.metric("mintmark_database_lost")).to.equal(1);
    expect((await server.get("/health")).status).to.equal(503);
    const order = await shop.order(server, ordered + 1);
    expect(order.status, JSON.stringify(order.body)).to.equal(503);
    expect(JSON.stringify(order.body)).not.to.contain(shop.dataFolder);
  }

  /** Puts what the server has rescued in the place of the database; every order that was confirmed must be there. */
  async function expectRescue(): Promise<void> {
    let rescued: string | undefined;
    while (rescued === undefined)
      rescued = /all that was written is in (\S+), beside it\. Stop/.exec((await server.readiness()).reason ?? "")?.[1];
    expect(await server.stop()).to.equal(0);
    for (const file of all()) rmSync(file, { force: true });
    renameSync(join(shop.dataFolder, rescued), shop.databaseFile);
    server = await shop.start();
    await server.untilReady();
    const { body } = await shop.ask(server, "/v1/orders?limit=200");
    expect(body.data.length).to.be.at.least(ordered);
    for (let number = 1; number <= ordered; number++)
      expect((await shop.order(server, number)).status, `order ${number}`).to.equal(201);
    await shop.kill(server);
  }

  const faults: Record<string, () => void> = {
    "because its files are deleted": () => {
      for (const file of all()) rmSync(file);
    },
    "because its WAL is deleted": () => rmSync(`${shop.databaseFile}-wal`),
    "because another file is put in its place": () => {
      copyFileSync(shop.databaseFile, `${shop.databaseFile}.other`);
      renameSync(`${shop.databaseFile}.other`, shop.databaseFile);
    },
  };
  for (const [how, fault] of Object.entries(faults)) {
    it(how, async () => {
      // Whoever orders in that moment is told the truth, too.
      let stopping = false;
      const shoppers = Array.from({ length: 4 }, async (_, shopper) => {
        for (let number = 1_000 * (shopper + 1) + ordered; !stopping; number++) {
          const { status } = await shop.order(server, number);
          if (status === 201) confirmed.push(number);
          else stopping = true;
        }
      });
      const confirmed: number[] = [];
      while (confirmed.length < 4) await server.get("/metrics");
      fault();
      await Promise.all(shoppers);
      await expectRefusals(/was deleted or replaced while the server ran\. Nothing more is written/);
      await expectRescue();
      server = await shop.start();
      for (const number of confirmed) expect((await shop.order(server, number)).status).to.equal(201);
      await shop.kill(server);
    });
  }

  it("because its WAL is cut", async () => {
    truncateSync(`${shop.databaseFile}-wal`, Math.round(statSync(`${shop.databaseFile}-wal`).size / 2));
    const { status } = await shop.order(server, ordered + 1);
    expect(status).to.equal(503);
    const { reason } = await server.untilReady(503);
    expect(reason).to.match(/-wal was cut while the server ran\. Nothing more is written/);
    await shop.kill(server);
  });
});

describe("a database whose pages are overwritten while a server runs", () => {
  let shop: TestShop;
  before(async () => {
    shop = await startTestShop();
  });
  after(() => shop?.close());

  it("is told as damaged, and takes nothing more", async () => {
    const server = await shop.start();
    await server.untilReady();
    for (let number = 1; number <= ORDERS; number++) await shop.order(server, number);
    const file = openSync(shop.databaseFile, "r+");
    writeSync(file, Buffer.alloc(statSync(shop.databaseFile).size - 4_096, 0x55), 0, undefined, 4_096);
    closeSync(file);
    // What is in caches and in the WAL is still right; sooner or later something else is asked for.
    for (let number = ORDERS + 1; ; number++) {
      const { status } = await shop.order(server, number);
      await shop.ask(server, `/v1/orders?limit=${number}`);
      await server.get("/v1/collections");
      await server.get("/v1/brands");
      if (status !== 201) break;
      if ((await server.readiness()).status === 503) break;
    }
    const { reason } = await server.untilReady(503);
    expect(reason).to.match(/is damaged \(.*\)\. Nothing more is written\. Stop the server and run npm run check/);
    expect((await server.get("/health")).status).to.equal(503);
    expect((await shop.order(server, 9_999)).status).to.equal(503);
  });
});

describeOnPostgresql("a PostgreSQL database that is lost", () => {
  let database: TestDatabase;
  let shop: TestShop;
  let name: string;
  before(async () => {
    database = await postgresql.createEmpty();
    name = new URL(database.url).pathname.slice(1);
    shop = await startTestShop(database.url);
  });
  after(async () => {
    await shop?.close();
    await database?.drop();
  });

  const replaceBy = async (sql: string) => {
    await onPostgresql(`DROP DATABASE ${name} WITH (FORCE)`);
    await onPostgresql(sql);
  };
  const refusal = () =>
    shop.start().then(
      () => expect.fail("the server has started"),
      (error: Error) => error.message,
    );

  it("ends the server when an older copy is put in its place, and is not taken for a new one afterwards", async () => {
    const server = await shop.start();
    await server.untilReady();
    expect((await shop.order(server, 1)).status).to.equal(201);
    expect(await server.stop()).to.equal(0);
    await onPostgresql(`CREATE DATABASE ${name}_older TEMPLATE ${name}`);

    const again = await shop.start();
    await again.untilReady();
    let said = "";
    again.process.stderr?.on("data", (data) => {
      said += data;
    });
    const ended = new Promise<number | null>((resolve) => again.process.once("exit", resolve));
    // So that the copy is older, by a look at least.
    const connection = await openDatabase(database.url);
    const commits = async () => (await connection.databaseState.findUniqueOrThrow({ where: { id: 1 } })).commits;
    const before = await commits();
    while ((await commits()) < before + 2n) await new Promise((resolve) => setTimeout(resolve, 100));
    await connection.$disconnect();
    await replaceBy(`CREATE DATABASE ${name} TEMPLATE ${name}_older`);
    expect(await ended).to.equal(1);
    expect(said).to.match(/has lost its newest \d+ commits/);
    expect(await refusal()).to.match(/has lost its newest \d+ commits.*npm run restore/);

    await replaceBy(`CREATE DATABASE ${name} TEMPLATE template0`);
    expect(await refusal()).to.match(/is missing or empty, although this data folder has used it/);
    await onPostgresql(`DROP DATABASE ${name}_older`);
    expect(readdirSync(shop.dataFolder).map((file) => join(shop.dataFolder, file))).not.to.contain(shop.databaseFile);
  });
});
