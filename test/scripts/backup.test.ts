import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openDatabase } from "../../server/database/client.ts";
import { runCommand } from "../support/commands.ts";
import { mirrorRows } from "../support/mirror.ts";
import { createMirrorFixture, type MirrorFixture } from "../support/mirror-fixture.ts";

describe("npm run backup", () => {
  let folder: string;
  let mirror: MirrorFixture;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-backup-"));
    mirror = await createMirrorFixture();
  });
  afterEach(async () => {
    await mirror.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const backUp = (file: string, url = mirror.url) =>
    runCommand(`node scripts/backup.ts ${file}`, { DATABASE_URL: url });

  it("copies the database as of one moment, while it is written to", async () => {
    const file = join(folder, "new", "it's a backup.db");
    const before = await mirrorRows(mirror.database);
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const writing = mirror.database.$transaction(async (transaction) => {
      await transaction.card.updateMany({ data: { tier: 9 } });
      await held;
    });
    try {
      const { code, output } = await backUp(`"${file}"`);
      expect(output).to.match(/is a copy of .* MB\)/);
      expect(code).to.equal(0);
    } finally {
      letGo();
      await writing;
    }
    expect(existsSync(`${file}.unfinished`)).to.equal(false);

    const restored = join(folder, "restored.db");
    copyFileSync(file, restored);
    const database = await openDatabase(`file:${restored}`);
    try {
      expect(await mirrorRows(database)).to.deep.equal(before);
    } finally {
      await database.$disconnect();
    }
  });

  it("says what is missing, and writes over nothing", async () => {
    const taken = join(folder, "taken.db");
    writeFileSync(taken, "");
    const refusals: [Promise<{ code: number | null; output: string }>, RegExp][] = [
      [backUp(""), /Say which file to write/],
      [backUp(taken), /is there already\. Choose another name/],
      [backUp(join(folder, "b.db"), `file:${join(folder, "none.db")}`), /There is no database .*none\.db/],
      [backUp(join(folder, "b.db"), "postgresql://mint:s3cret@db/mint"), /pg_dump --format=custom/],
    ];
    for (const [refused, pattern] of refusals) {
      const { code, output } = await refused;
      expect(output).to.match(pattern).and.not.to.contain("s3cret");
      expect(code).to.equal(1);
    }
    expect(existsSync(join(folder, "b.db"))).to.equal(false);
    expect(existsSync(join(folder, "none.db"))).to.equal(false);
  });
});
