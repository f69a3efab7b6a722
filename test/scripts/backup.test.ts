import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect } from "chai";
import { create, extract, list } from "tar";
import { openDatabase } from "../../server/database/client.ts";
import { runCommand, startCommand } from "../support/commands.ts";
import {
  type DatabaseKind,
  describeOnEachDatabase,
  describeOnPostgresql,
  postgresql,
  sqlite,
  type TestDatabase,
} from "../support/databases.ts";
import { mirrorRows } from "../support/mirror.ts";
import { createMirrorFixture, type MirrorFixture } from "../support/mirror-fixture.ts";

const HASHES = Array.from({ length: 12 }, (_, number) => `0x${String(number).padStart(64, "0")}`);

/** A chain as it is kept in a file, up to a block. */
function writeChain(folder: string, head: number, hashOf = (number: number) => HASHES[number] ?? ""): void {
  mkdirSync(folder, { recursive: true });
  const database = new Database(join(folder, "chain.db"));
  database.pragma("journal_mode = WAL");
  database.exec(`CREATE TABLE "block" ("number" INTEGER PRIMARY KEY, "hash" BLOB NOT NULL)`);
  const insert = database.prepare(`INSERT INTO "block" VALUES (?, ?)`);
  for (let number = 0; number <= head; number++) insert.run(number, Buffer.from(hashOf(number).slice(2), "hex"));
  database.close();
  writeFileSync(join(folder, "head"), String(head));
}

function headOf(folder: string): number {
  const database = new Database(join(folder, "chain.db"), { readonly: true });
  try {
    return database.prepare<[], number>(`SELECT MAX("number") FROM "block"`).pluck().get() ?? -1;
  } finally {
    database.close();
  }
}

