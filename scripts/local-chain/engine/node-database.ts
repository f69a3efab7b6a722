// The nodes of the state's tries, by their hash. What a block makes is pending until the block is committed; of that, only what
// the block's state still has is kept. Nodes of older states stay, so that every block can be asked for its state.
// Must hold: a node is what its hash says, whatever the disk did to it.

import { RLP } from "@ethereumjs/rlp";
import { type BatchDBOp, type DB, KECCAK256_RLP_S } from "@ethereumjs/util";
import type { Sqlite } from "./chain-file.ts";
import { keccak256 } from "./genesis.ts";

/** Tries read the same nodes near their roots again and again. */
const REMEMBERED_NODES = 20_000;
/** Before a code's hash stands the library's prefix: hexadecimal for "c". */
const CODE_PREFIX = "63";
const HASH_DIGITS = 64;
/** The root of a trie without nodes, which is asked for and never written. */
const EMPTY_TRIE = KECCAK256_RLP_S.slice(2);

/** A part of the state that the file does not have, or has damaged. */
export class MissingStateError extends Error {
  override name = "MissingStateError";
}

export interface NodeDatabase extends DB<string, string | Uint8Array> {
  /** Writes what is pending and belongs to a state, and forgets the rest. Within the caller's transaction. */
  keep(stateRoot: Uint8Array): void;
  /** Forgets what is pending. */
  discard(): void;
}

export function createNodeDatabase(database: Sqlite): NodeDatabase {
  const select = database.prepare<[Buffer], Buffer>(`SELECT "value" FROM "node" WHERE "hash" = ?`).pluck();
  const insert = database.prepare(`INSERT INTO "node" VALUES (?, ?) ON CONFLICT DO NOTHING`);
  const pending = new Map<string, Uint8Array>();
  const remembered = new Map<string, Uint8Array>();

  function remember(key: string, value: Uint8Array): void {
    remembered.set(key, value);
    if (remembered.size > REMEMBERED_NODES) remembered.delete(remembered.keys().next().value as string);
  }

  /** The library would take what is missing for nothing, and go on with a state that never was. */
  function read(key: string): Uint8Array {
    const value = select.get(Buffer.from(key, "hex"));
    if (value === undefined)
      throw new MissingStateError(`The chain's file is damaged: a part of the state (${key}) is missing.`);
    if (!key.endsWith(Buffer.from(keccak256(value)).toString("hex")))
      throw new MissingStateError(
        `The chain's file is damaged: a part of the state (${key}) is not what its hash says.`,
      );
    return value;
  }

  const nodes: NodeDatabase = {
    async get(key) {
      const made = pending.get(key);
      if (made !== undefined) return made;
      const known = remembered.get(key);
      if (known !== undefined) {
        // What was asked for last is forgotten last: the nodes near the roots.
        remembered.delete(key);
        remembered.set(key, known);
        return known;
      }
      if (key === EMPTY_TRIE) return undefined;
      const value = read(key);
      remember(key, value);
      return value;
    },
    async put(key, value) {
      pending.set(key, value as Uint8Array);
    },
    async del(key) {
      pending.delete(key);
    },
    async batch(operations: BatchDBOp<string, string | Uint8Array>[]) {
      for (const operation of operations) {
        if (operation.type === "put") pending.set(operation.key, operation.value as Uint8Array);
        else pending.delete(operation.key);
      }
    },
    shallowCopy: () => nodes,
    open: async () => undefined,
    keep(stateRoot) {
      for (const [key, value] of reachable(pending, Buffer.from(stateRoot).toString("hex"))) {
        insert.run(Buffer.from(key, "hex"), value);
        remember(key, value);
      }
      pending.clear();
    },
    discard: () => pending.clear(),
  };
  return nodes;
}

type RlpItem = Uint8Array | RlpItem[];

/** Of new nodes, those that a state consists of; what lies below a node that is not new is not new either. */
function* reachable(pending: ReadonlyMap<string, Uint8Array>, stateRoot: string): Generator<[string, Uint8Array]> {
  const seen = new Set<string>();
  const open: { key: string; holdsAccounts: boolean }[] = [{ key: stateRoot, holdsAccounts: true }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { key, holdsAccounts } = next;
    const value = pending.get(key);
    if (value === undefined || seen.has(key)) continue;
    seen.add(key);
    yield [key, value];
    if (key.length > HASH_DIGITS) continue; // A contract's code.
    visit(RLP.decode(value) as RlpItem[], holdsAccounts, (child, ofAccounts) =>
      open.push({ key: child, holdsAccounts: ofAccounts }),
    );
  }
}

/** Tells what a trie's node refers to (Yellow Paper, appendix D): children, and an account's storage and code. */
function visit(node: RlpItem[], holdsAccounts: boolean, tell: (key: string, holdsAccounts: boolean) => void): void {
  const child = (item: RlpItem | undefined) => {
    // Short nodes stand within their parents.
    if (Array.isArray(item)) visit(item, holdsAccounts, tell);
    else if (item?.length === 32) tell(Buffer.from(item).toString("hex"), holdsAccounts);
  };
  if (node.length === 17) {
    for (const item of node.slice(0, 16)) child(item);
    return;
  }
  const [path, value] = node;
  const isLeaf = ((path as Uint8Array)[0] ?? 0) >= 0x20;
  if (!isLeaf) child(value);
  if (!isLeaf || !holdsAccounts) return;
  const [, , storageRoot, codeHash] = RLP.decode(value as Uint8Array) as Uint8Array[];
  if (storageRoot !== undefined) tell(Buffer.from(storageRoot).toString("hex"), false);
  if (codeHash !== undefined) tell(CODE_PREFIX + Buffer.from(codeHash).toString("hex"), false);
}
