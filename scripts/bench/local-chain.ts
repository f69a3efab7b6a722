// What `npm start` takes on a chain with many cards: from its command to ready, and what its processes hold in memory. The cards are
// issued for it on the chain itself, as a brand with its own program would.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Contract, hexlify, JsonRpcProvider, randomBytes, ZeroHash } from "ethers";
import { brandRegistryInterface, membershipCollectionInterface, UNLIMITED_TERM } from "../../server/chain/abi.ts";
import { readDeployment } from "../../server/chain/deployment.ts";
import { untilMined } from "../../server/chain/receipt.ts";
import { DEMO_PASSPHRASE, openKeystore } from "../../server/issuance/keystore.ts";
import { freePort } from "../lifecycle/free-port.ts";
import { LOCAL_CHAIN_ID } from "../local-chain/engine/genesis.ts";
import { type Bound, format, megabytes, number, summarize } from "./measure.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const CARDS_PER_BATCH = 1_000;
const ROUNDS = 3;
const MEMORY_BOUND_MB = 600;
const AUDITED_CARDS = 50_000;
const AUDIT_BOUND_S = 20;
const FREE = { maxFeePerGas: 0, maxPriorityFeePerGas: 0 };

/** Seconds to ready that must not be exceeded, by how many cards the chain has. */
const START_BOUNDS_S = new Map([
  [50_000, 10],
  [200_000, 30],
]);

interface Running {
  /** Milliseconds until it was ready. */
  tookMs: number;
  stop(): Promise<void>;
}

export async function benchLocalChain(options: {
  sizes: readonly number[];
  progress: (text: string) => void;
}): Promise<Bound[]> {
  const { sizes, progress } = options;
  const folder = mkdtempSync(join(tmpdir(), "mintmark-bench-"));
  const [port, rpcPort] = [await freePort(), await freePort()];
  const environment = {
    ...process.env,
    ...{ DATA_DIR: folder, PORT: String(port), RPC_URL: `http://127.0.0.1:${rpcPort}`, DATABASE_URL: "" },
  };
  const bounds: Bound[] = [];
  let running: Running | undefined;
  try {
    running = await start(environment);
    let issued = 0;
    for (const cards of sizes) {
      const began = performance.now();
      await issue({ rpcPort, folder, from: issued, to: cards, progress });
      issued = cards;
      const perSecond = cards / ((performance.now() - began) / 1_000);
      progress(`  ${number(cards)} cards issued, ${number(perSecond)} a second`);
      await untilReady(port);
      const memory = residentMegabytes(folder);
      if (cards === AUDITED_CARDS) bounds.push(await benchAudit(environment));
      await running.stop();
      const starts: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        running = await start(environment);
        starts.push(running.tookMs / 1_000);
        if (round < ROUNDS - 1) await running.stop();
      }
      const summary = summarize(starts);
      const bound = START_BOUNDS_S.get(cards) ?? Number.POSITIVE_INFINITY;
      bounds.push({
        what: `\`npm start\` → ready, ${number(cards)} cards, median of ${ROUNDS}`,
        bound: `≤ ${bound} s`,
        measured: `${format(summary, 1)} s`,
        holds: summary.median <= bound,
      });
      bounds.push({
        what: `memory of the chain's process after ${number(cards)} cards were issued; after a start`,
        bound: `≤ ${MEMORY_BOUND_MB} MB`,
        measured: `${memory} MB; ${residentMegabytes(folder)} MB; its file: ${number(megabytes(statSync(join(folder, "chain", "chain.db")).size))} MB`,
        holds: memory <= MEMORY_BOUND_MB,
      });
    }
    return bounds;
  } finally {
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchAudit(environment: NodeJS.ProcessEnv): Promise<Bound> {
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    const { status, stdout, stderr } = await ended(
      spawn(process.execPath, [join(ROOT, "scripts", "audit.ts")], { cwd: ROOT, env: environment, stdio: "pipe" }),
    );
    if (status !== 0) throw new Error(`npm run audit ended with ${status}:\n${stdout}${stderr}`);
    seconds.push((performance.now() - began) / 1_000);
  }
  const summary = summarize(seconds);
  return {
    what: `\`npm run audit\` of ${number(AUDITED_CARDS)} cards, median of ${ROUNDS}`,
    bound: `≤ ${AUDIT_BOUND_S} s`,
    measured: `${format(summary, 1)} s`,
    holds: summary.median <= AUDIT_BOUND_S,
  };
}

