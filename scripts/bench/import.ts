// A spreadsheet as large as an edition, uploaded to the real server and issued on a real chain, while the server is killed again and
// again: what it takes of memory and time, and that in the end each line is one card. The suite runs the same with fewer lines.

import { setTimeout as sleep } from "node:timers/promises";
import { getAddress, hexlify } from "ethers";
import { migrate } from "../../server/database/migrate.ts";
import { openIssuanceChain } from "../../server/issuance/chain.ts";
import { parseExpiry } from "../../server/issuance/expiry.ts";
import { type Bound, megabytes, number } from "./measure.ts";
import { mix } from "./replay/random.ts";
import { machineTime } from "./replay/server.ts";
import type { DatabaseKind } from "./world/databases.ts";
import { startIssuingWorld } from "./world/issuing.ts";
import { startServer } from "./world/server.ts";

export interface ImportRunOptions {
  kind: { create(): Promise<{ url: string }> };
  lines: number;
  /** How often the server is killed before it is left in peace. */
  kills: number;
  /** The server is killed within so many milliseconds of having started. */
  killWithinMs: number;
  /** Repeats the moments of the kills. */
  seed: number;
  /** Every how many seconds the chain seals a block; 0 as soon as there is a transaction. */
  blockSeconds: number;
  progress?(text: string): void;
}

export interface ImportRun {
  /** The most memory of any of the server processes, in bytes. */
  peakMemory: number;
  kills: number;
  /** From the upload to `ready`, and from the start to `done`, in milliseconds; pauses after kills included. */
  checkMs: number;
  issueMs: number;
  /** Of the downloads at the end, by name: how many bytes and how long, in milliseconds. */
  downloads: Record<string, { bytes: number; ms: number }>;
  /** What is not as it must be; empty if all is well. */
  faults: string[];
}

const SLUG = "noirance-import";
const TIME_ZONE = "Asia/Shanghai";
const EXPIRIES = ["2037-12-31", "2038-06-30", ""];
const PUBLIC_URL = "https://cards.example.com";
/** Deriving an address takes long; so many of them are checked against what the keystore says. */
const DERIVED_CHECKS = 500;
const DOWNLOADS = ["result.csv", "codes.zip?format=svg", "sheet.pdf"];

