// Databases that cannot be used, as somebody who starts the server meets them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { DatabaseUnusableError } from "../../../server/database/unusable.ts";

describe("a database that cannot be used", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-database-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function expectRefusal(file: string, says: RegExp, options?: { patienceMs: number }): Promise<void> {
    const failure = await migrate(`file:${file}`, options).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(DatabaseUnusableError);
    expect((failure as Error).message)
      .to.contain(file)
      .and.to.match(says);
  }

  it("because it is damaged", async () => {
    const file = join(folder, "damaged.db");
    writeFileSync(file, "This is no database. ".repeat(50));
    await expectRefusal(file, /is damaged .*Keep it/);
  });

  it("because it is a folder, or in a file", async () => {
    mkdirSync(join(folder, "folder.db"));
    await expectRefusal(join(folder, "folder.db"), /cannot be written .*DATA_DIR or DATABASE_URL/);
    writeFileSync(join(folder, "file"), "");
    await expectRefusal(join(folder, "file", "mirror.db"), /cannot be written/);
  });

  it("but not because a server has it open", async () => {
    const file = join(folder, "open.db");
    await migrate(`file:${file}`);
    const server = await openDatabase(`file:${file}`);
    expect(await server.card.count()).to.equal(0);
    expect(await migrate(`file:${file}`, { patienceMs: 0 })).to.deep.equal([]);
    await server.$disconnect();
  });

  it("because another program has locked it, for as long as that lasts", async () => {
    const file = join(folder, "locked.db");
    await migrate(`file:${file}`);
    const other = await openDatabase(`file:${file}`);
    // Outside of WAL, as a backup program may have it.
    await other.$queryRawUnsafe("PRAGMA journal_mode = DELETE");
    await other.$queryRawUnsafe("PRAGMA locking_mode = EXCLUSIVE");
    await other.$executeRawUnsafe("CREATE TABLE held (id INTEGER)");
    await expectRefusal(file, /is locked by another program/, { patienceMs: 100 });
    const waiting = migrate(`file:${file}`);
    await other.$disconnect();
    expect(await waiting).to.deep.equal([]);
  });
});
