// What keeps a keystore from being open, what is said of it, and that it is open again once the cause is gone, without a restart.

import { spawn } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { pino } from "pino";
import { Registry } from "prom-client";
import { type BrandKeys, createKeystore, KeystoreError, openKeystore } from "../../../server/issuance/keystore.ts";
import { createSigners, type Signers } from "../../../server/issuance/signers.ts";
import { measureSigning, signingProblems } from "../../../server/issuance/signing-state.ts";
import { ROOT, watchCommand } from "../../support/commands.ts";
import { type FaultyRpc, type IdentifiedCall, startFaultyRpc } from "../../support/faulty-rpc.ts";
import { killDescendants } from "../../support/killer.ts";

const PASSPHRASE = "correct horse";
const PROGRAM = "scrypt-process.mjs";

describe("a keystore that does not open", () => {
  let folder: string;
  let file: string;
  let keys: BrandKeys;
  let lines: Record<string, unknown>[];
  let clock: number;
  const sound = () => readFileSync(join(folder, "sound.json"), "utf8");

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-keystore-faults-"));
    const made = join(folder, "sound.json");
    keys = await createKeystore({ file: made, label: "brand", passphrase: PASSPHRASE, demo: false });
  });
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(() => {
    lines = [];
    clock = Date.now();
    rmSync(join(folder, "keys"), { recursive: true, force: true });
    mkdirSync(join(folder, "keys"));
    file = join(folder, "keys", "brand.json");
    copyFileSync(join(folder, "sound.json"), file);
  });

  function create(config: Partial<Parameters<typeof createSigners>[0]["config"]> = {}): Signers {
    const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    return createSigners({
      config: {
        dataFolder: folder,
        keystoreFile: undefined,
        keystorePassphrase: PASSPHRASE,
        issuerPrivateKeys: [],
        remoteSignerUrl: undefined,
        ...config,
      },
      logger,
      remoteTimeoutMs: 200,
      now: () => clock,
      steady: () => clock,
    });
  }
  const faults = (signers: Signers) => signers.keystoreProblems().map(({ fault, stillOpen }) => ({ fault, stillOpen }));
  const isOpen = (signers: Signers) => signers.signers.map(({ address }) => address).join() === keys.issuer.address;
  const warnings = () => lines.filter(({ level }) => level === 40).map(({ reason }) => String(reason));
  async function untilOpen(signers: Signers): Promise<void> {
    while (!isOpen(signers) || signers.keystoreProblems().length > 0) {
      clock += 2_000;
      await signers.look();
      await sleep(10);
    }
  }

  it("because its process is killed, is not called damaged, and is tried again until it is open", async () => {
    const signers = create();
    const killer = killDescendants(process.pid, PROGRAM);
    try {
      await signers.open();
      expect(faults(signers)).to.deep.equal([{ fault: "process", stillOpen: false }]);
      expect(signers.keystoreProblems()[0]?.issuer).to.equal(keys.issuer.address);
      // Not at each look: each takes memory that is short.
      const tried = killer.killed();
      await signers.look();
      expect(killer.killed()).to.equal(tried);
      for (const until = tried + 2; killer.killed() < until; clock += 2_000) await signers.look();
      expect(warnings()).to.have.length(1);
      expect(warnings()[0])
        .to.match(/was killed \(SIGKILL\)\. Is memory short\? The keystore is not at fault; try again\.$/)
        .and.not.to.match(/damaged|backup/);
    } finally {
      await killer.stop();
    }
    await untilOpen(signers);
  });

  for (const [what, command, says] of [
    ["ends with an error", "process.exit(3)", /ended unexpectedly \(code 3\)/],
    ["answers with something else", "console.log('0x00')", /answered with something that is no answer/],
    ["answers with nothing", "", /answered with something that is no answer/],
  ] as const) {
    it(`because its process ${what}`, async () => {
      // The runtime that is started is another one: everything else is as it is.
      const fake = join(folder, "node");
      writeFileSync(fake, `#!/bin/sh\nexec ${process.execPath} -e "${command}"\n`, { mode: 0o755 });
      const real = process.execPath;
      process.execPath = fake;
      try {
        const error = await openKeystore(file, PASSPHRASE).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(KeystoreError);
        expect((error as KeystoreError).fault).to.equal("process");
        expect((error as KeystoreError).message).to.match(says);
        rmSync(fake);
        const gone = (await openKeystore(file, PASSPHRASE).catch((reason: unknown) => reason)) as KeystoreError;
        expect([gone.fault, gone.message]).to.deep.equal([
          "process",
          `The keystore ${file} is not open. The process that opens a keystore could not be started: the system refused (ENOENT). The keystore is not at fault; try again.`,
        ]);
      } finally {
        process.execPath = real;
      }
    });
  }

  it("because too many files are open: said so, nothing crashes, and open once there is room", async () => {
    const script = `
      import { openSync, closeSync } from "node:fs";
      import { openKeystore } from ${JSON.stringify(join(ROOT, "server/issuance/keystore.ts"))};
      const open = [];
      const fill = () => { try { for (;;) open.push(openSync("/dev/null", "r")); } catch {} };
      for (const room of [0, 2, 4]) {
        fill();
        for (const descriptor of open.splice(0, room)) closeSync(descriptor);
        const error = await openKeystore(${JSON.stringify(file)}, ${JSON.stringify(PASSPHRASE)}).catch((reason) => reason);
        console.log(error.fault, error.message);
      }
      for (const descriptor of open.splice(0)) closeSync(descriptor);
      console.log((await openKeystore(${JSON.stringify(file)}, ${JSON.stringify(PASSPHRASE)})).issuer.address);`;
    writeFileSync(join(folder, "many-files.ts"), script);
    const child = watchCommand(
      spawn("sh", ["-c", 'ulimit -n 200; exec "$0" "$1"', process.execPath, join(folder, "many-files.ts")], {
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    expect(await child.ended, child.output()).to.equal(0);
    const said = child.output().trim().split("\n");
    expect(said).to.have.length(4);
    expect(said[0]).to.match(/^unreadable .*cannot be read \(EMFILE\)\. Too many files are open: raise the limit/);
    for (const line of said.slice(1, 3))
      expect(line).to.match(/^process .*could not be started: the server has too many open files\. .*\(EMFILE\)/);
    expect(said[3]).to.equal(keys.issuer.address);
  });

  const unreadable = (path: string) => {
    rmSync(path, { force: true });
    // No right to read would not keep the superuser from it.
    symlinkSync(path, path);
  };
  for (const [what, fault, spoil] of [
    ["cannot be read", "unreadable", unreadable],
    ["is empty", "damaged", (path: string) => writeFileSync(path, "")],
    ["is cut off", "damaged", (path: string) => writeFileSync(path, sound().slice(0, 300))],
    [
      "was changed",
      "damaged",
      (path: string) => writeFileSync(path, sound().replaceAll(keys.issuer.address, keys.admin.address)),
    ],
    [
      "needs another passphrase",
      "wrong-passphrase",
      (path: string) => writeFileSync(path, sound().replace(/"mac": "../, '"mac": "00')),
    ],
  ] as const) {
    it(`because its file ${what}, is open once that is mended`, async () => {
      spoil(file);
      const signers = create();
      await signers.open();
      expect(faults(signers)).to.deep.equal([{ fault, stillOpen: false }]);
      await signers.look();
      expect(warnings(), "said once").to.have.length(1);
      rmSync(file);
      copyFileSync(join(folder, "sound.json"), file);
      await untilOpen(signers);
    });

    it(`is not one whose file ${what} only later; that is said all the same`, async () => {
      const signers = create();
      await signers.open();
      expect(isOpen(signers)).to.equal(true);
      spoil(file);
      await signers.look();
      expect(faults(signers)).to.deep.equal([{ fault, stillOpen: true }]);
      expect(isOpen(signers)).to.equal(true);
      rmSync(file);
      await signers.look();
      expect(faults(signers)).to.deep.equal([{ fault: "missing", stillOpen: true }]);
      copyFileSync(join(folder, "sound.json"), file);
      await untilOpen(signers);
    });
  }

  it("because its file is missing, is open once it is there: the one that is named, and one that comes later", async () => {
    const named = join(folder, "elsewhere.json");
    rmSync(file);
    const signers = create({ keystoreFile: named });
    await signers.open();
    expect(faults(signers)).to.deep.equal([{ fault: "missing", stillOpen: false }]);
    copyFileSync(join(folder, "sound.json"), named);
    await untilOpen(signers);
    const second = await createKeystore({ file, label: "b", passphrase: PASSPHRASE, demo: false });
    await signers.look();
    expect(signers.signers.map(({ address }) => address)).to.deep.equal([keys.issuer.address, second.issuer.address]);
    // It has only got another name.
    renameSync(file, join(folder, "keys", "renamed.json"));
    await signers.look();
    expect(faults(signers)).to.deep.equal([]);
    expect(signers.signers).to.have.length(2);
  });

  it("because the folder of keystores cannot be looked through", async () => {
    rmSync(join(folder, "keys"), { recursive: true });
    symlinkSync(join(folder, "keys"), join(folder, "keys"));
    const signers = create();
    await signers.open();
    expect(faults(signers)).to.deep.equal([{ fault: "unreadable", stillOpen: false }]);
    rmSync(join(folder, "keys"));
    mkdirSync(join(folder, "keys"));
    copyFileSync(join(folder, "sound.json"), file);
    await untilOpen(signers);
  });

  it("is told of without names of folders, and is measured", async () => {
    const registry = new Registry();
    writeFileSync(file, "");
    const remote: FaultyRpc = await startFaultyRpc("http://127.0.0.1:1");
    try {
      const signers = create({ remoteSignerUrl: remote.rpcUrl });
      const silent = [{ address: keys.issuer.address, since: clock, reason: `at ${remote.rpcUrl}` }];
      measureSigning(registry, () => ({ signers, silent }));
      for (const fault of [{ kind: "hang" }, { kind: "drop" }, { kind: "answer", status: 403, body: "no" }] as const) {
        remote.fault = fault;
        await signers.open();
        const problems = signingProblems({ signers, silent });
        expect(problems.map(({ signer, fault }) => `${signer}: ${fault}`)).to.deep.equal([
          "keystore brand.json: damaged",
          "remote signer: remote-signer-away",
          `key ${keys.issuer.address}: does-not-sign`,
        ]);
        expect(JSON.stringify(problems)).not.to.contain(folder).and.not.to.contain(remote.rpcUrl);
        const measured = await registry.metrics();
        for (const line of [
          'mintmark_keystores_closed{reason="damaged"} 1',
          'mintmark_keystores_closed{reason="process"} 0',
          "mintmark_remote_signer_away 1",
          "mintmark_signers_silent 1",
        ])
          expect(measured).to.contain(line);
      }
      expect(warnings().filter((line) => line.includes("remote signer"))).to.have.length(1);
      remote.fault = (calls) => {
        const [{ id } = { id: 0 }] = calls as IdentifiedCall[];
        return { kind: "answer", status: 200, body: JSON.stringify({ jsonrpc: "2.0", id, result: [] }) };
      };
      clock += 10_000;
      while (signers.remoteProblem() !== undefined) {
        await signers.look();
        await sleep(10);
      }
      expect(await registry.metrics()).to.contain("mintmark_remote_signer_away 0");
    } finally {
      await remote.close();
    }
  });
});
