// What happens to a database file behind the server's back, while it is killed or stopped: nothing that was confirmed may be gone
// without a word, and nothing is made in the place of what is missing.

import { hash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { runCommand } from "../../support/commands.ts";
import { startTestShop, type TestShop } from "../../support/shop.ts";

const ORDERS = 12;

describe("a database that has lost something while no server ran", () => {
  let shop: TestShop;
  let wal: string;
  let known: string;
  let ordered = 0;

  before(async () => {
    shop = await startTestShop();
    wal = `${shop.databaseFile}-wal`;
  });
  after(() => shop?.close());

  /** Sells some cards and kills the server: the newest orders are in the WAL alone. */
  async function sellAndKill(): Promise<void> {
    const server = await shop.start();
    await server.untilReady();
    for (let count = 0; count < ORDERS; count++) {
      const { status, body } = await shop.order(server, ++ordered);
      expect(status, JSON.stringify(body)).to.equal(201);
    }
    await shop.kill(server);
    expect(statSync(wal).size).to.be.greaterThan(0);
    const [name] = readdirSync(shop.dataFolder).filter((file) => /^database-\w+\.json$/.test(file));
    known = `${shop.dataFolder}/${name}`;
  }

  /** All files of the database, and the hash of each. Whoever looks makes the shared memory anew. */
  function files(): string[] {
    return readdirSync(shop.dataFolder)
      .filter((name) => name.startsWith("mintmark.db") && !name.endsWith("-shm"))
      .map((name) => `${name} ${hash("sha256", readFileSync(join(shop.dataFolder, name)))}`);
  }

  async function expectRefusal(says: RegExp): Promise<void> {
    const failure = await shop.start().then(
      () => expect.fail("the server has started"),
      (error: Error) => error.message,
    );
    expect(failure).to.match(says);
    expect(failure.trim().split("\n"), "one sentence, no stack").to.have.length(1);
  }

  /** A start must find all orders that were confirmed. */
  async function expectAll(): Promise<void> {
    const server = await shop.start();
    for (let number = 1; number <= ordered; number++) {
      const { status, body } = await shop.order(server, number);
      expect(status, JSON.stringify(body)).to.equal(201);
    }
    const database = await shop.ask(server, "/v1/orders?limit=200");
    expect(database.body.data).to.have.length(ordered);
    await shop.kill(server);
  }

  it("because its WAL was deleted, or cut anywhere, after a kill", async () => {
    await sellAndKill();
    copyFileSync(wal, `${wal}.kept`);
    copyFileSync(shop.databaseFile, `${shop.databaseFile}.kept`);
    const size = statSync(wal).size;
    const faults = {
      deleted: () => rmSync(wal),
      empty: () => truncateSync(wal, 0),
      half: () => truncateSync(wal, Math.round(size / 2)),
      "without its end": () => truncateSync(wal, size - 40 * 4_096),
    };
    for (const fault of Object.values(faults)) {
      fault();
      await expectRefusal(/has lost its newest (\d+ commits|commit):.*Nothing was written.*npm run restore/);
      copyFileSync(`${wal}.kept`, wal);
      copyFileSync(`${shop.databaseFile}.kept`, shop.databaseFile);
      rmSync(`${shop.databaseFile}-shm`, { force: true });
    }
    await expectAll();
  });

  it("because it was deleted: none is made in its place", async () => {
    await sellAndKill();
    renameSync(shop.databaseFile, `${shop.databaseFile}.kept`);
    const before = files();
    await expectRefusal(/is missing or empty, although this data folder has used it.*npm run restore/);
    writeFileSync(shop.databaseFile, "");
    await expectRefusal(/is missing or empty/);
    rmSync(shop.databaseFile);
    expect(files()).to.deep.equal(before);
    // Without what the data folder remembers, the WAL tells.
    renameSync(known, `${known}.kept`);
    await expectRefusal(/is missing or empty, but its newest commits are in .*-wal/);
    expect(files()).to.deep.equal(before);
    renameSync(`${known}.kept`, known);
    renameSync(`${shop.databaseFile}.kept`, shop.databaseFile);
    await expectAll();
  });

  it("because another one, or an older copy, is in its place; which can be accepted", async () => {
    await sellAndKill();
    const { DATABASE_URL, DATA_DIR } = { DATABASE_URL: `file:${shop.databaseFile}`, DATA_DIR: shop.dataFolder };
    const older = `${shop.databaseFile}.older`;
    const database = await openDatabase(DATABASE_URL);
    await database.$executeRawUnsafe(`VACUUM INTO '${older}'`);
    await database.$disconnect();
    const confirmed = ordered;
    await sellAndKill();
    const all = [shop.databaseFile, wal, `${shop.databaseFile}-shm`];
    for (const file of all) renameSync(file, `${file}.newer`);

    await migrate(`file:${shop.databaseFile}`);
    await expectRefusal(/is not the one that this data folder has used/);
    for (const file of all) rmSync(file, { force: true });

    copyFileSync(older, shop.databaseFile);
    await expectRefusal(/has lost its newest \d+ commits/);
    const check = await runCommand("npm run --silent check", { DATABASE_URL, DATA_DIR });
    expect(check.output).to.match(/has lost its newest \d+ commits/);
    expect(check.code).to.equal(1);

    const accepted = await runCommand("npm run --silent accept-database", { DATABASE_URL, DATA_DIR });
    expect(accepted.output).to.match(/is accepted with \d+ commits, without the \d+/);
    ordered = confirmed;
    await expectAll();
    const well = await runCommand("npm run --silent check", { DATABASE_URL, DATA_DIR });
    expect(well.output).to.match(/has all commits[\s\S]*fit together[\s\S]*The mirror is what follows/);
    expect(well.code).to.equal(0);
  });

  it("because pages of it were overwritten", async () => {
    const bytes = readFileSync(shop.databaseFile);
    rmSync(wal, { force: true });
    expect(existsSync(shop.databaseFile)).to.equal(true);
    copyFileSync(shop.databaseFile, `${shop.databaseFile}.kept`);
    bytes.fill(0x55, 10 * 4_096);
    writeFileSync(shop.databaseFile, bytes);
    await expectRefusal(/is damaged .*Keep it: orders, keys, customers and webhooks are only there.*npm run restore/);
    const check = await runCommand("npm run --silent check", {
      DATABASE_URL: `file:${shop.databaseFile}`,
      DATA_DIR: shop.dataFolder,
    });
    expect(check.code).to.equal(1);
    expect(check.output).to.match(/✗ [\s\S]*keep the database. Restore a backup[\s\S]*\.recover/);
  });
});