/** The files below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

describeOnEachDatabase("an archive of everything", (kind: DatabaseKind) => {
  let folder: string;
  let data: string;
  let archive: string;
  let mirror: MirrorFixture;
  /** What archives are put back into. */
  let target: TestDatabase | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-backup-"));
    data = join(folder, "data");
    archive = join(folder, "archives", "it's one.tar.gz");
    mirror = await createMirrorFixture(kind);
    for (const [path, text] of [
      ["keys/brand.json", "{}"],
      ["auth-secret", "secret"],
      ["deployments/5.json", "{}"],
      ["imports/imp_1.spreadsheet", "a,b"],
      ["imports/cut-off.part", "a"],
      ["logs/server.log", "line"],
      ["run.json", "{}"],
    ] as const) {
      mkdirSync(join(data, path, ".."), { recursive: true });
      writeFileSync(join(data, path), text);
    }
    writeChain(join(data, "chain"), 5);
  });
  afterEach(async () => {
    await mirror.close();
    await target?.drop();
    target = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const environment = (overrides: NodeJS.ProcessEnv = {}) => ({
    DATA_DIR: data,
    DATABASE_URL: mirror.url,
    AUTH_SECRET: "",
    ...overrides,
  });
  const backUp = (options = "", overrides = {}) =>
    runCommand(`node scripts/backup.ts "${archive}" ${options}`, environment(overrides));
  const restore = (options: string, overrides: NodeJS.ProcessEnv) =>
    runCommand(`node scripts/restore.ts "${archive}" ${options}`, environment(overrides));
  /** Another machine: an empty data folder, and an empty database of the same kind. */
  async function elsewhere(): Promise<{ DATA_DIR: string; DATABASE_URL: string }> {
    const other = join(folder, "elsewhere");
    if (kind === sqlite) return { DATA_DIR: other, DATABASE_URL: `file:${join(other, "mintmark.db")}` };
    target = await kind.createEmpty();
    return { DATA_DIR: other, DATABASE_URL: target.url };
  }

  it("is made as of one moment while others write, and put back on another machine", async () => {
    const before = await mirrorRows(mirror.database);
    const held = Promise.withResolvers<void>();
    const writing = mirror.database.$transaction(async (transaction) => {
      await transaction.card.updateMany({ data: { tier: 9 } });
      await held.promise;
    });
    try {
      const { code, output } = await backUp();
      expect(output)
        .to.match(/has everything that a restore needs .*local chain to block 5/s)
        .and.match(/holds keys and secrets/);
      expect(code).to.equal(0);
    } finally {
      held.resolve();
      await writing;
    }
    expect(statSync(archive).mode & 0o777).to.equal(0o600);
    expect(readdirSync(join(folder, "archives"))).to.deep.equal(["it's one.tar.gz"]);

    const other = await elsewhere();
    const restored = await restore("", other);
    expect(restored.output).to.match(/is as it was on .*npm run reconcile/s);
    expect(restored.code).to.equal(0);
    expect(filesIn(other.DATA_DIR).filter((file) => !file.startsWith("mintmark.db"))).to.deep.equal([
      "auth-secret",
      "chain/chain.db",
      "chain/head",
      "deployments/5.json",
      "imports/imp_1.spreadsheet",
      "keys/brand.json",
    ]);
    expect(statSync(join(other.DATA_DIR, "auth-secret")).mode & 0o077).to.equal(0);
    expect(headOf(join(other.DATA_DIR, "chain"))).to.equal(5);
    const database = await openDatabase(other.DATABASE_URL);
    try {
      expect(await mirrorRows(database)).to.deep.equal(before);
      expect(await database.restore.count()).to.equal(1);
      expect(await database.backup.count()).to.equal(1);
    } finally {
      await database.$disconnect();
    }
  });

  it("is refused by a data folder that has data, unless they may be set aside; and a chain that goes on is kept", async () => {
    await backUp();
    const other = await elsewhere();
    const there = other.DATA_DIR;
    mkdirSync(join(there, "keys"), { recursive: true });
    writeFileSync(join(there, "keys", "younger.json"), "younger");
    writeFileSync(join(there, "auth-secret"), "another");
    writeChain(join(there, "chain"), 9);
    const before = filesIn(there);
    const refused = await restore("", other);
    expect(refused.output).to.match(/There are data already .*--replace/);
    expect(refused.code).to.equal(1);
    expect(filesIn(there)).to.deep.equal(before);

    const { code, output } = await restore("--replace", other);
    expect(output).to.match(/goes on from the archive's \(4 blocks more\) and is kept/);
    expect(code).to.equal(0);
    expect(headOf(join(there, "chain"))).to.equal(9);
    expect(readFileSync(join(there, "auth-secret"), "utf8")).to.equal("secret");
    expect(readdirSync(join(there, "keys")).sort()).to.deep.equal(["brand.json", "younger.json"]);
    const [aside = ""] = readdirSync(there).filter((name) => name.startsWith("replaced-"));
    expect(output).to.include(aside);
    expect(readFileSync(join(there, aside, "auth-secret"), "utf8")).to.equal("another");
  });

  if (kind !== sqlite) return;

  it("does not replace a chain by another one unless it is told which counts", async () => {
    await backUp();
    const other = await elsewhere();
    const fork = (number: number) => `0x${(number < 4 ? String(number) : `f${number}`).padStart(64, "0")}`;
    writeChain(join(other.DATA_DIR, "chain"), 9, fork);
    const refused = await restore("--replace", other);
    expect(refused.output).to.match(/are different chains\. Say which counts/);
    expect(refused.code).to.equal(1);
    expect(headOf(join(other.DATA_DIR, "chain"))).to.equal(9);
    const { code } = await restore("--replace --replace-chain", other);
    expect(code).to.equal(0);
    expect(headOf(join(other.DATA_DIR, "chain"))).to.equal(5);
  });

  it("is checked as a whole before anything is touched", async () => {
    await backUp();
    const whole = readFileSync(archive);
    const other = await elsewhere();
    const pieces = join(folder, "pieces");
    mkdirSync(pieces);
    await extract({ file: archive, cwd: pieces });
    const names = ["manifest.json", ...filesIn(pieces).filter((name) => name !== "manifest.json")];
    const pack = async (change: () => void, files = names) => {
      change();
      await create({ file: archive, cwd: pieces, gzip: true }, files);
    };
    const manifest = readFileSync(join(pieces, "manifest.json"), "utf8");
    const cases: [() => Promise<void> | void, RegExp][] = [
      [() => writeFileSync(archive, whole.subarray(0, whole.length / 2)), /is damaged or no archive/],
      [() => writeFileSync(archive, "no archive"), /is damaged or no archive/],
      [() => pack(() => writeFileSync(join(pieces, "data/auth-secret"), "secreT")), /auth-secret is not what it was/],
      [() => pack(() => writeFileSync(join(pieces, "data/auth-secret"), "secret"), names.slice(0, -1)), /is missing/],
      [
        () => pack(() => writeFileSync(join(pieces, "manifest.json"), manifest.replace('"format": 1', '"format": 2'))),
        /made by a newer version/,
      ],
      [
        () =>
          pack(() =>
            writeFileSync(join(pieces, "manifest.json"), manifest.replace(/"migrations": \[/, '$&"20990101_new",')),
          ),
        /made by a newer version/,
      ],
    ];
    for (const [spoil, pattern] of cases) {
      await spoil();
      const { code, output } = await restore("", other);
      expect(output)
        .to.match(pattern)
        .and.not.match(/ at .*\.ts:/);
      expect(code).to.equal(1);
      expect(existsSync(other.DATA_DIR) ? filesIn(other.DATA_DIR) : []).to.deep.equal([]);
    }
  });

  it("says what is missing, and writes over nothing", async () => {
    mkdirSync(join(folder, "archives"));
    writeFileSync(archive, "taken");
    const inside = join(data, "keys", "a.tar.gz");
    const of = (line: string) => runCommand(line, environment());
    const refusals: [Promise<{ code: number | null; output: string }>, RegExp][] = [
      [of("node scripts/backup.ts"), /Say which file to write/],
      [of("node scripts/restore.ts"), /Say which archive to put back/],
      [backUp(), /is there already\. Choose another name, or say --overwrite/],
      [of(`node scripts/backup.ts ${inside}`), /is inside of what is backed up/],
      [of(`node scripts/restore.ts ${join(folder, "none.tar.gz")} --replace`), /There is no archive/],
    ];
    for (const [refused, pattern] of refusals) {
      const { code, output } = await refused;
      expect(output).to.match(pattern);
      expect(code).to.equal(1);
    }
    expect(readFileSync(archive, "utf8")).to.equal("taken");
    expect((await backUp("--overwrite")).code).to.equal(0);
    const found: string[] = [];
    await list({ file: archive, onReadEntry: ({ path }) => void found.push(path) });
    expect(found[0]).to.equal("manifest.json");
    // For the alarm about its age.
    const { finishedAt, bytes } = await mirror.database.backup.findFirstOrThrow();
    expect(Number(bytes)).to.equal(statSync(archive).size);
    expect(Number(finishedAt)).to.be.within(Date.now() - 60_000, Date.now());
  });
});

describe("npm run restore", () => {
  let folder: string;
  let mirror: MirrorFixture;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-restore-"));
    mirror = await createMirrorFixture(sqlite);
  });
  afterEach(async () => {
    await mirror.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const settings = () => ({ DATA_DIR: join(folder, "data"), DATABASE_URL: mirror.url, AUTH_SECRET: "" });
  const archive = () => join(folder, "a.tar.gz");

  it("goes on where it was killed, and nobody starts on a half of it", async () => {
    const data = settings().DATA_DIR;
    mkdirSync(data);
    writeFileSync(join(data, "auth-secret"), "archived");
    await runCommand(`node scripts/backup.ts ${archive()}`, settings());
    const { carryOut } = await import("../../scripts/backup/moves.ts");
    writeFileSync(join(data, "auth-secret"), "old");
    mkdirSync(join(data, ".restoring", "data"), { recursive: true });
    writeFileSync(join(data, ".restoring", "data", "auth-secret"), "new");
    const aside = join(data, "replaced-1", "auth-secret");
    // Killed after the first of two renames.
    expect(() =>
      carryOut(data, {
        archive: "a.tar.gz",
        moves: [
          { from: join(data, "auth-secret"), to: aside },
          { from: join(data, ".restoring", "data", "auth-secret"), to: join(data, "\0") },
        ],
        staging: [],
      }),
    ).to.throw();
    const plan = JSON.parse(readFileSync(join(data, "restore-under-way.json"), "utf8"));
    plan.moves[1].to = join(data, "auth-secret");
    writeFileSync(join(data, "restore-under-way.json"), JSON.stringify(plan));

    const server = await runCommand("node server/main.ts", { ...settings(), PORT: "3999" });
    expect(server.output).to.match(/was broken off .*npm run restore/);
    expect(server.code).to.equal(1);
    const { output, code } = await runCommand(`node scripts/restore.ts ${archive()} --replace`, {
      ...settings(),
      DATABASE_URL: `file:${join(folder, "new.db")}`,
    });
    expect(output).to.match(/was broken off is finished first/);
    expect(code).to.equal(0);
    expect(readFileSync(aside, "utf8")).to.equal("old");
    expect(readFileSync(join(data, "auth-secret"), "utf8")).to.equal("archived");
  });

  it("is finished with the command that is advised, whatever was made in its place; no command works on a half of it", async () => {
    const data = settings().DATA_DIR;
    mkdirSync(data);
    writeFileSync(join(data, "auth-secret"), "archived");
    await runCommand(`node scripts/backup.ts ${archive()}`, settings());
    const staging = join(data, ".restoring");
    mkdirSync(staging);
    const kept = join(data, "kept");
    writeFileSync(join(staging, "kept"), "restored");
    const aside = join(data, "replaced-1");
    mkdirSync(aside);
    writeFileSync(join(aside, "kept"), "old");
    const moves = [
      { from: kept, to: join(aside, "kept") },
      { from: join(staging, "kept"), to: kept },
    ];
    const plan = JSON.stringify({ archive: archive(), aside, moves, staging: [staging] });
    writeFileSync(join(data, "restore-under-way.json"), plan);

    const commands = [
      "accept-database",
      "audit",
      "backup x.tar.gz",
      "check",
      "rebuild",
      "reconcile",
      "reset-mirror",
      "resume",
    ];
    const key = "accounts key --brand 1 --role manager --name shop";
    for (const command of [...commands, key]) {
      const [name, ...args] = command.split(" ");
      const { output, code } = await runCommand(`node scripts/${name}.ts ${args.join(" ")}`, settings());
      expect(output, command).to.match(/was broken off .*npm run restore/);
      expect(code, command).to.be.greaterThan(0);
    }
    writeFileSync(kept, "made meanwhile");
    const { output, code } = await runCommand(`node scripts/restore.ts ${archive()}`, {
      ...settings(),
      DATABASE_URL: `file:${join(folder, "new.db")}`,
    });
    expect(output).to.match(/is finished first.*What was there is at \S+replaced-1/s);
    expect(code).to.equal(0);
    expect(readFileSync(kept, "utf8")).to.equal("restored");
    expect(readFileSync(join(aside, "kept"), "utf8")).to.equal("old");
    expect(readdirSync(data).find((name) => name.startsWith("kept.made-meanwhile-"))).not.to.equal(undefined);
  });

  it("does nothing while a server uses the database, or Mintmark runs on the data folder", async () => {
    await runCommand(`node scripts/backup.ts ${archive()}`, settings());
    const used = await runCommand(`node scripts/restore.ts ${archive()} --replace`, settings());
    expect(used.output).to.match(/A server uses the database/);
    expect(used.code).to.equal(1);
    const running = startCommand("sleep 60");
    const { identifyProcess } = await import("../../scripts/lifecycle/process-identity.mjs");
    try {
      mkdirSync(settings().DATA_DIR, { recursive: true });
      const supervisor = identifyProcess(running.child.pid ?? 0);
      writeFileSync(join(settings().DATA_DIR, "run.json"), JSON.stringify({ supervisor, children: {} }));
      const other = { ...settings(), DATABASE_URL: `file:${join(folder, "new.db")}` };
      const { code, output } = await runCommand(`node scripts/restore.ts ${archive()} --replace`, other);
      expect(output).to.match(/Mintmark is running on .*Stop it/s);
      expect(code).to.equal(1);
    } finally {
      process.kill(-(running.child.pid ?? 0), "SIGKILL");
    }
  });

  it("refuses an archive of the other kind of database", async () => {
    await runCommand(`node scripts/backup.ts ${archive()}`, settings());
    const other = { ...settings(), DATABASE_URL: "postgresql://mint:s3cret@127.0.0.1:1/mint" };
    const { code, output } = await runCommand(`node scripts/restore.ts ${archive()}`, other);
    expect(output).to.not.contain("s3cret");
    expect(code).to.equal(1);
  });
});

describeOnPostgresql("npm run backup on PostgreSQL", () => {
  it("says which program is missing", async () => {
    const mirror = await createMirrorFixture(postgresql);
    const folder = mkdtempSync(join(tmpdir(), "mintmark-backup-"));
    try {
      const { dumpPostgresql } = await import("../../scripts/backup/postgresql-tools.ts");
      const { locateDatabase } = await import("../../server/database/location.ts");
      const location = locateDatabase(mirror.url);
      if (location.provider !== "postgresql") throw new Error("It is not of PostgreSQL");
      const failure = await dumpPostgresql(location, join(folder, "a.dump"), join(folder, "pg_dump")).catch(
        (error) => error,
      );
      expect(failure.message).to.match(/pg_dump is not on this machine\. Install/);
      writeFileSync(
        join(folder, "pg_dump"),
        "#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\necho 'pg_dump: detail: server version: 17.2; pg_dump version: 12.1' >&2\nexit 1\n",
      );
      chmodSync(join(folder, "pg_dump"), 0o755);
      const older = await dumpPostgresql(location, join(folder, "a.dump"), join(folder, "pg_dump")).catch(
        (error) => error,
      );
      expect(older.message).to.match(/is older than what it is to work with: the server has 17\.2, the program 12\.1/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await mirror.close();
    }
  });
});