export async function runImport(options: ImportRunOptions): Promise<ImportRun> {
  const { kind, lines, seed, killWithinMs, blockSeconds, progress = () => {} } = options;
  let drawn = 0;
  const random = () => mix(seed, drawn++) / 2 ** 32;
  const world = await startIssuingWorld();
  try {
    const database = await kind.create();
    await migrate(database.url);
    const apiKey = await world.apiKey(database.url);
    const collection = await world.createCollection(SLUG, lines);
    if (blockSeconds > 0) await world.sealEvery(blockSeconds);
    const start = () =>
      startServer({
        node: { url: world.rpcUrl, registry: world.deployment.registry },
        databaseUrl: database.url,
        dataFolder: world.dataFolder,
        finalityDepth: 0,
        settings: { PUBLIC_URL, SMS_ADAPTER: "console" },
      });
    let server = await start();
    let peakMemory = 0;
    let kills = 0;
    const note = () => {
      peakMemory = Math.max(peakMemory, server.peakMemory());
    };
    const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
      await fetch(`${server.url}/v1/imports${path}`, {
        ...init,
        headers: { Authorization: `Bearer ${apiKey}`, ...init.headers },
      });
    const importNow = async (id: string): Promise<ImportNow> =>
      ((await (await ask(`/${id}`)).json()) as { data: ImportNow }).data;

    try {
      await server.until(`/v1/collections/${SLUG}`, ({ status }) => status === 200);
      const wanted = Array.from({ length: lines }, (_, index) => wantedLine(index, random));
      const csv = `编号,客户编号,持有人地址,等级,到期日\n${wanted.map(({ text }) => `${text}\n`).join("")}`;
      const startedAt = machineTime();
      const uploaded = await ask(`?collection=${SLUG}&timeZone=${encodeURIComponent(TIME_ZONE)}`, {
        method: "POST",
        headers: { "Content-Type": "text/csv" },
        body: csv,
      });
      if (uploaded.status !== 201)
        throw new Error(`The upload was answered ${uploaded.status}: ${await uploaded.text()}`);
      const { id } = ((await uploaded.json()) as { data: ImportNow }).data;

      /** Lets the server work until the import is in one of the states, and kills it now and then until it has been enough. */
      async function until(states: readonly string[], mostKills: number): Promise<ImportNow> {
        for (;;) {
          const killAt = kills < mostKills ? machineTime() + random() * killWithinMs : Number.POSITIVE_INFINITY;
          for (;;) {
            const now = await importNow(id);
            if (states.includes(now.state)) return now;
            if (now.state === "failed") throw new Error(`The import failed: ${now.failure}`);
            note();
            if (machineTime() >= killAt) break;
            await sleep(Math.min(50, killAt - machineTime()));
          }
          kills += 1;
          const { state, lines: counts } = await importNow(id);
          progress(
            `    kill ${kills} while ${state}: ${JSON.stringify(counts)}, ${megabytes(peakMemory).toFixed(0)} MB`,
          );
          server.signal("SIGKILL");
          await server.process.ended;
          server = await start();
          await server.until("/health", ({ status }) => status === 200);
        }
      }

      const checked = await until(["ready", "invalid"], Math.ceil(options.kills / 3));
      if (checked.state !== "ready") throw new Error(`The file was found ${checked.state}`);
      const checkMs = machineTime() - startedAt;
      progress(`    checked after ${(checkMs / 1000).toFixed(1)} s`);
      const issueStart = machineTime();
      const started = await ask(`/${id}/start`, { method: "POST" });
      if (started.status !== 200) throw new Error(`It cannot be started: ${await started.text()}`);
      const done = await until(["done"], options.kills);
      const issueMs = machineTime() - issueStart;
      progress(`    issued after ${(issueMs / 1000).toFixed(1)} s`);

      const downloads: ImportRun["downloads"] = {};
      let result = "";
      for (const name of DOWNLOADS) {
        const from = machineTime();
        const bytes = Buffer.from(await (await ask(`/${id}/${name}`)).arrayBuffer());
        downloads[name] = { bytes: bytes.length, ms: machineTime() - from };
        if (name === "result.csv") result = bytes.toString();
        note();
        progress(`    ${name}: ${number(bytes.length)} bytes, ${megabytes(peakMemory).toFixed(0)} MB`);
      }
      const faults = [
        ...countFaults(done, lines),
        ...resultFaults(result, lines),
        ...(await chainFaults({ world, collection, wanted })),
      ];
      return { peakMemory, kills, checkMs, issueMs, downloads, faults };
    } finally {
      await server.stop();
    }
  } finally {
    await world.stop();
  }
}

interface ImportNow {
  id: string;
  state: string;
  failure: string | null;
  lines: Record<string, number>;
}

interface WantedLine {
  text: string;
  serial: number;
  customer: string | undefined;
  /** Nothing where it follows from the customer. */
  holder: string | undefined;
  tier: number;
  expiresAt: number;
}

/** Most lines have a customer reference, some the same as others; every fifth has an address. */
function wantedLine(index: number, random: () => number): WantedLine {
  const serial = index + 1;
  const holder =
    serial % 5 === 0
      ? getAddress(hexlify(Uint8Array.from({ length: 20 }, () => 1 + Math.floor(random() * 255))))
      : undefined;
  const customer = holder === undefined ? `顾客-${serial - (serial % 10 === 3 ? 2 : 0)}` : undefined;
  const tier = 1 + (Math.floor(index / 700) % 3);
  const expiry = EXPIRIES[Math.floor(index / 1000) % EXPIRIES.length] ?? "";
  const parsed = parseExpiry(expiry, TIME_ZONE);
  return {
    text: [serial, customer ?? "", holder ?? "", tier, expiry].join(","),
    serial,
    customer,
    holder,
    tier,
    expiresAt: parsed.kind === "at" ? parsed.expiresAt : 0,
  };
}

function countFaults({ lines: counts }: ImportNow, lines: number): string[] {
  const expected = { total: lines, wrong: 0, ready: 0, queued: 0, done: lines, failed: 0, cancelled: 0 };
  return Object.entries(expected).flatMap(([name, value]) =>
    counts[name] === value ? [] : [`${counts[name]} lines are ${name} instead of ${value}`],
  );
}

