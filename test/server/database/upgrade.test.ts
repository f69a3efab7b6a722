// Databases of another version: a newer one is not touched, an interrupted upgrade leaves the old one, and several servers may upgrade at
// once.

import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { DatabaseUnusableError } from "../../../server/database/unusable.ts";
import { describeOnEachDatabase, type TestDatabase } from "../../support/databases.ts";

const INTERRUPTIONS = 6;

describeOnEachDatabase("an upgrade", (kind) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await kind.createEmpty();
  });
  afterEach(() => database.drop());

  async function expectRefusal(says: RegExp): Promise<void> {
    const failure = await migrate(database.url).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(DatabaseUnusableError);
    expect((failure as Error).message).to.match(says);
  }

  async function change(sql: string): Promise<void> {
    const client = await openDatabase(database.url);
    await client.$executeRawUnsafe(sql);
    await client.$disconnect();
  }

  /** Migrates in a process of its own. */
  const startUpgrade = (url = database.url) =>
    fork(new URL("./upgrade-process.ts", import.meta.url), [url], { stdio: "inherit" });

  it("is not done to a database of a newer version", async () => {
    await migrate(database.url);
    await change(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ('newer', '', '29991231000000_of_the_future', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 1)`,
    );
    await expectRefusal(/is of a newer Mintmark than this one .*29991231000000_of_the_future.*Start that version/);
  });

  it("is not taken up where an older version was interrupted", async () => {
    await migrate(database.url);
    await change(
      "UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name LIKE '%\\_database\\_state' ESCAPE '\\'",
    );
    await expectRefusal(/is half upgraded: the migration \d+_database_state was interrupted.*npm run restore/);
  });

  it("that is killed leaves what was there, and is done by the next start", async () => {
    const other = await kind.createEmpty();
    const whole = startUpgrade(other.url);
    await once(whole, "message");
    const began = performance.now();
    await once(whole, "exit");
    const takesMs = performance.now() - began;
    await other.drop();
    for (let round = 0; round < INTERRUPTIONS; round++) {
      const upgrade = startUpgrade();
      const ended = once(upgrade, "exit");
      await once(upgrade, "message");
      await sleep((takesMs * (round + 0.5)) / INTERRUPTIONS);
      upgrade.kill("SIGKILL");
      await ended;
    }
    await migrate(database.url);
    const client = await openDatabase(database.url);
    expect(await client.databaseState.count()).to.equal(1);
    await client.$disconnect();
  });

  it("is done once by several that start at once", async () => {
    const upgrades = Array.from({ length: 3 }, () => startUpgrade());
    const ended = await Promise.all(upgrades.map((upgrade) => once(upgrade, "exit")));
    expect(ended.map(([code]) => code)).to.deep.equal([0, 0, 0]);
    const client = await openDatabase(database.url);
    expect(await client.databaseState.count()).to.equal(1);
    await client.$disconnect();
  });
});
