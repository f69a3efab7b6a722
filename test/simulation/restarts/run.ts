// The whole system of `npm start`, stopped, killed in every part, its clock set and its disk filled, while cards are ordered, issued
// from a spreadsheet, and blocks are made. What a client has seen must stay, no card may be issued twice, and each start must come up by
// itself or say in one sentence what is in its way.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { id as topicOf } from "ethers";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { createRpc } from "../../../server/chain/rpc.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { type RunningCommand, watchCommand } from "../../support/commands.ts";
import { canMount, makeSmallDisk, NEEDS_MOUNT } from "../../support/small-disk.ts";
import { createRandom, type Random } from "../random.ts";
import { startShop } from "./shop.ts";
import { startWitness } from "./witness.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const CLOCK_HOOK = join(ROOT, "test", "support", "clock-hook.mjs");
/** Holds chain, database and log of some hundred rounds. */
const DISK_MEGABYTES = 600;
const DAY_MS = 86_400_000;
/** Orders are for this collection, the spreadsheets for the other. */
const ORDERED = { slug: "noirance-black", maxSupply: 5_000 };
const IMPORTED = { slug: "lanting-river", maxSupply: 1_000 };
const CARDS_PER_FILE = 40;
/** A start that takes longer hangs, however loaded the machine is. */
const START_PATIENCE_MS = 300_000;

export interface RestartsOptions {
  seed: number;
  rounds: number;
  onProgress(text: string): void;
}

export interface RestartsOutcome {
  wrong: string[];
  /** What was done, and how often. */
  happened: Record<string, number>;
  seconds: number;
}

