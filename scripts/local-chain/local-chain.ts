// The durable chain of `npm start`: anvil, which keeps a chain in memory, with a journal on disk that we own.
//
// Must hold: a block is in the journal, on disk, POLL_MS after it was made (plus the time to write it), whatever happens to
// the server; a chain that was killed is restored to exactly the blocks it had, hashes and all.
//
// Why not anvil's own `--state`: it writes the whole state in place, so a crash in the middle of it loses the chain, and
// the whole state grows with the chain. Measured on 2 cores, cards issued 200 to a block: 7,000 cards are 0.5 MB of journal,
// replayed in 0.5 s; a state is 19 MB (1.9 MB compressed, dumped in 0.3 s). 50,000 cards are 3.4 MB of journal, replayed in
// 17 s (anvil hashes the whole state for every block); a state is 134 MB (13 MB compressed, dumped in 1.7 s, loaded in
// 0.8 s). So every SNAPSHOT_EVERY blocks the state is kept too, and a start replays at most that many. What anvil keeps no
// snapshot of is the state of older blocks: after a restart from a snapshot, `eth_call` and `eth_getProof` answer for the
// blocks from the snapshot on; blocks, transactions, receipts and logs are there for all.
//
// What is changed behind the chain's back, with anvil's own methods such as `anvil_setBalance`, is in no transaction and
// therefore in no journal; the replay then stops with a message at the first block that comes out differently.

import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRpc, type Rpc, RpcError } from "../../server/chain/rpc.ts";
import { type GuardedProcess, spawnGuarded } from "../lifecycle/guarded-process.ts";
import { anvilArguments, anvilBinary, LOCAL_CHAIN_ID } from "./anvil.ts";
import {
  createJournal,
  type Journal,
  type JournalBlock,
  type JournalContents,
  readJournal,
  resumeJournal,
} from "./journal.ts";
import { findSnapshots, type Snapshot, unpackSnapshot, writeSnapshot } from "./snapshot.ts";

const POLL_MS = 100;
const START_TIMEOUT_MS = 30_000;
const SNAPSHOT_EVERY = 100;

export interface LocalChainOptions {
  /** Where the chain is kept. */
  folder: string;
  host: string;
  port: number;
  /** Is told in sentences what a person should know about the restoring. */
  onMessage: (message: string) => void;
  /** Is told how far the restoring is. */
  onProgress?: (done: number, total: number) => void;
  /** Is told of the process as soon as there is one, to write it down. */
  onProcess?: (pid: number) => void;
}

export interface LocalChain {
  readonly rpcUrl: string;
  readonly pid: number;
  readonly genesisHash: string;
  /** The block that the chain was at when it had been restored; 0 for a new chain. */
  readonly restoredBlock: number;
  /** Whether the chain was made just now, because none was kept. */
  readonly isNew: boolean;
  /** Resolves, with a reason, if the chain ends without having been stopped. */
  readonly failed: Promise<string>;
  /** Writes down the last blocks and ends the node. */
  stop(): Promise<void>;
}

interface Header {
  number: string;
  hash: string;
  parentHash: string;
  timestamp: string;
  transactions: string[];
}

/** Starts the chain that is kept in a folder, or a new one. Throws if the node does not come up. */
export async function startLocalChain(options: LocalChainOptions): Promise<LocalChain> {
  const { folder, host, port, onMessage } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const journalFile = join(folder, "journal.jsonl");
  const contents = readJournal(journalFile);
  if (contents === undefined && existsSync(journalFile)) {
    const aside = setAside(journalFile);
    onMessage(`The kept chain cannot be read at all; a new one begins. What was kept is at ${aside}.`);
  }

  const rpcUrl = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  // Snapshots of large chains are large answers.
  const rpc = createRpc({ url: rpcUrl, timeoutMs: 120_000 });
  let node: GuardedProcess | undefined;
  try {
    let restored: Restored | undefined;
    for (const snapshot of findSnapshots(folder)) {
      const file = usableSnapshot(snapshot, contents, onMessage);
      if (file === undefined || contents === undefined) continue;
      node = await launch(options, rpc, contents.genesis.timestamp, file);
      rmSync(file);
      if (await isAt(rpc, snapshot)) {
        restored = await replay(rpc, contents, snapshot.blockNumber, options);
        break;
      }
      onMessage(`The kept state of block ${snapshot.blockNumber} is not this chain's; replaying the journal instead.`);
      rmSync(snapshot.file);
      await node.stop();
    }
    if (restored === undefined) {
      const timestamp = contents?.genesis.timestamp ?? Math.floor(Date.now() / 1000);
      node = await launch(options, rpc, timestamp, undefined);
      const genesis = await headerOf(rpc, 0);
      if (contents === undefined || genesis.hash !== contents.genesis.hash) {
        if (contents !== undefined) {
          const aside = setAside(journalFile);
          onMessage(
            `The kept chain was made by another version of its node and cannot be continued; a new one begins. What was kept is at ${aside}.`,
          );
        }
        restored = {
          journal: createJournal(journalFile, { journal: 1, chainId: LOCAL_CHAIN_ID, timestamp, hash: genesis.hash }),
          head: 0,
          isNew: true,
        };
      } else {
        restored = await replay(rpc, contents, 0, options);
      }
    }
    if (node === undefined) throw new Error("The chain's node was not started");
    // The node's clock went on from the last block's time.
    await rpc.call("evm_setTime", [Math.floor(Date.now() / 1000)]);
    return keep(options, rpc, rpcUrl, node, restored);
  } catch (error) {
    await node?.stop();
    throw error;
  }
}

