// Somebody who looks at the chain all the time and remembers every block: what was seen once must be there for ever.

import { setTimeout as sleep } from "node:timers/promises";
import { createRpc, type Rpc } from "../../../server/chain/rpc.ts";

export interface Witness {
  /** How many blocks were seen. */
  readonly seen: number;
  readonly wrong: string[];
  /** Asks for every block that was ever seen. */
  compare(): Promise<void>;
  stop(): Promise<void>;
}

interface Header {
  number: string;
  hash: string;
}

const BLOCKS_PER_BATCH = 500;

export function startWitness(rpcUrl: string): Witness {
  const rpc: Rpc = createRpc({ url: rpcUrl, timeoutMs: 10_000 });
  const blocks = new Map<number, string>();
  const wrong: string[] = [];
  let stopped = false;

  function remember({ number, hash }: Header): void {
    const known = blocks.get(Number(number));
    if (known !== undefined && known !== hash) wrong.push(`block ${Number(number)} was ${known}, and is ${hash}`);
    blocks.set(Number(number), hash);
  }

  async function look(): Promise<void> {
    while (!stopped) {
      await rpc
        .call<Header | null>("eth_getBlockByNumber", ["latest", false])
        .then((header) => header !== null && remember(header))
        .catch(() => undefined); // The chain is down, which is the point.
      await sleep(10);
    }
  }
  const looking = look();

  return {
    get seen() {
      return blocks.size;
    },
    wrong,
    async compare() {
      const all = [...blocks];
      for (let at = 0; at < all.length; at += BLOCKS_PER_BATCH) {
        const some = all.slice(at, at + BLOCKS_PER_BATCH);
        const found = (await rpc.batch(
          some.map(([number]) => ({ method: "eth_getBlockByNumber", params: [`0x${number.toString(16)}`, false] })),
        )) as (Header | null)[];
        for (const [index, [number, hash]] of some.entries())
          if (found[index]?.hash !== hash) wrong.push(`block ${number} (${hash}) is ${found[index]?.hash ?? "gone"}`);
      }
    },
    async stop() {
      stopped = true;
      await looking;
    },
  };
}
