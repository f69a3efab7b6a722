// The processes behind imports, killed as the system does when memory is short: the work is done again from where it was, or what
// cannot be done is said, and nothing waits for ever.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { pino } from "pino";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { ChildEndedError } from "../../../server/child-processes.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { startChild } from "../../../server/imports/child.ts";
import { createImportFiles } from "../../../server/imports/files.ts";
import { startHolderProcess } from "../../../server/imports/holder-process.ts";
import { type ImportWorker, startImportWorker } from "../../../server/imports/worker.ts";
import { type BrandKeys, createKeystore, DEMO_PASSPHRASE } from "../../../server/issuance/keystore.ts";
import { sqlite } from "../../support/databases.ts";
import { type Killer, killDescendants } from "../../support/killer.ts";
import { COLLECTIONS, createMirrorFixture, type MirrorFixture, NOW } from "../../support/mirror-fixture.ts";
import { type RunningApp, startApp } from "../http/support.ts";

const HEADER = "no,customer,holder,tier,expiry,physical card number";
const LINES = 600;

describe("an import whose processes are killed", () => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let worker: ImportWorker;
  let keys: BrandKeys;
  let apiKey: string;
  let killer: Killer | undefined;
  let ahead = 0;
  let first = 1_000;
  const folder = mkdtempSync(join(tmpdir(), "mintmark-killed-"));

  before(async () => {
    mirror = await createMirrorFixture(sqlite);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application, dataFolder: folder });
    const file = join(folder, "keys", "brand.json");
    keys = await createKeystore({ file, label: "brand", passphrase: DEMO_PASSPHRASE, demo: true });
    apiKey = (
      await createApiKey(application, {
        ...{ brandId: 1, role: "manager", name: "test", createdBy: "test", now: NOW * 1000 },
      })
    ).key;
    worker = startImportWorker({
      application,
      database: mirror.database,
      files: createImportFiles(folder),
      holders: async () => startHolderProcess({ file, passphrase: DEMO_PASSPHRASE }),
      leads: () => true,
      logger: pino({ level: "silent" }),
      now: () => NOW * 1000 + ahead,
      steady: () => ahead,
    });
  });
  after(async () => {
    await worker.stop();
    await app.close();
    await application.$disconnect();
    await mirror.close();
    rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    await killer?.stop();
    killer = undefined;
  });

  const ask = (path: string, init: RequestInit = {}) =>
    app.get(`/v1/imports${path}`, { ...init, headers: { Authorization: `Bearer ${apiKey}`, ...init.headers } });
  async function upload(): Promise<{ id: string; from: number }> {
    const from = first;
    first += LINES;
    const lines = Array.from({ length: LINES }, (_, index) => `${from + index},A-${(from + index) % 50},,1,,`);
    const response = await ask(`?collection=${COLLECTIONS.firstEdition.slug}`, {
      method: "POST",
      headers: { "Content-Type": "text/csv" },
      body: [HEADER, ...lines].join("\n"),
    });
    expect(response.status).to.equal(201);
    return { id: ((await response.json()) as { data: { id: string } }).data.id, from };
  }
  const importOf = async (id: string) =>
    ((await (await ask(`/${id}`)).json()) as { data: { state: string; failure: string | null } }).data;
  /** The worker's clock runs ahead, so that what was put off is tried again at once. */
  async function until(id: string, holds: (row: { state: string; failure: string | null }) => boolean) {
    for (;;) {
      const row = await importOf(id);
      if (holds(row)) return row;
      ahead += 500;
      await sleep(20);
    }
  }
  async function expectWhole(id: string, from: number): Promise<void> {
    const rows = await application.importLine.findMany({ where: { importId: id }, orderBy: { line: "asc" } });
    const addresses = Array.from({ length: 50 }, (_, index) => keys.holderAddress(`A-${index}`).toLowerCase());
    expect(rows.map(({ line, serial, holder, state }) => [line, serial, holder, state])).to.deep.equal(
      Array.from({ length: LINES }, (_, index) => [index + 2, from + index, addresses[(from + index) % 50], "ready"]),
    );
  }

  for (const program of ["reader-process-child", "holder-process-child", "scrypt-process"]) {
    it(`(${program}) is checked all the same, each line once`, async () => {
      killer = killDescendants(process.pid, program, 2);
      const { id, from } = await upload();
      const told = await until(id, ({ failure }) => failure !== null);
      expect(told.state).to.equal("checking");
      expect(told.failure).to.match(/was killed \(SIGKILL\)\. Is memory short\?.* It is tried again by itself\.$/);
      const ready = await until(id, ({ state }) => state !== "uploaded" && state !== "checking");
      expect([ready.state, ready.failure]).to.deep.equal(["ready", null]);
      expect(killer.killed()).to.equal(2);
      await expectWhole(id, from);
    });
  }

  it("is given up where its file ends the process again and again; others are checked meanwhile", async () => {
    killer = killDescendants(process.pid, "reader-process-child");
    const { id } = await upload();
    const failed = await until(id, ({ state }) => state === "failed");
    expect(failed.failure)
      .to.match(
        /^The process that reads a spreadsheet was killed \(SIGKILL\)\. Is memory short\? It was tried 6 times\./,
      )
      .and.to.contain("Split the file");
    await killer.stop();
    const next = await upload();
    await until(next.id, ({ state }) => state === "ready");
    await expectWhole(next.id, next.from);
  });

  it("gives no document that looks whole", async () => {
    const { id } = await upload();
    await until(id, ({ state }) => state === "ready");
    await application.importLine.updateMany({ where: { importId: id }, data: { state: "done" } });
    await application.import.updateMany({ where: { id }, data: { state: "done", doneLines: LINES, endedAt: 1 } });
    killer = killDescendants(process.pid, "print-process-child");
    const refused = await ask(`/${id}/codes.zip?format=svg`);
    expect(refused.status).to.equal(503);
    expect(refused.headers.get("content-disposition")).to.equal(null);
    expect(((await refused.json()) as { detail: string }).detail).to.match(
      /^The process that makes a document to print was killed \(SIGKILL\)\..*Try again in a few seconds\.$/,
    );
    await killer.stop();
    killer = undefined;
    const begun = await ask(`/${id}/codes.zip?format=svg`);
    const reader = begun.body?.getReader();
    await reader?.read();
    killer = killDescendants(process.pid, "print-process-child");
    const end = await (async () => {
      while ((await reader?.read())?.done !== true);
    })().catch((error: unknown) => error);
    expect(end).to.be.instanceOf(Error);
    await killer.stop();
    // And it can be had after that.
    const whole = Buffer.from(await (await ask(`/${id}/codes.zip?format=svg`)).arrayBuffer());
    expect(whole.subarray(-22, -18).toString("latin1")).to.equal("PK\u0005\u0006");
  });
});

