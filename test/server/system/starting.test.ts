// A machine on which nothing can be started, as a person meets it: one sentence that says what to do, and the end. And what a start
// makes of a data folder: for its owner only.

import { spawn, spawnSync } from "node:child_process";
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
import { expect } from "chai";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { ROOT, watchCommand } from "../../support/commands.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { startTestServer } from "../../support/server.ts";
import { canMount, makeSmallDisk, NEEDS_MOUNT, type SmallDisk } from "../../support/small-disk.ts";

let environment: NodeJS.ProcessEnv;

async function usualEnvironment(): Promise<NodeJS.ProcessEnv> {
  const variables: NodeJS.ProcessEnv = {
    ...process.env,
    ...{ PORT: String(await freePort()), RPC_URL: `http://127.0.0.1:${await freePort()}` },
  };
  for (const name of ["DATABASE_URL", "AUTH_SECRET", "DATA_KEY", "npm_lifecycle_event"]) delete variables[name];
  return variables;
}

/** Runs a command to its end, which must be a failure of one line. */
async function refusal(program: readonly string[], extra: NodeJS.ProcessEnv): Promise<string> {
  const [command = "", ...args] = program;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...environment, ...extra },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const running = watchCommand(child);
  const code = await running.ended;
  const output = running.output().trim();
  expect(code, output).to.equal(1);
  expect(output.split("\n"), output).to.have.length(1);
  return output;
}

const script = (...args: string[]) => [process.execPath, ...args];
const SERVER = script("server/main.ts");
/** Everything that a person starts and that keeps something. */
const STARTED = {
  "npm start": script("scripts/start.ts"),
  "npm run dev": script("scripts/dev.ts"),
  "npm run server": SERVER,
  "npm run payment-simulator": script("scripts/payment-simulator.ts"),
  "npm run accounts": script("scripts/accounts.ts", "key", "--brand", "1", "--role", "manager", "--name", "shop"),
};

describe("a start on a data folder that cannot be used", () => {
  let folder: string;

  beforeEach(async () => {
    environment = await usualEnvironment();
    folder = mkdtempSync(join(tmpdir(), "mintmark-starting-"));
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });

  async function expectEach(dataFolder: string, sentence: RegExp): Promise<void> {
    for (const [name, program] of Object.entries(STARTED))
      expect(await refusal(program, { DATA_DIR: dataFolder }), name).to.match(sentence);
  }

  const withDisk = canMount() ? it : it.skip;
  async function onDisk(work: (disk: SmallDisk) => Promise<void>): Promise<void> {
    const disk = makeSmallDisk(1);
    try {
      await work(disk);
    } finally {
      disk.remove();
    }
  }

  withDisk(`says that the disk is full${canMount() ? "" : ` (${NEEDS_MOUNT})`}`, async () => {
    await onDisk(async (disk) => {
      mkdirSync(join(disk.folder, "data"));
      disk.fill();
      await expectEach(join(disk.folder, "data"), /disk .*full.* Make room/);
    });
  });

  withDisk(`says that the file system is read-only${canMount() ? "" : ` (${NEEDS_MOUNT})`}`, async () => {
    await onDisk(async (disk) => {
      disk.setReadOnly(true);
      // Neither a folder that is there nor one that would have to be made.
      await expectEach(join(disk.folder, "data"), /read-only. Mount it writable/);
      expect(await refusal(SERVER, { DATA_DIR: disk.folder })).to.match(/read-only. Mount it writable/);
    });
  });

  it("says that it may not be written, and by whom", async function () {
    // The administrator may write everything, unless the right to do so is given up.
    const isRoot = process.getuid?.() === 0;
    const asUser = isRoot ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"] : [];
    if (isRoot && spawnSync("setpriv", ["--version"]).status !== 0) this.skip(); // apt-get install -y util-linux
    chmodSync(folder, 0o500);
    const output = await refusal([...asUser, ...SERVER], { DATA_DIR: join(folder, "data") });
    expect(output).to.match(/is not accessible to the user \S+ \(EACCES\)\. Correct its owner and its mode/);
  });

  it("says that a file is where the folder should be", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await refusal(SERVER, { DATA_DIR: join(folder, "file", "data") })).to.match(/cannot be used as a folder/);
  });

  it("says that too few files may be open", async () => {
    const program = ["/bin/sh", "-c", 'ulimit -n 40 && exec "$@"', "sh", ...SERVER];
    expect(await refusal(program, { DATA_DIR: folder })).to.match(/40 files and connections .* ulimit -n 4096/);
  });

  it("does not take what is no secret for one", async () => {
    const file = join(folder, "auth-secret");
    writeFileSync(file, "");
    const output = await refusal(SERVER, { DATA_DIR: folder });
    expect(output).to.contain(`The secret in ${file} is empty.`).and.to.contain("Restore the file from its backup");
    expect(readFileSync(file, "utf8"), "left as it was").to.equal("");
  });
});

describe("a data folder", () => {
  it("is for its owner only, also one that was made with wider modes", async () => {
    const above = mkdtempSync(join(tmpdir(), "mintmark-modes-"));
    const folder = join(above, "data");
    try {
      mkdirSync(join(folder, "keys"), { recursive: true });
      writeFileSync(join(folder, "keys", "brand.json.bak"), "{}");
      writeFileSync(join(folder, "somebody-elses"), "");
      for (const path of ["", "keys", "keys/brand.json.bak", "somebody-elses"]) chmodSync(join(folder, path), 0o755);
      const server = await startTestServer({
        ...{ DATA_DIR: folder, RPC_URL: `http://127.0.0.1:${await freePort()}`, AUTH_SECRET: "" },
      });
      expect(await server.stop()).to.equal(0);
      const open = (readdirSync(folder, { recursive: true }) as string[])
        .concat("")
        .filter((path) => (statSync(join(folder, path)).mode & 0o077) !== 0);
      expect(open).to.deep.equal(["somebody-elses"]);
      expect(existsSync(join(folder, "auth-secret"))).to.equal(true);
      expect(statSync(join(folder, "auth-secret")).mode & 0o777).to.equal(0o600);
    } finally {
      rmSync(above, { recursive: true, force: true });
    }
  });
});

describeOnEachDatabase("a secret that is missing", (kind) => {
  it("is not made anew where the database has what was encrypted with it", async () => {
    environment = await usualEnvironment();
    const folder = mkdtempSync(join(tmpdir(), "mintmark-secret-"));
    const { url, drop } = await kind.create();
    try {
      const database = await openDatabase(url);
      await database.customer.create({
        data: { id: "cus_1", brandId: 1, reference: "1", phoneHash: "hash", phoneCipher: "v1.sealed", createdAt: 0n },
      });
      await database.$disconnect();
      const settings = { DATA_DIR: folder, DATABASE_URL: url };
      expect(await refusal(SERVER, settings)).to.match(/auth-secret is missing.*phone numbers \(1\).*Restore the file/);
      expect(readdirSync(folder)).to.not.include("auth-secret");

      // Whoever has lost it says so by setting another; whoever keeps the key of the data elsewhere has lost nothing.
      const RPC_URL = `http://127.0.0.1:${await freePort()}`;
      const [secret, key] = ["the secret that takes its place, 1", "the key that encrypts what is kept"];
      for (const further of [{ AUTH_SECRET: secret }, { AUTH_SECRET: "", DATA_KEY: key }]) {
        const server = await startTestServer({ ...settings, RPC_URL, ...further });
        expect(await server.stop()).to.equal(0);
      }
    } finally {
      await drop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
