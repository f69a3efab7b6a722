// The virtual machine over a chain's file: EthereumJS's, whose state is the tries in the file.

import type { Common } from "@ethereumjs/common";
import { createMPT, type MerklePatriciaTrie } from "@ethereumjs/mpt";
import { Caches, MerkleStateManager } from "@ethereumjs/statemanager";
import { ValueEncoding } from "@ethereumjs/util";
import { createVM, type VM } from "@ethereumjs/vm";
import type { NodeDatabase } from "./node-database.ts";

/** How many accounts, codes and storage slots are kept in memory between blocks. */
const CACHES = { account: { size: 5_000 }, code: { size: 200 }, storage: { size: 20_000 } };

export async function createStateTrie(common: Common, nodes: NodeDatabase): Promise<MerklePatriciaTrie> {
  return await createMPT({ useKeyHashing: true, db: nodes, valueEncoding: ValueEncoding.Bytes, common });
}

/**
 * A machine at the empty state; `setStateRoot` of its state manager leads to a block's. `hashOfBlock` answers the instruction BLOCKHASH;
 * it is given numbers of existing blocks only.
 */
export async function createMachine(options: {
  common: Common;
  trie: MerklePatriciaTrie;
  hashOfBlock: (number: number) => Uint8Array;
}): Promise<{ vm: VM; state: MerkleStateManager }> {
  const { common, trie, hashOfBlock } = options;
  const state = new MerkleStateManager({ trie, common, caches: new Caches(CACHES) });
  const blockchain = {
    getBlock: async (number: number) => ({ hash: () => hashOfBlock(number) }),
    putBlock: async () => undefined,
    shallowCopy: () => blockchain,
  };
  const vm = await createVM({ common, stateManager: state, evmOpts: { blockchain } });
  return { vm, state };
}