describe("a process that computes", () => {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-child-"));
  const program = join(folder, "program.ts");
  const serving = (body: string) =>
    writeFileSync(
      program,
      `import { openSync } from "node:fs";
       import { serve } from ${JSON.stringify(join(import.meta.dirname, "../../../server/imports/child.ts"))};
       serve(async (question) => { ${body} });`,
    );
  after(() => rmSync(folder, { recursive: true }));
  const failure = async (asked: Promise<unknown>) => {
    const error = await asked.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ChildEndedError);
    return (error as ChildEndedError).end;
  };

  it("answers, and says how it has ended to whoever asks then", async () => {
    serving("return question + 1");
    const child = startChild("reader", program);
    expect(await child.ask(1)).to.equal(2);
    const killer = killDescendants(process.pid, program);
    while (killer.killed() === 0) await sleep(5);
    await killer.stop();
    expect(await failure(child.ask(2))).to.deep.equal({ kind: "killed", signal: "SIGKILL" });
    expect(await failure(child.ask(3))).to.deep.equal({ kind: "killed", signal: "SIGKILL" });
    await child.close();
  });

  it("tells what the system does not let it do, and lives on", async () => {
    serving('if (question === "open") openSync("/no/such/file"); return "fine"');
    const child = startChild("reader", program);
    expect(await failure(child.ask("open"))).to.deep.equal({
      kind: "refused",
      reason: "ENOENT: no such file or directory, open '/no/such/file'",
    });
    expect(await child.ask("")).to.equal("fine");
    await child.close();
  });

  it("is ended where it does not answer, and closed at once where it is not wanted", async () => {
    serving("await new Promise(() => {}); return question");
    const hanging = startChild("reader", program, 500);
    expect(await failure(hanging.ask(1))).to.deep.equal({ kind: "silent", seconds: 0.5 });
    const closed = startChild("reader", program);
    const asked = closed.ask(1).catch((error: Error) => error.message);
    await closed.close();
    expect(await asked).to.equal("The process was closed");
    expect(readdirSync(folder)).to.deep.equal(["program.ts"]);
  });

  it("that cannot be started is told, and ends nothing", async () => {
    const real = process.execPath;
    process.execPath = join(folder, "nothing");
    try {
      const child = startChild("holders", program);
      expect(await failure(child.ask(1))).to.deep.equal({ kind: "not-started", code: "ENOENT" });
      await child.close();
    } finally {
      process.execPath = real;
    }
  });
});
