// Questions to the state of any block: calls that change nothing, accounts, storage, proofs. One at a time, on a machine that
// is thrown back after each.

import { type Block, createBlock } from "@ethereumjs/block";
import type { Common } from "@ethereumjs/common";
import { getMerkleStateProof } from "@ethereumjs/statemanager";
import { createTx, type TypedTransaction } from "@ethereumjs/tx";
import { Address, createZeroAddress, hexToBytes, setLengthLeft } from "@ethereumjs/util";
import { type RunTxResult, runTx } from "@ethereumjs/vm";
import { type Archive, type StoredBlock, textOf } from "./archive.ts";
import type { Sqlite } from "./chain-file.ts";
import { HEADER_DEFAULTS } from "./genesis.ts";
import { createNodeDatabase } from "./node-database.ts";
import type { AccountState } from "./pool.ts";
import { createMachine, createStateTrie } from "./virtual-machine.ts";

/** A call takes at most this much, some ten seconds' work, unless it asks for less. */
const CALL_GAS_LIMIT = 500_000_000n;

type ExecResult = RunTxResult["execResult"];

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
  /** What the machine calls it. */
  readonly reason: string;
  /** What the contract gave back. */
  readonly data: string;
  constructor(reason: string, data: string) {
    super(reason === "revert" ? "execution reverted" : reason);
    this.isRevert = reason === "revert";
    this.reason = reason;
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

  /** Blocks as calls see them: gas is not the block's to limit. */
  const seen = new WeakMap<StoredBlock, Block>();
  function blockFor(stored: StoredBlock): Block {
    const known = seen.get(stored);
    if (known !== undefined) return known;
    const { number, timestamp } = stored.header;
    const header = { ...HEADER_DEFAULTS, number, timestamp, gasLimit: CALL_GAS_LIMIT };
    const block = createBlock({ header }, { common, skipConsensusFormatValidation: true });
    seen.set(stored, block);
    return block;
  }

  const gasOf = ({ gas }: CallRequest) => (gas !== undefined && gas < CALL_GAS_LIMIT ? gas : CALL_GAS_LIMIT);
  const callerOf = ({ from }: CallRequest) => (from === undefined ? createZeroAddress() : addressOf(from));

  function requireSuccess({ exceptionError, returnValue }: ExecResult): void {
    if (exceptionError !== undefined) throw new CallFailedError(exceptionError.error, textOf(returnValue));
  }

  /** Runs it as a transaction, with all that one costs, and says how deep its calls went. */
  async function rehearse(block: StoredBlock, request: CallRequest) {
    const { to, data, value } = request;
    const transaction = createTx(
      {
        type: 2,
        chainId: common.chainId(),
        gasLimit: gasOf(request),
        ...(to === undefined ? {} : { to: addressOf(to) }),
        ...(data === undefined ? {} : { data: hexToBytes(data as `0x${string}`) }),
        ...(value === undefined ? {} : { value }),
      },
      { common, freeze: false },
    ) as TypedTransaction;
    // Nobody has signed it.
    transaction.getSenderAddress = () => callerOf(request);
    let depth = 0;
    const measure = (message: { depth: number }) => {
      depth = Math.max(depth, message.depth);
    };
    vm.evm.events?.on("beforeMessage", measure);
    try {
      const result = await runTx(vm, {
        ...{ tx: transaction, block: blockFor(block) },
        ...{ skipNonce: true, skipBalance: true, skipBlockGasLimitValidation: true, skipHardForkValidation: true },
      });
      requireSuccess(result.execResult);
      return { result, depth };
    } finally {
      vm.evm.events?.off("beforeMessage", measure);
    }
  }

  return {
    call: (block, request) =>
      at(block, async () => {
        const { to, data, value } = request;
        const { execResult } = await vm.evm.runCall({
          ...{ block: blockFor(block), caller: callerOf(request), gasLimit: gasOf(request), skipBalance: true },
          ...(to === undefined ? {} : { to: addressOf(to) }),
          ...(data === undefined ? {} : { data: hexToBytes(data as `0x${string}`) }),
          ...(value === undefined ? {} : { value }),
        });
        requireSuccess(execResult);
        return textOf(execResult.returnValue);
      }),
    estimateGas: (block, request) =>
      at(block, async () => {
        const { result, depth } = await rehearse(block, request);
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