function resultFaults(result: string, lines: number): string[] {
  const rows = result.trim().split("\r\n").slice(1);
  const faults = rows.length === lines ? [] : [`the result has ${rows.length} rows instead of ${lines}`];
  const wrong = rows.findIndex((row, index) => {
    const [line, serial, holder, , state, link, transaction] = row.split(",");
    return (
      Number(line) !== index + 2 ||
      Number(serial) !== index + 1 ||
      !/^0x[0-9a-fA-F]{40}$/.test(holder ?? "") ||
      state !== "done" ||
      link !== `${PUBLIC_URL}/v/${SLUG}/${serial}` ||
      !/^0x[0-9a-f]{64}$/.test(transaction ?? "")
    );
  });
  return wrong === -1 ? faults : [...faults, `row ${wrong + 1} of the result is not as it must be: ${rows[wrong]}`];
}

/** Holds the chain against the file: every card there, as wanted, and issued once. */
async function chainFaults(of: {
  world: Awaited<ReturnType<typeof startIssuingWorld>>;
  collection: string;
  wanted: readonly WantedLine[];
}): Promise<string[]> {
  const { world, collection, wanted } = of;
  const faults: string[] = [];
  const chain = await openIssuanceChain({ rpcUrl: world.rpcUrl, registry: () => world.deployment.registry });
  try {
    const cards = await chain.cards(
      getAddress(collection),
      wanted.map(({ serial }) => serial),
    );
    const derivedEvery = Math.max(1, Math.floor(wanted.length / DERIVED_CHECKS));
    for (const [index, line] of wanted.entries()) {
      const card = cards.get(line.serial);
      const derived =
        line.customer !== undefined && index % derivedEvery === 0 ? world.keys.holderAddress(line.customer) : undefined;
      const holder = line.holder ?? derived ?? card?.holder;
      if (card?.holder !== holder || card?.tier !== line.tier || card?.expiresAt !== line.expiresAt)
        faults.push(`card ${line.serial} is on the chain as ${JSON.stringify(card)}`);
    }
    const transferTopic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    const logs = await world.rpc.call<unknown[]>("eth_getLogs", [
      { address: collection, fromBlock: "0x0", toBlock: "latest", topics: [transferTopic] },
    ]);
    if (logs.length !== wanted.length) faults.push(`${logs.length} cards were issued instead of ${wanted.length}`);
  } finally {
    chain.close();
  }
  return faults.slice(0, 10);
}

const BENCH_LINES = 100_000;
const BENCH_KILLS = 9;
const PEAK_MEGABYTES = 300;

/** @param seed Of the moments at which the server is killed. */
export async function benchImport(
  kind: DatabaseKind,
  { seed, progress }: { seed: number; progress(text: string): void },
): Promise<Bound[]> {
  const run = await runImport({
    kind,
    lines: BENCH_LINES,
    kills: BENCH_KILLS,
    killWithinMs: 25_000,
    seed,
    blockSeconds: 1,
    progress,
  });
  const seconds = (ms: number) => `${(ms / 1000).toFixed(0)} s`;
  const downloads = Object.entries(run.downloads).map(
    ([name, { bytes, ms }]) => `${name.split("?")[0]} ${megabytes(bytes).toFixed(0)} MB in ${seconds(ms)}`,
  );
  const what = `${number(BENCH_LINES)} lines uploaded, checked and issued, a block each second, ${kind.name}`;
  return [
    {
      what: `${what}: the server's peak memory, downloads included (${downloads.join(", ")})`,
      bound: `≤ ${PEAK_MEGABYTES} MB`,
      measured: `${megabytes(run.peakMemory).toFixed(0)} MB`,
      holds: megabytes(run.peakMemory) <= PEAK_MEGABYTES,
    },
    {
      what: `${what}, killed ${run.kills} times (seed ${seed}; checked in ${seconds(run.checkMs)}, issued in ${seconds(run.issueMs)})`,
      bound: "no line lost, none issued twice",
      measured: run.faults.length === 0 ? "each line is one card" : run.faults.join("; "),
      holds: run.faults.length === 0,
    },
  ];
}
