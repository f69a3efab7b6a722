// News of the chain: over WebSocket by `eth_subscribe`, and for those who ask again and again by `eth_newFilter` and its kin.

import { z } from "zod";
import type { StoredBlock } from "../engine/archive.ts";
import { textOf } from "../engine/archive.ts";
import type { Chain } from "../engine/chain.ts";
import { CODE, JsonRpcError } from "./errors.ts";
import type { Methods } from "./methods.ts";
import { logFilter, params, parse } from "./parameters.ts";
import { presentHeader, quantity } from "./presenting.ts";

/** A filter that nobody has asked for so long is dropped, in milliseconds. */
const FILTER_LIFE_MS = 5 * 60_000;
const MOST_FILTERS = 1_000;

let made = 0;
const nextName = () => quantity(++made);

/** What one WebSocket connection can ask beside the methods. `tell` sends a message. */
export function createSubscriptions(
  chain: Chain,
  methods: Methods,
  tell: (message: string) => void,
): { methods: Methods; end(): void } {
  const ends = new Map<string, () => void>();

  const send = (subscription: string, result: unknown) =>
    tell(JSON.stringify({ jsonrpc: "2.0", method: "eth_subscription", params: { subscription, result } }));

  return {
    methods: {
      eth_subscribe(given) {
        const [kind, filter] = parse(params(z.string(), z.unknown()), given);
        const name = nextName();
        if (kind === "newHeads") {
          ends.set(
            name,
            chain.onBlock((block) => send(name, presentHeader(block))),
          );
        } else if (kind === "logs") {
          // Checked now, and not at the first block.
          parse(params(logFilter), [filter ?? {}]);
          const ofBlock = async (block: StoredBlock) => {
            const logs = await methods["eth_getLogs"]?.([
              { ...(filter as object), fromBlock: undefined, toBlock: undefined, blockHash: textOf(block.hash) },
            ]);
            for (const log of logs as unknown[]) send(name, log);
          };
          ends.set(
            name,
            chain.onBlock((block) => void ofBlock(block)),
          );
        } else
          throw new JsonRpcError(CODE.invalidParams, `no subscription of kind ${kind}: newHeads and logs are offered`);
        return name;
      },
      eth_unsubscribe(given) {
        const [name] = parse(params(z.string()), given);
        ends.get(name)?.();
        return ends.delete(name);
      },
    },
    end() {
      for (const end of ends.values()) end();
      ends.clear();
    },
  };
}

/** Filters, for clients without a WebSocket. */
export function createFilters(chain: Chain, methods: Methods): Methods {
  interface Filter {
    /** The first block that was not told of yet. */
    next: number;
    /** Nothing: tells of blocks. */
    logs: object | undefined;
    usedAt: number;
  }
  const filters = new Map<string, Filter>();

  function add(logs: object | undefined): string {
    const now = performance.now();
    for (const [name, { usedAt }] of filters) if (now - usedAt > FILTER_LIFE_MS) filters.delete(name);
    if (filters.size >= MOST_FILTERS)
      throw new JsonRpcError(CODE.limitExceeded, "too many filters: uninstall those that are not used");
    const name = nextName();
    filters.set(name, { next: chain.head().number + 1, logs, usedAt: now });
    return name;
  }

  function find(given: unknown): Filter {
    const [name] = parse(params(z.string()), given);
    const filter = filters.get(name);
    if (filter === undefined) throw new JsonRpcError(CODE.server, "filter not found");
    filter.usedAt = performance.now();
    return filter;
  }

  return {
    eth_newBlockFilter: () => add(undefined),
    eth_newFilter(given) {
      const [filter] = parse(params(z.object({}).loose()), given);
      parse(params(logFilter), [filter]);
      return add(filter);
    },
    async eth_getFilterChanges(given) {
      const filter = find(given);
      const [from, to] = [filter.next, chain.head().number];
      filter.next = to + 1;
      if (from > to) return [];
      if (filter.logs === undefined)
        return Array.from({ length: to - from + 1 }, (_, index) =>
          textOf(chain.archive.hashOf(from + index) ?? Buffer.alloc(0)),
        );
      return await methods["eth_getLogs"]?.([{ ...filter.logs, fromBlock: quantity(from), toBlock: quantity(to) }]);
    },
    async eth_getFilterLogs(given) {
      const { logs } = find(given);
      if (logs === undefined) throw new JsonRpcError(CODE.server, "filter not found");
      return await methods["eth_getLogs"]?.([logs]);
    },
    eth_uninstallFilter(given) {
      const [name] = parse(params(z.string()), given);
      return filters.delete(name);
    },
  };
}
