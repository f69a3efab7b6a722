// Plays a node that still has, or only has, another chain than the real one: a few blocks behind, or on a fork that was
// taken back. It answers from blocks that the real node once made, so everything it says was true once.

import type { RawLog } from "../../server/chain/events.ts";
import type { ForwardedCall, IdentifiedCall, RpcAnswer } from "../support/faulty-rpc.ts";
import type { SimulatedBlock } from "./chain.ts";

interface LogFilter {
  address?: string | string[];
  topics?: (string | string[] | null)[];
  blockHash?: string;
  fromBlock?: string;
  toBlock?: string;
}

/** What a node with these blocks, by number, answers; what only the real one can know is left as that answered it. */
export function staleAnswers(
  blocks: readonly SimulatedBlock[],
  calls: readonly IdentifiedCall[],
  truth: readonly RpcAnswer[],
): RpcAnswer[] {
  return calls.flatMap((call): RpcAnswer[] => {
    const stale = staleAnswer(blocks, call);
    return stale === undefined ? truth.filter(({ id }) => id === call.id) : [{ jsonrpc: "2.0", id: call.id, ...stale }];
  });
}

function staleAnswer(
  blocks: readonly SimulatedBlock[],
  { method, params }: ForwardedCall,
): Pick<RpcAnswer, "result" | "error"> | undefined {
  switch (method) {
    case "eth_blockNumber":
      return { result: blocks.at(-1)?.header["number"] };
    case "eth_getBlockByNumber":
      return { result: blockAt(blocks, params[0])?.header ?? null };
    case "eth_getBlockByHash":
      return { result: blocks.find(({ hash }) => hash === params[0])?.header ?? null };
    case "eth_getLogs": {
      const filter: LogFilter = params[0];
      if (filter.blockHash === undefined) {
        const [first, last] = [blockAt(blocks, filter.fromBlock), blockAt(blocks, filter.toBlock) ?? blocks.at(-1)];
        if (first === undefined || last === undefined) return { result: [] };
        const some = blocks.slice(first.number, last.number + 1);
        return { result: some.flatMap(({ logs }) => logs.filter((log) => matches(log, filter))) };
      }
      const block = blocks.find(({ hash }) => hash === filter.blockHash);
      if (block === undefined) return { error: { code: -32000, message: "unknown block" } };
      return { result: block.logs.filter((log) => matches(log, filter)) };
    }
    default:
      return undefined;
  }
}

function blockAt(blocks: readonly SimulatedBlock[], tag = "latest"): SimulatedBlock | undefined {
  if (tag === "earliest") return blocks[0];
  return /^0x/.test(tag) ? blocks[Number(tag)] : blocks.at(-1);
}

/** Whether a log is one that a filter of `eth_getLogs` asks for. */
export function matches(log: RawLog, { address, topics = [] }: LogFilter): boolean {
  const isOneOf = (value: string | undefined, wanted: string | string[] | null | undefined) =>
    wanted == null || [wanted].flat().some((one) => one.toLowerCase() === value?.toLowerCase());
  return isOneOf(log.address, address) && topics.every((wanted, index) => isOneOf(log.topics[index], wanted));
}
