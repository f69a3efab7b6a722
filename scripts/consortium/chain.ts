// The chain on which the consortium is shown: one inside this process, whose clock can be moved, or a running node, where
// time passes as it does. Its accounts are made for one run and have nothing, so nobody's keys or nonces are touched.

import { setTimeout as sleep } from "node:timers/promises";
import { type BaseContract, type Interface, type TransactionReceipt, toQuantity } from "ethers";
import { network } from "hardhat";
import { untilMined } from "../../server/chain/receipt.ts";
import { createRpc } from "../../server/chain/rpc.ts";

/** How long a chain may take to make a block after its time has come. */
const LATE_MS = 60_000;

/** What a person can do something about. The message says what. */
export class ShowError extends Error {
  override name = "ShowError";
}

/** What went out of voting and waiting, in seconds. */
export interface Times {
  votingDelay: number;
  votingPeriod: number;
  timelockDelay: number;
}

type Connection = Awaited<ReturnType<typeof network.create>>;
type Signer = Awaited<ReturnType<Connection["ethers"]["getSigners"]>>[number];

export interface Chain {
  ethers: Connection["ethers"];
  connection: Connection;
  /** What the chain is, for a person. */
  description: string;
  /** Times that suit it. */
  times: Times;
  /** As many accounts as were asked for. */
  accounts: Signer[];
  /** Waits for a transaction to be in a block. Throws if it failed there. */
  mined(sent: Promise<{ hash: string }>): Promise<TransactionReceipt>;
  /** Waits for a contract to be there. Returns its address. */
  deployed(contract: Promise<BaseContract>): Promise<string>;
  /** The time of the newest block, in seconds. */
  now(): Promise<bigint>;
  /** Returns when the newest block is later than a moment, in seconds; `onWait` hears how many seconds are left. */
  untilAfter(moment: bigint, onWait: (secondsLeft: number) => void): Promise<void>;
  /**
   * Asks the chain for what it must refuse, and returns the contract's reason: the name of its error.
   * @param interfaces Where the error may be declared.
   */
  refusal(from: Signer, to: string, data: string, interfaces: readonly Interface[]): Promise<string>;
  /** Sends what the chain must refuse, so that it is in a block and has failed there. Only for a chain in this process. */
  failed(from: Signer, to: string, data: string): Promise<void>;
  close(): Promise<void>;
}

/** More than any of these calls takes, so that what fails has failed for another reason. */
const FAILING_GAS = 5_000_000;

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** Connects to the node at `rpcUrl`, or starts a chain in this process. Throws {@link ShowError}. */
export async function openChain(rpcUrl: string | undefined, accountCount: number): Promise<Chain> {
  const connection = rpcUrl === undefined ? await network.create() : await connect(rpcUrl, accountCount);
  const { ethers } = connection;

  async function mined(sent: Promise<{ hash: string }>): Promise<TransactionReceipt> {
    const { hash } = await sent;
    const receipt = await untilMined(hash, (mined) => ethers.provider.getTransactionReceipt(mined));
    if (receipt.status !== 1) throw new Error(`The transaction ${hash} failed`);
    return receipt;
  }

  const now = async () => BigInt((await ethers.provider.getBlock("latest"))?.timestamp ?? 0);

  const accounts = (await ethers.getSigners()).slice(0, accountCount);
  return {
    ethers,
    connection,
    accounts,
    description:
      rpcUrl === undefined ? "a chain inside this process" : `the node at ${createRpc({ url: rpcUrl }).endpoint}`,
    times:
      rpcUrl === undefined
        ? { votingDelay: DAY, votingPeriod: 5 * DAY, timelockDelay: 2 * DAY }
        : { votingDelay: 0, votingPeriod: 5, timelockDelay: 2 },
    mined,
    async deployed(contract) {
      const deploying = await contract;
      const transaction = deploying.deploymentTransaction();
      if (transaction !== null) await mined(Promise.resolve(transaction));
      return await deploying.getAddress();
    },
    now,
    async untilAfter(moment, onWait) {
      if (rpcUrl === undefined) return await connection.networkHelpers.time.increaseTo(moment + 1n);
      const secondsLeft = Number(moment + 1n - (await now()));
      const due = performance.now() + secondsLeft * 1_000;
      for (;;) {
        if ((await now()) > moment) return;
        const left = due - performance.now();
        if (left > 0) {
          onWait(Math.ceil(left / 1_000));
          await sleep(Math.min(left, 1_000));
          continue;
        }
        if (left < -LATE_MS) {
          throw new ShowError(`The node makes no blocks any more: its clock has stood still for ${LATE_MS / 1_000} s.`);
        }
        // A chain that makes blocks only for transactions does not see the time pass without one.
        await mined(nudge());
        await sleep(250);
      }
    },
    async refusal(from, to, data, interfaces) {
      const transaction = { from: await from.getAddress(), to, data };
      try {
        await connection.provider.request({ method: "eth_call", params: [transaction, "latest"] });
      } catch (error) {
        const reason = revertData(error);
        for (const contract of interfaces) {
          const parsed = reason === undefined ? null : contract.parseError(reason);
          if (parsed !== null) return parsed.name;
        }
        throw error;
      }
      throw new Error("The chain would have done what it must refuse");
    },
    async failed(from, to, data) {
      const nonce = await from.getNonce();
      const transaction = { from: await from.getAddress(), to, data, gas: toQuantity(FAILING_GAS) };
      let refusal: unknown;
      try {
        await connection.provider.request({ method: "eth_sendTransaction", params: [transaction] });
      } catch (error) {
        // The chain in this process says so after the transaction is in a block.
        refusal = error;
      }
      if ((await from.getNonce()) !== nonce + 1) throw refusal ?? new Error("The transaction was not sent");
      const block = await ethers.provider.getBlock("latest");
      const receipts = await Promise.all(
        (block?.transactions ?? []).map((hash) => ethers.provider.getTransactionReceipt(hash)),
      );
      if (!receipts.some((receipt) => receipt?.from === transaction.from && receipt.status === 0))
        throw new Error("The chain has done what it must refuse");
    },
    close: () => connection.close(),
  };

  async function nudge(): Promise<{ hash: string }> {
    const [first] = accounts;
    if (first === undefined) throw new Error("No account");
    return await first.sendTransaction({ to: first });
  }
}

async function connect(rpcUrl: string, accountCount: number): Promise<Connection> {
  const rpc = createRpc({ url: rpcUrl });
  const { baseFeePerGas = "0x0" } = await rpc.call<{ baseFeePerGas?: string }>("eth_getBlockByNumber", [
    "latest",
    false,
  ]);
  if (BigInt(baseFeePerGas) > 0n) {
    throw new ShowError(
      `The node at ${rpc.endpoint} wants to be paid for gas, and the accounts of this demonstration have nothing. ` +
        "Use a chain without fees, as npm start and npm run dev make one, or leave RPC_URL out.",
    );
  }
  const { Wallet } = await import("ethers");
  const accounts = Array.from({ length: accountCount }, () => Wallet.createRandom().privateKey);
  return await network.create({ network: "remote", override: { url: rpcUrl, accounts } });
}

/** The data that a contract reverted with; nodes wrap it differently. */
function revertData(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { data, cause } = error as { data?: unknown; cause?: unknown };
  if (typeof data === "string" && /^0x[0-9a-f]{8,}/i.test(data)) return data;
  return revertData(data) ?? revertData(cause);
}
