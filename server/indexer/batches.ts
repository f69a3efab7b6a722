// Many calls in as few requests as the node takes: how many it takes in one, nodes say by refusing more.

import { mayHelpToAskLess, type Rpc, type RpcCall } from "../chain/rpc.ts";

export interface Batches {
  /**
   * Asks everything, and answers in the same order.
   * @param groups Calls that must be answered by the same node at the same time, and so go in one request, however many they
   * are.
   */
  ask(groups: readonly (readonly RpcCall[])[]): Promise<unknown[][]>;
}

const MOST_CALLS = 200;
/** After how many good requests of the present size a larger one is tried. */
const REQUESTS_BEFORE_GROWTH = 50;

export function createBatches(rpc: Rpc): Batches {
  let size = MOST_CALLS;
  let goodRequests = 0;

  return {
    async ask(groups) {
      const answers: unknown[][] = [];
      for (let next = 0; next < groups.length; ) {
        const calls: RpcCall[] = [];
        let end = next;
        do {
          calls.push(...(groups[end++] as RpcCall[]));
        } while (end < groups.length && calls.length + (groups[end] as RpcCall[]).length <= size);
        let results: unknown[];
        try {
          results = await rpc.batch(calls);
        } catch (error) {
          goodRequests = 0;
          if (end - next === 1 || !mayHelpToAskLess(error)) throw error;
          size = Math.floor(calls.length / 2);
          continue;
        }
        let start = 0;
        for (const { length } of groups.slice(next, end)) {
          answers.push(results.slice(start, start + length));
          start += length;
        }
        next = end;
        if (++goodRequests % REQUESTS_BEFORE_GROWTH === 0) size = Math.min(size * 2, MOST_CALLS);
      }
      return answers;
    },
  };
}