async function ended(child: ChildProcess): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const said = { stdout: "", stderr: "" };
  child.stdout?.on("data", (data) => {
    said.stdout += data;
  });
  child.stderr?.on("data", (data) => {
    said.stderr += data;
  });
  const status = await new Promise<number | null>((done) => child.once("close", done));
  return { status, ...said };
}

/** Starts everything as `npm start` does, without the look whether packages are there. */
async function start(environment: NodeJS.ProcessEnv): Promise<Running> {
  const began = performance.now();
  const child = spawn(process.execPath, [join(ROOT, "scripts", "start.ts")], {
    cwd: ROOT,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      output += data;
    });
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  while (!output.includes("Mintmark is ready")) {
    if (child.exitCode !== null) throw new Error(`npm start ended:\n${output}`);
    await sleep(10);
  }
  return {
    tookMs: performance.now() - began,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const DECLARED = { reissueDelay: 0, highestTier: 3, longestTerm: UNLIMITED_TERM };

async function issue(options: {
  rpcPort: number;
  folder: string;
  from: number;
  to: number;
  progress: (text: string) => void;
}): Promise<void> {
  const { rpcPort, folder, from, to, progress } = options;
  const provider = new JsonRpcProvider(`http://127.0.0.1:${rpcPort}`, LOCAL_CHAIN_ID, {
    staticNetwork: true,
    cacheTimeout: -1,
  });
  try {
    const registryAddress = readDeployment(folder, LOCAL_CHAIN_ID)?.registry ?? "";
    const registry = new Contract(registryAddress, brandRegistryInterface, provider);
    const keys = await openKeystore(join(folder, "keys", "noirance.json"), DEMO_PASSPHRASE);
    const mined = async (hash: string) => {
      const receipt = await untilMined(hash, (wanted) => provider.getTransactionReceipt(wanted));
      if (receipt.status !== 1) throw new Error(`The transaction ${hash} failed`);
    };
    const slug = "noirance-bench";
    if (from === 0) {
      const admin = registry.connect(keys.admin.connect(provider)) as Contract;
      const most = Math.max(...START_BOUNDS_S.keys());
      const request = { brandId: 1, slug, name: slug, symbol: "CARD", maxSupply: most, burnAuth: 2, ...DECLARED };
      const { hash } = await admin.getFunction("createCollection")(request, FREE);
      await mined(hash);
    }
    const address = String(await registry.getFunction("collectionOf")(slug));
    const collection = new Contract(address, membershipCollectionInterface, keys.issuer.connect(provider));
    let nonce = await provider.getTransactionCount(keys.issuer.address);
    let last = "";
    for (let serial = from + 1; serial <= to; serial += CARDS_PER_BATCH) {
      const holders = Array.from({ length: CARDS_PER_BATCH }, () => hexlify(randomBytes(20)));
      const terms = { tier: 1, expiresAt: 0 };
      const overrides = { ...FREE, nonce: nonce++, gasLimit: 60_000_000 };
      const sent = await collection.getFunction("issue")(serial, holders, terms, ZeroHash, ZeroHash, overrides);
      // A few ahead, so that the chain never waits.
      if (nonce % 4 === 0) await mined(sent.hash);
      last = sent.hash;
      if ((serial - 1) % 20_000 === 0) progress(`  ${number(serial - 1)} of ${number(to)} cards …`);
    }
    await mined(last);
  } finally {
    provider.destroy();
  }
}

async function untilReady(port: number): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/ready`);
    const { mirror } = (await response.json()) as { mirror: { indexed: { number: number }; headNumber: number } };
    if (response.ok && mirror.indexed.number === mirror.headNumber) return;
    await sleep(200);
  }
}

/** Of the chain's process, as Linux counts it. */
function residentMegabytes(folder: string): number {
  const { children } = JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
  const status = readFileSync(`/proc/${children.chain.pid}/status`, "utf8");
  return Math.round((Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024) / 1e6);
}