export async function simulateRestarts({ seed, rounds, onProgress }: RestartsOptions): Promise<RestartsOutcome> {
  const began = performance.now();
  const dice = createRandom(seed);
  const happened: Record<string, number> = {};
  const wrong: string[] = [];
  const count = (what: string) => {
    happened[what] = (happened[what] ?? 0) + 1;
  };
  const disk = canMount() ? makeSmallDisk(DISK_MEGABYTES) : undefined;
  if (disk === undefined) onProgress(`No disk is filled. That ${NEEDS_MOUNT}.`);
  const folder = disk?.folder ?? mkdtempSync(join(tmpdir(), "mintmark-restarts-"));
  const data = join(folder, "data");
  const outside = mkdtempSync(join(tmpdir(), "mintmark-restarts-"));
  const clock = join(outside, "clock");
  const [port, rpcPort] = [await freePort(), await freePort()];
  const urls = { server: `http://127.0.0.1:${port}`, chain: `http://127.0.0.1:${rpcPort}` };
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    ...{ DATA_DIR: data, PORT: String(port), RPC_URL: urls.chain, MINTMARK_CLOCK_FILE: clock },
    ...{ NODE_OPTIONS: `--import=${CLOCK_HOOK}`, KEY_RATE_LIMIT_PER_MINUTE: "0", RATE_LIMIT_PER_MINUTE: "0" },
  };
  for (const name of ["DATABASE_URL", "REGISTRY_ADDRESS", "PUBLIC_URL", "HOST", "npm_lifecycle_event"])
    delete environment[name];

  let run: RunningCommand | undefined;
  let offset = 0;
  function setClock(ms: number): void {
    offset = ms;
    writeFileSync(clock, String(offset));
  }

  function launch(script: string, args: readonly string[] = []): RunningCommand {
    return watchCommand(
      spawn(process.execPath, [join(ROOT, script), ...args], {
        cwd: ROOT,
        env: environment,
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  }

  /** Starts everything. A start that is refused must have said why in one sentence, and nothing but a full disk is a reason. */
  async function start(): Promise<void> {
    for (;;) {
      run = launch("scripts/start.ts");
      const started = await Promise.race([
        run.prints(/Mintmark is ready/).then(
          () => "ready" as const,
          () => "refused" as const,
        ),
        sleep(START_PATIENCE_MS, "hangs" as const, { ref: false }),
      ]);
      count(`start: ${started}`);
      if (started === "ready") return;
      if (started === "hangs") throw new Error(`The start hangs:\n${run.output()}`);
      const output = run.output().trim();
      const sentence = output.split("\n").at(-1) ?? "";
      if (/\n\s+at .+:\d+/.test(output)) wrong.push(`a start ended with a stack:\n${output}`);
      if (isFull && /disk|space|room|full/i.test(sentence)) {
        empty();
        continue;
      }
      wrong.push(`a start was refused:\n${output}`);
      throw new Error(`The start was refused:\n${output}`);
    }
  }

  let isFull = false;
  function fill(): void {
    disk?.fill();
    isFull = true;
  }
  function empty(): void {
    disk?.empty();
    isFull = false;
  }

  const children = (): Record<string, { pid: number }> => {
    try {
      return JSON.parse(readFileSync(join(data, "run.json"), "utf8")).children;
    } catch {
      return {};
    }
  };
  function kill(pid: number | undefined): void {
    try {
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  const faults: Record<string, () => Promise<void> | void> = {
    "chain killed": () => kill(children()["chain"]?.pid),
    "server killed": () => kill(children()["server"]?.pid),
    "both killed": () => {
      for (const { pid } of Object.values(children())) kill(pid);
    },
    "key process killed": () => {
      for (const pid of childrenOf(children()["server"]?.pid)) kill(pid);
    },
    "few descriptors for a while": async () => {
      const pid = children()["server"]?.pid;
      limitDescriptors(pid, 70);
      await sleep(dice.between(200, 2_500));
      limitDescriptors(pid, 4_096);
    },
    "clock set": () => setClock(offset + dice.between(-2 * DAY_MS, 2 * DAY_MS)),
    "clock set right": () => setClock(0),
    "blocks made": async () => {
      const rpc = createRpc({ url: urls.chain });
      await rpc.call("hardhat_mine", [`0x${dice.between(1, 80).toString(16)}`]).catch(() => undefined);
    },
    ...(disk === undefined
      ? {}
      : {
          "disk full for a while": async () => {
            fill();
            await sleep(dice.between(200, 2_500));
            empty();
          },
        }),
  };

  /** Ends everything in one way or another, and waits until nothing of it runs. */
  async function end(): Promise<void> {
    const running = run;
    if (running === undefined) return;
    const way = dice.pick([
      "stopped",
      "killed",
      "everything killed",
      "stopped, then killed",
      ...(disk === undefined ? [] : ["stopped on a full disk", "killed on a full disk"]),
    ]);
    count(`end: ${way}`);
    const all = Object.values(children());
    if (way.includes("full disk")) {
      fill();
      await sleep(dice.between(0, 500));
    }
    if (way.startsWith("stopped")) running.child.kill(dice.pick(["SIGINT", "SIGTERM", "SIGHUP"] as const));
    if (way === "stopped, then killed") await sleep(dice.between(0, 300));
    if (way.includes("killed")) running.child.kill("SIGKILL");
    if (way === "everything killed") for (const { pid } of all) kill(pid);
    await running.ended;
    // What is left full is met by the next start.
    if (isFull && dice.chance(0.5)) empty();
    const isAlive = (pid: number) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    while (all.some(({ pid }) => isAlive(pid))) await sleep(20);
    run = undefined;
  }

  /** Waits for new blocks, for a while. */
  async function grow(witness: { seen: number }, blocks: number): Promise<void> {
    const wanted = witness.seen + blocks;
    for (let waited = 0; witness.seen < wanted && waited < 15_000; waited += 20) await sleep(20);
    await sleep(dice.between(0, 300));
  }

  const spreadsheets = createSpreadsheets(outside, dice);
  try {
    setClock(0);
    await start();
    const apiKey = await makeKey(join(data, "mintmark.db"));
    const witness = startWitness(urls.chain);
    const shop = startShop({
      ...{ url: urls.server, apiKey, collection: ORDERED.slug, seed, most: ORDERED.maxSupply, pauseMs: 150 },
    });
    for (let round = 1; round <= rounds; round++) {
      if (dice.chance(0.3)) spreadsheets.issueNext(launch);
      for (let more = dice.between(0, 2); more > 0; more--) {
        await sleep(dice.between(50, 1_200));
        const fault = dice.pick(Object.keys(faults));
        count(fault);
        await faults[fault]?.();
      }
      // Most rounds end in the middle of issuing, some before it has begun.
      if (dice.chance(0.7)) await grow(witness, dice.between(1, 12));
      await end();
      await start();
      await witness.compare();
      wrong.push(...witness.wrong.splice(0), ...shop.wrong.splice(0));
      onProgress(`round ${round}: ${witness.seen} blocks seen, ${shop.placed.length} orders, ${wrong.length} wrong`);
      if (wrong.length > 0) break;
    }
    setClock(0);
    empty();
    await shop.finish();
    await spreadsheets.finish(launch);
    await untilIssued(
      urls.server,
      apiKey,
      shop.placed.map(({ id }) => id),
      (text) => wrong.push(text),
    );
    await shop.repeatAll();
    await witness.stop();
    await witness.compare();
    wrong.push(...witness.wrong, ...shop.wrong);
    await judge({
      ...urls,
      apiKey,
      orders: shop.placed,
      imported: spreadsheets.cards,
      say: (text) => wrong.push(text),
    });
    happened["blocks seen"] = witness.seen;
    happened["orders placed"] = shop.placed.length;
    happened["cards from spreadsheets"] = spreadsheets.cards;
    return { wrong, happened, seconds: (performance.now() - began) / 1_000 };
  } catch (error) {
    wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return { wrong, happened, seconds: (performance.now() - began) / 1_000 };
  } finally {
    run?.child.kill("SIGKILL");
    for (const { pid } of Object.values(children())) kill(pid);
    await run?.ended;
    if (disk === undefined) rmSync(folder, { recursive: true, force: true });
    else disk.remove();
    rmSync(outside, { recursive: true, force: true });
  }
}

/** The processes that a process has started. */
function childrenOf(pid: number | undefined): number[] {
  const { stdout } = spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** How many files and connections a process may have open from now on. */
function limitDescriptors(pid: number | undefined, most: number): void {
  spawnSync("prlimit", [`--pid=${pid}`, `--nofile=${most}:`]);
}

type Launch = (script: string, args: readonly string[]) => RunningCommand;

/** Files of cards, each issued by one command, which is run again until it says that all are issued. */
function createSpreadsheets(folder: string, dice: Random) {
  let made = 0;
  let current: { file: string; run: RunningCommand } | undefined;
  const unfinished: string[] = [];

  function run(launch: Launch, file: string): void {
    const command = launch("scripts/issue.ts", ["--collection", IMPORTED.slug, "--csv", file]);
    current = { file, run: command };
    void command.ended.then((code) => {
      if (code !== 0) unfinished.push(file);
      current = undefined;
    });
    // Interrupted now and then, as by somebody who closes the window.
    if (dice.chance(0.3)) setTimeout(() => command.child.kill("SIGKILL"), dice.between(200, 4_000)).unref();
  }

  return {
    /** How many cards all files have. */
    get cards() {
      return made * CARDS_PER_FILE;
    },
    issueNext(launch: Launch): void {
      if (current !== undefined) return;
      const again = unfinished.pop();
      if (again !== undefined) {
        run(launch, again);
        return;
      }
      if ((made + 1) * CARDS_PER_FILE > IMPORTED.maxSupply) return;
      const first = made * CARDS_PER_FILE + 1;
      made++;
      const lines = Array.from(
        { length: CARDS_PER_FILE },
        (_, index) => `${first + index},SHEET-${first + index},1,2031-12-31`,
      );
      const file = join(folder, `cards-${made}.csv`);
      writeFileSync(file, ["serial,customer,tier,expiry", ...lines, ""].join("\n"));
      run(launch, file);
    },
    async finish(launch: Launch): Promise<void> {
      for (;;) {
        await current?.run.ended;
        const file = unfinished.pop();
        if (file === undefined && current === undefined) return;
        if (file !== undefined) {
          const command = launch("scripts/issue.ts", ["--collection", IMPORTED.slug, "--csv", file]);
          if ((await command.ended) !== 0) unfinished.push(file);
        }
      }
    },
  };
}

async function makeKey(file: string): Promise<string> {
  const database = await openDatabase(`file:${file}`, { application: true });
  try {
    const request = {
      brandId: 1,
      role: "manager",
      name: "restarts",
      createdBy: "command-line",
      now: Date.now(),
    } as const;
    return (await createApiKey(database, request)).key;
  } finally {
    await database.$disconnect();
  }
}

interface OrderAnswer {
  data: { id: string; state: string; cards: { serial: number }[] };
}

async function orderOf(server: string, apiKey: string, id: string): Promise<OrderAnswer["data"] | undefined> {
  const response = await fetch(`${server}/v1/orders/${id}`, { headers: { authorization: `Bearer ${apiKey}` } });
  if (!response.ok) return undefined;
  return ((await response.json()) as OrderAnswer).data;
}

/** Waits until every order has come to its end. */
async function untilIssued(
  server: string,
  apiKey: string,
  ids: readonly string[],
  say: (text: string) => void,
): Promise<void> {
  const deadline = performance.now() + START_PATIENCE_MS;
  for (const id of ids)
    for (;;) {
      const order = await orderOf(server, apiKey, id).catch(() => undefined);
      if (order?.state === "issued") break;
      if (performance.now() > deadline) {
        say(`the order ${id} is ${order?.state ?? "gone"}, and was answered as placed`);
        break;
      }
      await sleep(100);
    }
}

/** Holds the chain's own logs against what the shop and the spreadsheets wanted. */
async function judge(options: {
  server: string;
  chain: string;
  apiKey: string;
  orders: readonly { id: string; key: string }[];
  imported: number;
  say: (text: string) => void;
}): Promise<void> {
  const { server, chain, apiKey, orders, imported, say } = options;
  const rpc = createRpc({ url: chain });
  const fromNobody = `0x${"0".repeat(64)}`;
  const cards = new Map<string, number>();
  for (const { slug } of [ORDERED, IMPORTED]) {
    const { data } = (await (await fetch(`${server}/v1/collections/${slug}`)).json()) as { data: { address: string } };
    const filter = { address: data.address, topics: [topicOf("Transfer(address,address,uint256)"), fromNobody] };
    const logs = await rpc.call<{ topics: string[] }[]>("eth_getLogs", [
      { ...filter, fromBlock: "0x0", toBlock: "latest" },
    ]);
    const serials = logs.map(({ topics }) => Number(topics[3]));
    if (new Set(serials).size !== serials.length) say(`${slug} has cards that were issued twice`);
    cards.set(slug, serials.length);
  }
  if (cards.get(ORDERED.slug) !== orders.length)
    say(`${orders.length} orders came to ${cards.get(ORDERED.slug)} cards`);
  if (cards.get(IMPORTED.slug) !== imported) say(`${imported} lines came to ${cards.get(IMPORTED.slug)} cards`);
  const serials = new Map<number, string>();
  for (const { id, key } of orders) {
    const serial = (await orderOf(server, apiKey, id))?.cards[0]?.serial;
    if (serial === undefined) say(`${key} has no card`);
    else if (serials.has(serial)) say(`${key} and ${serials.get(serial)} have the same card ${serial}`);
    else serials.set(serial, key);
  }
}
