// A real chain (anvil with our contracts on it) that a simulation mines, takes back and puts forward again, block by block.
// Must hold: the same calls make the same blocks, hashes and all; every block that there ever was is remembered with its
// logs, so that others can play a node that still has it.

import { once } from "node:events";
import { deployRegistry } from "../../scripts/deploy-registry.ts";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { spawnGuarded } from "../../scripts/lifecycle/guarded-process.ts";
import { anvilArguments, anvilBinary } from "../../scripts/local-chain/anvil.ts";
import type { Deployment } from "../../server/chain/deployment.ts";
import type { RawLog } from "../../server/chain/events.ts";
import { createRpc, type Rpc, RpcError } from "../../server/chain/rpc.ts";
import { PATIENCE_MS } from "../support/patience.ts";

/** A transaction without what the node adds. */
export interface Sending {
  from: string;
  to: string;
  data: string;
}

export interface SimulatedBlock {
  number: number;
  hash: string;
  parentHash: string;
  timestamp: number;
  /** As `eth_getBlockByNumber` answers it, without the transactions' contents. */
  header: Record<string, unknown>;
  /** All of its logs, as `eth_getLogs` answers them. */
  logs: RawLog[];
  /** What it was made of. */
  sendings: readonly Sending[];
}

export interface SimulatedChain {
  rpcUrl: string;
  rpc: Rpc;
  deployment: Deployment;
  /** The node's unlocked accounts, lower-case. */
  accounts: readonly string[];
  /** The chain as it is, by block number. */
  readonly blocks: readonly SimulatedBlock[];
  readonly head: SimulatedBlock;
  /** Every block since the last reset by its hash, also those that the chain has taken back. */
  readonly known: ReadonlyMap<string, SimulatedBlock>;
  mine(sendings: readonly Sending[], timestamp: number): Promise<SimulatedBlock>;
  /** Takes back all blocks after `number`. */
  rollBackTo(number: number): Promise<void>;
  /** Makes blocks again that have been taken back; throws if they come out differently. */
  replay(blocks: readonly SimulatedBlock[]): Promise<void>;
  /** What a contract says now, undecoded. */
  call(to: string, data: string): Promise<string>;
  /** Forgets all blocks after `number`, as if there had never been any. */
  reset(number: number): Promise<void>;
  close(): Promise<void>;
}

/** Any moment, but always the same. */
const GENESIS_TIMESTAMP = 1_760_000_000;
/** The node must not lose any block's state: those that it writes to disk it does not find again after a roll-back. */
const STATES_KEPT = 1_000_000;
/** No transaction of the simulation needs more. The chain's blocks hold 33 of these. */
const GAS = "0x1c9c380";

/** Starts the node and deploys the registry. */
export async function startSimulatedChain(): Promise<SimulatedChain> {
  const host = "127.0.0.1";
  const port = await freePort();
  const rpcUrl = `http://${host}:${port}`;
  const node = await spawnGuarded(
    anvilBinary(),
    [
      ...anvilArguments({ host, port, genesisTimestamp: GENESIS_TIMESTAMP }),
      ...["--prune-history", String(STATES_KEPT)],
    ],
    { stdio: "ignore" },
  );
  const rpc = createRpc({ url: rpcUrl });
  await untilAnswers(rpc, node.child.exitCode !== null ? Promise.resolve() : once(node.child, "exit"));
  // Otherwise blocks would carry the time of day, and be others every time.
  await rpc.call("anvil_setBlockTimestampInterval", [1]);
  const deployment = await deployRegistry({ rpcUrl, cardBaseURI: "" });
  await rpc.call("anvil_removeBlockTimestampInterval");
  await rpc.call("evm_setAutomine", [false]);
  const accounts = (await rpc.call<string[]>("eth_accounts")).map((account) => account.toLowerCase());

  let blocks: SimulatedBlock[] = [];
  const known = new Map<string, SimulatedBlock>();
  /** What goes back to a block, by its number. The node's own roll-back does not bring back the very same state. */
  let snapshots: string[] = [];

  async function read(number: number, sendings: readonly Sending[]): Promise<SimulatedBlock> {
    const tag = `0x${number.toString(16)}`;
    const [header, logs] = (await rpc.batch([
      { method: "eth_getBlockByNumber", params: [tag, false] },
      { method: "eth_getLogs", params: [{ fromBlock: tag, toBlock: tag }] },
    ])) as [Record<string, string>, RawLog[]];
    const { hash, parentHash, timestamp } = header as Record<"hash" | "parentHash" | "timestamp", string>;
    const block = { number, hash, parentHash, timestamp: Number(timestamp), header, logs, sendings };
    blocks.push(block);
    known.set(hash, block);
    snapshots[number] = await rpc.call<string>("evm_snapshot");
    return block;
  }

  function head(): SimulatedBlock {
    return blocks.at(-1) as SimulatedBlock;
  }

  const chain: SimulatedChain = {
    rpcUrl,
    rpc,
    deployment,
    accounts,
    known,
    get blocks() {
      return blocks;
    },
    get head() {
      return head();
    },
    async mine(sendings, timestamp) {
      await rpc.call("evm_setNextBlockTimestamp", [timestamp]);
      // One after the other: the node gives them their places in the order in which they come.
      for (const sending of sendings) {
        await rpc.call("eth_sendTransaction", [{ ...sending, gas: GAS, gasPrice: "0x0" }]);
      }
      await rpc.call("evm_mine");
      return await read(head().number + 1, sendings);
    },
    async rollBackTo(number) {
      if (number === head().number) return;
      if (!(await rpc.call<boolean>("evm_revert", [snapshots[number]])))
        throw new Error(`The node does not go back to block ${number}`);
      blocks = blocks.slice(0, number + 1);
      // A snapshot can be gone back to once.
      snapshots = [...snapshots.slice(0, number), await rpc.call<string>("evm_snapshot")];
    },
    async replay(some) {
      for (const block of some) {
        const again = await chain.mine(block.sendings, block.timestamp);
        if (again.hash !== block.hash) throw new Error(`Block ${block.number} came out differently the second time`);
      }
    },
    call: (to, data) => rpc.call("eth_call", [{ to, data }, "latest"]),
    async reset(number) {
      await rpc.call("anvil_dropAllTransactions");
      await chain.rollBackTo(number);
      known.clear();
      for (const block of blocks) known.set(block.hash, block);
    },
    close: () => node.stop(),
  };
  const height = Number(await rpc.call<string>("eth_blockNumber"));
  for (let number = 0; number <= height; number++) await read(number, []);
  return chain;
}

async function untilAnswers(rpc: Rpc, ended: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  ended.then(() => {
    hasEnded = true;
  });
  for (const deadline = performance.now() + PATIENCE_MS; ; ) {
    try {
      await rpc.call("eth_chainId");
      return;
    } catch (error) {
      if (!(error instanceof RpcError) || hasEnded || performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