interface Restored {
  journal: Journal;
  /** The block that the node is at. */
  head: number;
  isNew: boolean;
}

/** Starts the node and waits until it answers. */
async function launch(
  { folder, host, port, onProcess }: LocalChainOptions,
  rpc: Rpc,
  genesisTimestamp: number,
  snapshot: string | undefined,
): Promise<GuardedProcess> {
  const log = openSync(join(folder, "node.log"), "w", 0o600);
  const node = await spawnGuarded(anvilBinary(), anvilArguments({ host, port, genesisTimestamp, snapshot }), {
    stdio: ["ignore", log, log],
  }).finally(() => closeSync(log));
  onProcess?.(node.pid);
  let ended: string | undefined;
  node.ended.then(({ code, signal }) => {
    ended = String(signal ?? code);
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (ended !== undefined)
      throw new Error(`The chain's node ended at once (${ended}); see ${join(folder, "node.log")}.`);
    try {
      await rpc.call("eth_chainId");
      return node;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (Date.now() > deadline) {
        await node.stop();
        throw new Error(`The chain's node did not answer within ${START_TIMEOUT_MS / 1000} s.`, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Unpacks a snapshot next to it; nothing, and a message, if it is no good. */
function usableSnapshot(
  snapshot: Snapshot,
  contents: JournalContents | undefined,
  onMessage: LocalChainOptions["onMessage"],
): string | undefined {
  const known = contents?.blocks[snapshot.blockNumber - 1];
  // A state that lies beyond the journal is welcome only where the journal is damaged: blocks in between can be asked for.
  const fits = known === undefined ? contents?.tail.kind === "damaged" : known.hash === snapshot.blockHash;
  try {
    if (!fits) throw new Error("it belongs to another chain");
    const file = join(snapshot.file, "..", "snapshot.unpacked.json");
    writeFileSync(file, unpackSnapshot(snapshot), { mode: 0o600 });
    return file;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onMessage(
      `The kept state of block ${snapshot.blockNumber} is damaged (${reason}); replaying the journal from the first block instead.`,
    );
    rmSync(snapshot.file, { force: true });
    return undefined;
  }
}

async function isAt(rpc: Rpc, { blockNumber, blockHash }: Snapshot): Promise<boolean> {
  const head = await headerOf(rpc, "latest");
  return Number(head.number) === blockNumber && head.hash === blockHash;
}

/** Executes the journal's blocks after `from` again, and opens the journal where the chain then stands. */
async function replay(
  rpc: Rpc,
  contents: JournalContents,
  from: number,
  { folder, onMessage, onProgress }: LocalChainOptions,
): Promise<Restored> {
  const file = join(folder, "journal.jsonl");
  let head = from;
  await rpc.call("evm_setAutomine", [false]);
  for (const block of contents.blocks.slice(from)) {
    const problem = await execute(rpc, block);
    if (problem !== undefined) {
      const aside = setAside(file);
      onMessage(
        `Block ${block.number} of the kept chain did not come out as it was (${problem}): the chain is restored to block ${head}, and ${contents.blocks.length - head} blocks after it are lost. They are kept at ${aside}.`,
      );
      break;
    }
    head = block.number;
    onProgress?.(head - from, contents.blocks.length - from);
  }
  await rpc.call("evm_setAutomine", [true]);

  if (contents.tail.kind === "torn") onMessage("The last block was not completely written down and is lost.");
  if (contents.tail.kind === "damaged") {
    const aside = setAside(file);
    onMessage(
      head > contents.blocks.length
        ? `The journal is damaged after block ${contents.blocks.length}; the kept state of block ${head} replaces it. What came after block ${head} is lost; the damaged journal is at ${aside}.`
        : `The journal is damaged after block ${head}: the chain is restored to that block, and ${contents.tail.lines} lines after it are lost. They are kept at ${aside}.`,
    );
  }
  const journal = resumeJournal(file, contents);
  if (head < contents.blocks.length) journal.truncate(head);
  return { journal, head, isNew: false };
}

/** Executes one block. Returns what is wrong with it, or nothing. */
async function execute(rpc: Rpc, block: JournalBlock): Promise<string | undefined> {
  try {
    await rpc.call("evm_setNextBlockTimestamp", [block.timestamp]);
    for (const transaction of block.transactions) await rpc.call("eth_sendRawTransaction", [transaction]);
    await rpc.call("evm_mine");
    const made = await headerOf(rpc, "latest");
    if (made.hash === block.hash) return undefined;
    // One block too many, which must not stay.
    await rpc.call("anvil_rollback", [1]);
    return "its hash is another";
  } catch (error) {
    if (error instanceof RpcError && error.code !== undefined) {
      await rpc.call("anvil_dropAllTransactions");
      return error.message;
    }
    throw error;
  }
}

/** Keeps the journal up to date from now on. */
function keep(
  { folder, onMessage }: LocalChainOptions,
  rpc: Rpc,
  rpcUrl: string,
  node: GuardedProcess,
  { journal, head, isNew }: Restored,
): LocalChain {
  let snapshotBlock = findSnapshots(folder)[0]?.blockNumber ?? 0;
  let stopping = false;
  let fail: (reason: string) => void = () => undefined;
  const failed = new Promise<string>((resolve) => {
    fail = resolve;
  });
  node.ended.then(({ code, signal }) => {
    if (!stopping) fail(`the chain's node ended unexpectedly (${signal ?? `code ${code}`})`);
  });

  /** Writes down what is new. */
  async function save(): Promise<void> {
    const latest = await headerOf(rpc, "latest");
    if (latest.hash === journal.head().hash) return;
    // A chain of this kind takes blocks back only when a developer tells it to.
    let common = Math.min(journal.head().number, Number(latest.number));
    while (journal.hashOf(common) !== (await headerOf(rpc, common)).hash) common--;
    if (common < journal.head().number) journal.truncate(common);
    for (let number = common + 1; number <= Number(latest.number); number++) {
      const header = await headerOf(rpc, number);
      const transactions = await Promise.all(
        header.transactions.map((transaction) => rpc.call<string>("eth_getRawTransactionByHash", [transaction])),
      );
      const { hash, parentHash } = header;
      journal.append([{ number, hash, parentHash, timestamp: Number(header.timestamp), transactions }]);
    }
  }

  async function saveSnapshot(): Promise<void> {
    if (snapshotBlock > journal.head().number) snapshotBlock = 0;
    if (journal.head().number - snapshotBlock < SNAPSHOT_EVERY) return;
    const before = await headerOf(rpc, "latest");
    const dump = await rpc.call<string>("anvil_dumpState", [false]);
    const after = await headerOf(rpc, "latest");
    // While blocks come fast there is no telling which one the dump is of: try again at the next quiet moment.
    if (before.hash !== after.hash || journal.hashOf(Number(after.number)) !== after.hash) return;
    writeSnapshot(folder, { number: Number(after.number), hash: after.hash }, dump);
    snapshotBlock = Number(after.number);
  }

  let working: Promise<void> = Promise.resolve();
  async function work(): Promise<void> {
    while (!stopping) {
      try {
        await save();
        await saveSnapshot();
      } catch (error) {
        if (stopping) return;
        // The node is busy, or has ended, which `ended` tells; anything else means that nothing is kept any more.
        if (!(error instanceof RpcError)) {
          fail(`the chain cannot be written down (${error instanceof Error ? error.message : String(error)})`);
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  working = work();

  return {
    rpcUrl,
    pid: node.pid,
    genesisHash: journal.hashOf(0) ?? "",
    restoredBlock: head,
    isNew,
    failed,
    async stop() {
      if (stopping) return await node.stop();
      stopping = true;
      await working;
      try {
        await save();
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        onMessage("The chain's node had ended before its last blocks could be written down.");
      } finally {
        await node.stop();
        journal.close();
      }
    },
  };
}

async function headerOf(rpc: Rpc, block: number | "latest"): Promise<Header> {
  const tag = typeof block === "number" ? `0x${block.toString(16)}` : block;
  const header = await rpc.call<Header | null>("eth_getBlockByNumber", [tag, false]);
  if (header === null) throw new RpcError(`Block ${block} is not there`, { kind: "failed", retryable: true });
  return header;
}

/** Copies a file that must not be lost, and says where to. */
function setAside(file: string): string {
  const aside = `${file}.${new Date().toISOString().replace(/[:.]/g, "-")}`;
  copyFileSync(file, aside);
  return aside;
}
