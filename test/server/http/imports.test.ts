// Spreadsheets as uploads, from the request to the commands for the sender, and from its outcome to what is downloaded.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { getAddress } from "ethers";
import { pino } from "pino";
import yauzl from "yauzl";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import type { BrandRole } from "../../../server/accounts/principal.ts";
import { UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { createImportFiles } from "../../../server/imports/files.ts";
import { startHolderProcess } from "../../../server/imports/holder-process.ts";
import { type ImportWorker, startImportWorker } from "../../../server/imports/worker.ts";
import { type BrandKeys, createKeystore, DEMO_PASSPHRASE } from "../../../server/issuance/keystore.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { addressOf, COLLECTIONS, createMirrorFixture, type MirrorFixture, NOW } from "../../support/mirror-fixture.ts";
import { until } from "../../support/patience.ts";
import { workbook } from "../../support/workbook.ts";
import { type RunningApp, startApp } from "./support.ts";

const CSV = "text/csv";
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const HEADER = "no,customer,holder,tier,expiry,physical card number";

interface ImportData {
  id: string;
  state: string;
  failure: string | null;
  warnings: string[];
  lines: Record<string, number>;
  layout: { sheet: string | null; headerLine: number; columns: Record<string, unknown>[] } | null;
}

describeOnEachDatabase("imports", (kind) => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let worker: ImportWorker;
  let keys: BrandKeys;
  let leads = true;
  let from = 1000;
  const dataFolder = mkdtempSync(join(tmpdir(), "mintmark-imports-"));
  const apiKeys: Record<string, string> = {};

  before(async () => {
    mirror = await createMirrorFixture(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application, dataFolder, maxImportMegabytes: 1 });
    const file = join(dataFolder, "keys", "brand.json");
    keys = await createKeystore({ file, label: "brand", passphrase: DEMO_PASSPHRASE, demo: true });
    for (const [name, brandId, role] of [
      ["owner", 1, "owner"],
      ["manager", 1, "manager"],
      ["staff", 1, "staff"],
      ["auditor", 1, "auditor"],
      ["other", 2, "owner"],
    ] as [string, number, BrandRole][]) {
      const made = await createApiKey(application, { brandId, role, name, createdBy: "test", now: NOW * 1000 });
      apiKeys[name] = made.key;
    }
    worker = startImportWorker({
      application,
      database: mirror.database,
      files: createImportFiles(dataFolder),
      holders: async () => startHolderProcess({ file, passphrase: DEMO_PASSPHRASE }),
      leads: () => leads,
      logger: pino({ level: "silent" }),
      now: () => app.clock.now * 1000,
      steady: app.steady,
    });
  });
  after(async () => {
    await worker.stop();
    await app.close();
    await application.$disconnect();
    await mirror.close();
    rmSync(dataFolder, { recursive: true });
  });
  afterEach(() => {
    leads = true;
  });

  const ask = (path: string, init: RequestInit = {}, as = "manager") =>
    app.get(`/v1/imports${path}`, { ...init, headers: { Authorization: `Bearer ${apiKeys[as]}`, ...init.headers } });
  const upload = (body: string | Buffer, query = "", as = "manager", type = CSV) =>
    ask(
      `?collection=${COLLECTIONS.firstEdition.slug}${query}`,
      {
        method: "POST",
        headers: { "Content-Type": type },
        body: typeof body === "string" ? body : new Uint8Array(body),
      },
      as,
    );
  const data = async (response: Response): Promise<ImportData> => {
    const text = await response.text();
    expect(response.status, text).to.be.oneOf([200, 201]);
    return (JSON.parse(text) as { data: ImportData }).data;
  };
  const get = async (id: string) => await data(await ask(`/${id}`));
  async function untilImport(id: string, holds: (now: ImportData) => boolean): Promise<ImportData> {
    let now: ImportData | undefined;
    return await until(
      async () => {
        now = await get(id);
        return holds(now) ? now : undefined;
      },
      () => `It did not come to that: ${JSON.stringify(now)}`,
    );
  }
  const checked = async (response: Response) =>
    await untilImport((await data(response)).id, ({ state }) => state !== "uploaded" && state !== "checking");
  const act = (id: string, name: string, as = "manager") => ask(`/${id}/${name}`, { method: "POST" }, as);
  /** Lines of the next serials that no other test has. */
  const lines = (count: number, customer = "A") => {
    const first = from;
    from += count;
    return Array.from({ length: count }, (_, index) => `${first + index},${customer}-${first + index},,1,2037-12-31,`);
  };
  const commands = (importId: string) => application.command.findMany({ where: { importId }, orderBy: { id: "asc" } });
  /** What the sender does once the chain has the cards. */
  async function issueCommands(id: string): Promise<void> {
    for (const { id: command, serial, holder, tier, expiresAt } of await application.command.findMany({
      where: { importId: id, state: "queued" },
    })) {
      await mirror.issue({
        collection: COLLECTIONS.firstEdition.address,
        firstSerial: serial,
        count: 1,
        tier: tier ?? 0,
        expiresAt: Number(expiresAt),
        holderOf: () => holder ?? "",
      });
      await application.command.update({ where: { id: command }, data: { state: "done" } });
    }
  }

  it("become commands with the addresses of their customers, each line one", async () => {
    const own = getAddress(addressOf("own wallet"));
    const [first = "", second = "", third = ""] = lines(3);
    const third2 = third.replace(/,A-\d+,,/, `,,${own},`).replace(/,$/, ",P-77");
    const known = getAddress(addressOf("known to the brand"));
    await application.customer.create({
      data: {
        id: "cus_known",
        brandId: 1,
        reference: second.split(",")[1] ?? "",
        holder: known.toLowerCase(),
        createdAt: 0,
      },
    });
    const ready = await checked(await upload([HEADER, first, second, third2].join("\n"), "&name=Members"));
    expect([ready.state, ready.lines["total"], ready.lines["ready"]]).to.deep.equal(["ready", 3, 3]);
    expect(await commands(ready.id), "nothing is issued before it is started").to.deep.equal([]);
    await data(await act(ready.id, "start"));
    await untilImport(ready.id, ({ lines }) => lines["queued"] === 3);
    const serial = Number(first.split(",")[0]);
    const expiresAt = BigInt(Date.UTC(2037, 11, 31, 16) / 1000);
    expect(
      (await commands(ready.id)).map((command) => [
        command.line,
        command.serial,
        command.claimedSerial,
        command.holder,
        command.tier,
        command.expiresAt,
        command.physicalNumber,
        command.kind,
      ]),
    ).to.deep.equal([
      [2, serial, serial, keys.holderAddress(`A-${serial}`).toLowerCase(), 1, expiresAt, null, "issue"],
      [3, serial + 1, serial + 1, known.toLowerCase(), 1, expiresAt, null, "issue"],
      [4, serial + 2, serial + 2, own.toLowerCase(), 1, expiresAt, "P-77", "issue"],
    ]);
    expect((await act(ready.id, "start")).status, "a second start").to.equal(409);

    await issueCommands(ready.id);
    const done = await untilImport(ready.id, ({ state }) => state === "done");
    expect(done.lines).to.deep.equal({ total: 3, wrong: 0, ready: 0, queued: 0, done: 3, failed: 0, cancelled: 0 });
    const acts = await application.auditEntry.findMany({ where: { subject: ready.id }, orderBy: { id: "asc" } });
    expect(acts.map(({ action }) => action)).to.deep.equal(["import.uploaded", "import.started"]);
    // The file has the references of customers: it goes once it is not needed.
    await until(() => !readdirSync(join(dataFolder, "imports")).includes(`${ready.id}.spreadsheet`));
  });

  it("refuse tiers and terms that the collection has not declared, and issue nothing", async () => {
    const { address } = COLLECTIONS.firstEdition;
    const declare = (highestTier: number, longestTerm: number) =>
      mirror.database.collection.updateMany({ where: { address }, data: { highestTier, longestTerm } });
    await declare(2, 400 * 86_400);
    try {
      const soon = new Date(Date.now() + 100 * 86_400_000).toISOString().slice(0, 10);
      const wrong = [`${from + 60},A,,3,${soon},`, `${from + 61},A,,1,2099-12-31,`, `${from + 62},A,,1,,`];
      const invalid = await checked(await upload([HEADER, ...wrong].join("\n")));
      expect(invalid.state).to.equal("invalid");
      const { data } = (await (await ask(`/${invalid.id}/problems`)).json()) as { data: { reasons: string[] }[] };
      expect(
        data.flatMap(({ reasons }) => reasons).map((reason) => reason.replace(/, now until .*/, "")),
      ).to.deep.equal([
        "the tier 3 is not a tier of this collection, whose cards have the tiers 0 to 2",
        'the expiry "2099-12-31" is too late: a card of this collection is valid for at most 400 days',
        "the expiry has no end: a card of this collection is valid for at most 400 days",
      ]);
      expect(await commands(invalid.id)).to.deep.equal([]);
    } finally {
      await declare(9, UNLIMITED_TERM);
    }
  });

  it("tell everything that is wrong, by line, and issue nothing", async () => {
    const [taken = "", ...good] = lines(3);
    const reserved = Number(taken.split(",")[0]);
    await application.command.create({
      data: {
        brandId: 1,
        collectionAddress: COLLECTIONS.firstEdition.address,
        kind: "issue",
        serial: reserved,
        claimedSerial: reserved,
        state: "queued",
        orderId: "ord_other",
        createdAt: 0,
      },
    });
    const file = [
      HEADER,
      ...good,
      "6000,A,,x,,",
      taken,
      good[0]?.replace(/,$/, ",P-1"),
      "42,A,,1,,",
      `${from + 50},A,,1,2020-01-01,P-1`,
      `${from + 51},"A,,1,,`,
    ].join("\n");
    const invalid = await checked(await upload(file));
    expect(invalid.state).to.equal("invalid");
    expect(invalid.lines).to.include({ total: 8, wrong: 6, ready: 2 });
    const { data: page, nextCursor } = (await (await ask(`/${invalid.id}/problems?limit=4`)).json()) as {
      data: { line: number; reasons: string[] }[];
      nextCursor: string;
    };
    const rest = (await (await ask(`/${invalid.id}/problems?limit=4&cursor=${nextCursor}`)).json()) as {
      data: typeof page;
      nextCursor: null;
    };
    expect(rest.nextCursor).to.equal(null);
    const all = [...page, ...rest.data];
    expect(all.map(({ line }) => line)).to.deep.equal([4, 5, 6, 7, 8, 9]);
    expect(all[0]?.reasons).to.deep.equal([
      'the card number "6000" is not within 1 to 5000, the size of the edition',
      'the tier "x" is not a whole number from 0 to 255',
    ]);
    expect(all[1]?.reasons[0]).to.equal(
      `card ${reserved} is reserved for the order ord_other; give the line another card number, or cancel that first`,
    );
    expect(all[2]?.reasons[0]).to.contain("is on line 2 already; each card has one line");
    expect(all[3]?.reasons[0]).to.contain("card 42 was already issued to another holder");
    expect(all[4]?.reasons).to.deep.equal(['the physical card number "P-1" is on line 6 already']);
    expect(all[5]?.reasons).to.deep.equal(["a quotation mark is opened and never closed"]);

    const csv = await (await ask(`/${invalid.id}/problems.csv`)).text();
    expect(csv.trim().split("\r\n")).to.have.length(8);
    expect(csv).to.contain('4,"the tier ""x"" is not');
    const refused = await act(invalid.id, "start");
    expect(refused.status).to.equal(409);
    expect(((await refused.json()) as { detail: string }).detail).to.contain("problems");
    expect(await commands(invalid.id)).to.deep.equal([]);
  });

  it("count a card that is on the chain as wanted as done", async () => {
    const [one = ""] = lines(1);
    const onChain = `1,,${getAddress(addressOf("holder 1"))},1,,`;
    const ready = await checked(await upload([HEADER, onChain, one].join("\n")));
    expect([ready.state, ready.lines["done"], ready.lines["ready"]]).to.deep.equal(["ready", 1, 1]);
  });

  it("have their columns named by whoever uploads them, workbooks too", async () => {
    const serial = from++;
    const book = workbook({
      sheets: [
        { name: "Notes", rows: [["Karten"], ["of 2026"]] },
        {
          name: "Karten",
          rows: [
            ["List"],
            [],
            ["Nummer", "Wer", "Stufe", "Bis"],
            [serial, "K-1", 2, { xml: '<c REF s="1"><v>50405</v></c>' }],
          ],
        },
      ],
      formats: [14],
    });
    const unclear = await checked(await upload(book, "", "manager", XLSX));
    expect([unclear.state, unclear.layout?.sheet]).to.deep.equal(["needs-columns", "Notes"]);
    expect(unclear.failure).to.contain("has no column");
    expect((await act(unclear.id, "start")).status).to.equal(409);

    const choose = (body: unknown) =>
      ask(`/${unclear.id}/columns`, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    expect((await choose({ columns: { nonsense: 1 } })).status).to.equal(400);
    const half = await checked(await choose({ sheet: "Karten", headerLine: 3, columns: { serial: 1, customer: 2 } }));
    expect(half.state).to.equal("needs-columns");
    expect(half.layout?.columns).to.deep.equal([
      { position: 1, header: "Nummer", samples: [String(serial)], meaning: "serial" },
      { position: 2, header: "Wer", samples: ["K-1"], meaning: "customer" },
      { position: 3, header: "Stufe", samples: ["2"], meaning: null },
      { position: 4, header: "Bis", samples: ["2037-12-31"], meaning: null },
    ]);
    const columns = { serial: 1, customer: 2, tier: 3, expiry: 4 };
    const ready = await checked(await choose({ sheet: "Karten", headerLine: 3, columns }));
    expect([ready.state, ready.lines["ready"]], ready.failure ?? "").to.deep.equal(["ready", 1]);
    await data(await act(ready.id, "start"));
    await untilImport(ready.id, ({ lines }) => lines["queued"] === 1);
    const [command] = await commands(ready.id);
    expect([command?.serial, command?.tier, command?.expiresAt]).to.deep.equal([
      serial,
      2,
      BigInt(Date.UTC(2037, 11, 31, 16) / 1000),
    ]);
    expect((await choose({ columns })).status, "once it was started").to.equal(409);
  });

  it("are paused, resumed and called off, with what waits in the queue", async () => {
    const { id } = await checked(await upload([HEADER, ...lines(20)].join("\n")));
    await data(await act(id, "start"));
    await untilImport(id, ({ lines }) => lines["queued"] === 20);
    const states = async () => [...new Set((await commands(id)).map(({ state }) => state))];
    expect((await data(await act(id, "pause"))).state).to.equal("paused");
    expect(await states()).to.deep.equal(["held"]);
    expect((await act(id, "pause")).status).to.equal(409);
    expect((await data(await act(id, "resume"))).state).to.equal("issuing");
    expect(await states()).to.deep.equal(["queued"]);
    // Five have been sent when the rest is called off.
    const sent = (await commands(id)).slice(0, 5).map((command) => command.id);
    await application.command.updateMany({ where: { id: { in: sent } }, data: { state: "sent" } });
    expect((await data(await act(id, "cancel"))).state).to.equal("cancelled");
    const rest = (await commands(id)).slice(5);
    expect(new Set(rest.map(({ state, claimedSerial }) => `${state} ${claimedSerial}`))).to.deep.equal(
      new Set(["cancelled null"]),
    );
    await untilImport(id, ({ lines }) => lines["cancelled"] === 15 && lines["queued"] === 5);
    await application.command.updateMany({ where: { id: { in: sent } }, data: { state: "done" } });
    await untilImport(id, ({ lines }) => lines["done"] === 5 && lines["queued"] === 0);
    expect((await act(id, "resume")).status).to.equal(409);
    const acts = await application.auditEntry.findMany({ where: { subject: id }, orderBy: { id: "asc" } });
    expect(acts.map(({ action }) => action)).to.deep.equal(
      ["uploaded", "started", "paused", "resumed", "cancelled"].map((verb) => `import.${verb}`),
    );
  });

  it("leave a serial to the order that has taken it since the check", async () => {
    const { id } = await checked(await upload([HEADER, ...lines(2)].join("\n")));
    leads = false;
    await sleep(600);
    const [line] = await mirror.database.importLine.findMany({ where: { importId: id } });
    const order = {
      brandId: 1,
      collectionAddress: COLLECTIONS.firstEdition.address,
      kind: "issue",
      state: "queued",
      orderId: "ord_quick",
      createdAt: 0,
    };
    const serial = line?.serial ?? 0;
    // Between the start and the queue: the start itself looks again, and has the file checked anew.
    await data(await act(id, "start"));
    await application.command.create({ data: { ...order, serial, claimedSerial: serial } });
    leads = true;
    await untilImport(id, ({ lines }) => lines["failed"] === 1 && lines["queued"] === 1);
    const result = await (await ask(`/${id}/result.csv`)).text();
    expect(result).to.contain(`card ${serial} is reserved for the order ord_quick`);

    const late = await checked(await upload([HEADER, ...lines(2)].join("\n")));
    const [next] = await mirror.database.importLine.findMany({ where: { importId: late.id } });
    await application.command.create({
      data: { ...order, serial: next?.serial ?? 0, claimedSerial: next?.serial ?? 0 },
    });
    const refused = await act(late.id, "start");
    expect(refused.status).to.equal(409);
    expect(await refused.text()).to.contain("being checked again");
    expect((await untilImport(late.id, ({ state }) => state === "invalid")).lines).to.include({ wrong: 1, ready: 1 });
  });

  it("go to the queue some thousand at a time, and go on whoever has died where", async () => {
    const { id } = await checked(await upload([HEADER, ...lines(2_500, "B")].join("\n")));
    await data(await act(id, "start"));
    await untilImport(id, ({ lines }) => lines["queued"] === 2_000);
    await sleep(1_200);
    expect((await get(id)).lines["queued"], "not more while so many wait").to.equal(2_000);
    await application.command.updateMany({ where: { importId: id }, data: { state: "done" } });
    await untilImport(id, ({ lines }) => lines["done"] === 2_000 && lines["queued"] === 500);
    await application.command.updateMany({ where: { importId: id }, data: { state: "done" } });
    await untilImport(id, ({ state }) => state === "done");
    const all = await commands(id);
    expect(new Set(all.map(({ line }) => line)).size).to.equal(2_500);
    expect(all).to.have.length(2_500);
  });

  it("tell how they come along", async () => {
    const { id } = await checked(await upload([HEADER, ...lines(3)].join("\n")));
    const listen = async (init: RequestInit = {}) => await ask(`/${id}/events`, init);
    const response = await listen();
    expect(response.headers.get("content-type")).to.contain("text/event-stream");
    let text = "";
    const reading = (async () => {
      for await (const piece of response.body ?? []) text += Buffer.from(piece).toString();
    })();
    await untilImport(id, () => text.includes('"state":"ready"'));
    await data(await act(id, "start"));
    await untilImport(id, ({ lines }) => lines["queued"] === 3);
    // Whoever comes later begins with how things are then.
    const late = await listen();
    const reader = late.body?.getReader();
    const first = Buffer.from((await reader?.read())?.value ?? new Uint8Array()).toString();
    await reader?.cancel();
    expect(first).to.match(/^event: import\nid: \d+\ndata: .*"queued":3/);
    await issueCommands(id);
    await reading;
    expect(text)
      .to.contain('"state":"done"')
      .and.to.match(/event: end\ndata: \{\}\n\n$/);
    const last = /id: (\d+)\n(?!.*id: )/s.exec(text)?.[1] ?? "";
    expect((await listen({ headers: { "Last-Event-ID": last } })).status, "a browser that has seen the end").to.equal(
      204,
    );
  });

  it("end as a result, codes and a sheet to print", async () => {
    const serial = from;
    const formula = lines(3, "=cmd").join("\n");
    const { id } = await checked(await upload(`${HEADER}\n${formula}`));
    for (const path of ["codes.zip", "sheet.pdf"]) expect((await ask(`/${id}/${path}`)).status, path).to.equal(409);
    await data(await act(id, "start"));
    await untilImport(id, ({ lines }) => lines["queued"] === 3);
    await issueCommands(id);
    await untilImport(id, ({ state }) => state === "done");
    const { slug } = COLLECTIONS.firstEdition;
    const holder = keys.holderAddress(`=cmd-${serial}`);
    const [header, first] = (await (await ask(`/${id}/result.csv`)).text()).split("\r\n");
    // Decoding takes the byte order mark away.
    expect(header).to.equal(
      "line,serial,holder,customer reference,state,verification link,transaction,what went wrong",
    );
    const batch = await mirror.database.batch.findFirstOrThrow({ where: { firstSerial: serial } });
    expect(first).to.equal(
      `2,${serial},${holder},'=cmd-${serial},done,${app.url}/v/${slug}/${serial},${batch.transactionHash},`,
    );
    for (const format of ["svg", "png"]) {
      const archive = Buffer.from(await (await ask(`/${id}/codes.zip?format=${format}`)).arrayBuffer());
      const zip = await yauzl.fromBufferPromise(archive);
      const names: string[] = [];
      for await (const entry of zip.eachEntry()) {
        names.push(entry.fileName);
        const picture = await buffer(await zip.openReadStreamPromise(entry));
        const one = await app.get(`/v/${slug}/${Number(/(\d+)\.\w+$/.exec(entry.fileName)?.[1])}/qr.${format}`);
        expect(picture.equals(Buffer.from(await one.arrayBuffer())), entry.fileName).to.equal(true);
      }
      expect(names).to.deep.equal([0, 1, 2].map((index) => `${slug}/${serial + index}.${format}`));
    }
    const pdf = Buffer.from(await (await ask(`/${id}/sheet.pdf`)).arrayBuffer());
    expect(pdf.subarray(0, 5).toString()).to.equal("%PDF-");
    expect(pdf.toString("latin1")).to.contain("%%EOF").and.to.contain("/Subtype /CIDFontType0");
  });

  it("forget a customer who is forgotten", async () => {
    const serial = from;
    const rows = lines(2, "secret person");
    const reference = `secret person-${serial}`;
    const { id } = await checked(await upload([HEADER, ...rows].join("\n")));
    const wrong = await checked(
      await upload([HEADER, `1,${reference}\n,,1,,`.replace("\n", "\u200b."), ...rows].join("\n")),
    );
    const told = async () =>
      (
        await Promise.all(
          [id, wrong.id].flatMap((of) => ["", "/problems", "/result.csv"].map((path) => ask(`/${of}${path}`))),
        ).then((answers) => Promise.all(answers.map((answer) => answer.text())))
      ).join("\n");
    expect(await told()).to.contain(reference);
    const customer = { id: "cus_0190c42d-7c1e-7000-8000-2f1a6f3f9f1b", brandId: 1, reference, createdAt: 0 };
    await application.customer.create({ data: customer });
    const erased = await app.get(`/v1/customers/${customer.id}`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${apiKeys["owner"]}` },
    });
    expect(erased.status, await erased.text()).to.equal(204);
    expect(await told()).to.not.contain(reference);
    expect(await told(), "the others stay").to.contain(`secret person-${serial + 1}`);
  });

  it("are refused where the file is none, too large, or for another brand's collection", async () => {
    const rows = [HEADER, ...lines(1)].join("\n");
    expect((await upload(rows, "", "manager", "application/pdf")).status).to.equal(415);
    expect((await upload(rows, "", "manager", "application/octet-stream")).status).to.equal(415);
    expect((await upload(rows, "&format=csv", "manager", "application/octet-stream")).status).to.equal(201);
    expect((await upload(rows, "&format=xlsx")).status).to.equal(400);
    expect((await upload(rows, "&timeZone=Mars/Olympus")).status).to.equal(400);
    expect((await upload("")).status).to.equal(400);
    expect((await upload(rows, "", "other")).status).to.equal(404);
    expect((await upload(rows, "", "staff")).status).to.equal(403);
    expect((await upload(rows, "", "auditor")).status).to.equal(403);
    expect((await upload("x".repeat(1_100_000))).status).to.equal(413);
    const pdf = await checked(await upload("%PDF-1.7\n"));
    expect([pdf.state, pdf.failure?.includes("PDF")]).to.deep.equal(["failed", true]);
    const empty = await checked(await upload(`${HEADER}\n`));
    expect([empty.state, empty.failure?.includes("no cards below it")]).to.deep.equal(["failed", true]);
  });

  it("leave nothing of an upload that was cut off, or that says no size and is too large", async () => {
    const files = () => readdirSync(join(dataFolder, "imports")).filter((name) => name.endsWith(".part"));
    const imports = await application.import.count();
    const open = () => {
      const url = `${app.url}/v1/imports?collection=${COLLECTIONS.firstEdition.slug}`;
      const headers = { Authorization: `Bearer ${apiKeys["manager"]}`, "Content-Type": CSV };
      return request(url, { method: "POST", headers });
    };
    const cutOff = open();
    cutOff.on("error", () => {});
    cutOff.write(`${HEADER}\n`);
    await until(() => files().length > 0);
    cutOff.destroy();
    await until(() => files().length === 0);

    const endless = open();
    const answered = new Promise<number>((resolve) => {
      endless.on("response", (response) => resolve(response.statusCode ?? 0));
    });
    endless.on("error", () => {});
    for (let sent = 0; sent < 20; sent++) endless.write("x".repeat(100_000));
    expect(await answered).to.equal(413);
    endless.destroy();
    expect(files()).to.deep.equal([]);
    expect(await application.import.count()).to.equal(imports);
  });

  it("are there for the brand that they are of, page by page", async () => {
    const { id } = await data(await upload([HEADER, ...lines(1)].join("\n")));
    expect((await ask(`/${id}`, {}, "other")).status).to.equal(404);
    expect((await act(id, "cancel", "other")).status).to.equal(404);
    expect((await ask(`/${id}`, {}, "auditor")).status).to.equal(200);
    expect((await ask("", {}, "staff")).status).to.equal(403);
    expect(((await (await ask("", {}, "other")).json()) as { data: unknown[] }).data).to.deep.equal([]);
    const seen: string[] = [];
    for (let cursor = ""; ; ) {
      const page = (await (await ask(`?limit=3${cursor}`)).json()) as { data: ImportData[]; nextCursor: string | null };
      seen.push(...page.data.map((one) => one.id));
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    const all = await application.import.findMany({ where: { brandId: 1 }, orderBy: { id: "desc" } });
    expect(seen).to.deep.equal(all.map((one) => one.id));
    expect(seen[0]).to.equal(id);
  });
});
