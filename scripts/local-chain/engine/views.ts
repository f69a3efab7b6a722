// Questions to the state of any block: calls that change nothing, accounts, storage, proofs. One at a time, on a machine that
// is thrown back after each.

import { createBlock } from "@ethereumjs/block";
import type { Common } from "@ethereumjs/common";
import { getMerkleStateProof } from "@ethereumjs/statemanager";
import { createTx, type TypedTransaction } from "@ethereumjs/tx";
import { Address, createZeroAddress, hexToBytes, setLengthLeft } from "@ethereumjs/util";
import { runTx } from "@ethereumjs/vm";
import { type Archive, type StoredBlock, textOf } from "./archive.ts";
import type { Sqlite } from "./chain-file.ts";
import { HEADER_DEFAULTS } from "./genesis.ts";
import { createNodeDatabase } from "./node-database.ts";
import type { AccountState } from "./pool.ts";
import { createMachine, createStateTrie } from "./virtual-machine.ts";

/** A call takes at most this much, some ten seconds' work, unless it asks for less. */
const CALL_GAS_LIMIT = 500_000_000n;

/** What is to be tried out. Everything lower-case hexadecimal. */
export interface CallRequest {
  from?: string | undefined;
  to?: string | undefined;
  data?: string | undefined;
  value?: bigint | undefined;
  gas?: bigint | undefined;
}

/** A call did not succeed. */
export class CallFailedError extends Error {
  override name = "CallFailedError";
  /** Whether the contract said so, rather than the machine. */
  readonly isRevert: boolean;
  /** What the contract gave back. */
  readonly data: string;
  constructor(reason: string, data: string) {
    super(reason === "revert" ? "execution reverted" : reason);
    this.isRevert = reason === "revert";
    this.data = data;
  }
}

export interface Views {
  /** Returns what the contract returns. Throws {@link CallFailedError}. */
  call(block: StoredBlock, request: CallRequest): Promise<string>;
  /** Enough gas for a transaction to do what it does now. Throws {@link CallFailedError}. */
  estimateGas(block: StoredBlock, request: CallRequest): Promise<bigint>;
  account(block: StoredBlock, address: string): Promise<AccountState>;
  code(block: StoredBlock, address: string): Promise<string>;
  storage(block: StoredBlock, address: string, slot: string): Promise<string>;
  /** EIP-1186. */
  proof(block: StoredBlock, address: string, slots: readonly string[]): Promise<unknown>;
}

export async function createViews(database: Sqlite, common: Common, archive: Archive): Promise<Views> {
  const nodes = createNodeDatabase(database);
  const { vm, state } = await createMachine({
    common,
    trie: await createStateTrie(common, nodes),
    hashOfBlock: (number) => archive.hashOf(number) ?? new Uint8Array(32),
  });
  let previous: Promise<unknown> = Promise.resolve();
  let standsAt: string | undefined;

  /** Does something at the state of a block, when whoever asked before has been answered; nothing of it stays. */
  async function at<Result>(block: StoredBlock, work: () => Promise<Result>): Promise<Result> {
    const turn = previous.then(async () => {
      const root = textOf(block.header.stateRoot);
      if (standsAt !== root) {
        standsAt = undefined;
        await state.setStateRoot(block.header.stateRoot);
        standsAt = root;
      }
      await vm.evm.journal.checkpoint();
      try {
        return await work();
      } finally {
        await vm.evm.journal.revert();
        vm.evm.journal.cleanJournal();
        state.originalStorageCache.clear();
        nodes.discard();
      }
    });
    previous = turn.catch(() => undefined);
    return await turn;
  }

  async function run(block: StoredBlock, { from, to, data, value, gas }: CallRequest) {
    const transaction = createTx(
      {
        type: 2,
        chainId: common.chainId(),
        gasLimit: gas !== undefined && gas < CALL_GAS_LIMIT ? gas : CALL_GAS_LIMIT,
        ...(to === undefined ? {} : { to: addressOf(to) }),
        ...(data === undefined ? {} : { data: hexToBytes(data as `0x${string}`) }),
        ...(value === undefined ? {} : { value }),
      },
      { common, freeze: false },
    ) as TypedTransaction;
    // Nobody has signed it.
    const sender = from === undefined ? createZeroAddress() : addressOf(from);
    transaction.getSenderAddress = () => sender;
    const header = { ...HEADER_DEFAULTS, number: block.header.number, timestamp: block.header.timestamp };
    let depth = 0;
    const measure = (message: { depth: number }) => {
      depth = Math.max(depth, message.depth);
    };
    vm.evm.events?.on("beforeMessage", measure);
    try {
      const result = await runTx(vm, {
        tx: transaction,
        block: createBlock(
          { header: { ...header, gasLimit: CALL_GAS_LIMIT } },
          { common, skipConsensusFormatValidation: true },
        ),
        skipNonce: true,
        skipBalance: true,
        skipBlockGasLimitValidation: true,
        skipHardForkValidation: true,
      });
      const { exceptionError, returnValue } = result.execResult;
      if (exceptionError !== undefined) throw new CallFailedError(exceptionError.error, textOf(returnValue));
      return { result, depth };
    } finally {
      vm.evm.events?.off("beforeMessage", measure);
    }
  }

  return {
    call: (block, request) =>
      at(block, async () => {
        const { result } = await run(block, request);
        return textOf(result.execResult.returnValue);
      }),
    estimateGas: (block, request) =>
      at(block, async () => {
        const { result, depth } = await run(block, request);
        let gas = result.totalGasSpent + (result.execResult.gasRefund ?? 0n);
        // A caller keeps back a 64th of its gas from each call (EIP-150): with so much more at each depth, every one has enough.
        for (let level = 0; level < depth; level++) gas += gas / 63n + 1n;
        return gas;
      }),
    account: (block, address) =>
      at(block, async () => {
        const account = await state.getAccount(addressOf(address));
        return { nonce: account?.nonce ?? 0n, balance: account?.balance ?? 0n };
      }),
    code: (block, address) => at(block, async () => textOf(await state.getCode(addressOf(address)))),
    storage: (block, address, slot) =>
      at(block, async () => textOf(setLengthLeft(await state.getStorage(addressOf(address), word(slot)), 32))),
    proof: (block, address, slots) =>
      at(block, async () => await getMerkleStateProof(state, addressOf(address), slots.map(word))),
  };
}

function addressOf(text: string): Address {
  return new Address(hexToBytes(text.toLowerCase() as `0x${string}`));
}

function word(slot: string): Uint8Array {
  return hexToBytes(`0x${BigInt(slot).toString(16).padStart(64, "0")}`);
}
