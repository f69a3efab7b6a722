// What goes wrong with nodes and on the way to them, by chance. Must hold: a correct indexer can notice every lie. None is
// told about blocks that are final, and what the contracts cannot have said is never said three times, because the indexer
// rightly stops at that.

import type { RawLog } from "../../server/chain/events.ts";
import type { Fault, ForwardedCall, IdentifiedCall, RpcAnswer } from "../support/faulty-rpc.ts";
import type { SimulatedBlock } from "./chain.ts";
import type { Random } from "./random.ts";
import { matches, staleAnswers } from "./stale-node.ts";

export interface FaultsOptions {
  random: Random;
  /** The real chain, by block number. */
  blocks(): readonly SimulatedBlock[];
  /** Chains that it was before, as far as no block of it is final that they do not have. */
  formerChains(): readonly (readonly SimulatedBlock[])[];
  /** How many blocks a late node lacks at most. */
  mostBehind: number;
  /** Is told of every fault that is applied. */
  onFault(name: string): void;
}

export interface Faults {
  /** How likely it is that something goes wrong with a request; one that is answered with logs is in more danger. */
  probability: number;
  next(request: ForwardedCall[]): Fault | undefined;
}

type MakeFault = (request: ForwardedCall[]) => Fault | undefined;

const PAGE = "<html><body>Bad gateway</body></html>";
/** Most requests ask for the newest block only, and answers about it spoil little. */
const LOGS_LIKELIER = 3;
/** As often as an indexer takes it for the node's mistake. */
const MOST_MALFORMED = 2;

export function createFaults(options: FaultsOptions): Faults {
  const { random, blocks, formerChains, mostBehind, onFault } = options;
  let malformed = 0;
  let episode: { name: string; left: number; fault: Fault } | undefined;

  const respond = (answers: (calls: IdentifiedCall[], answers: RpcAnswer[]) => RpcAnswer[]): Fault => ({
    kind: "respond",
    answers,
  });
  const error = (code: number, message: string) => (): Fault =>
    respond((_, answers) => answers.map(({ id }) => ({ jsonrpc: "2.0", id, error: { code, message } })));
  const answer = (status: number, body: string) => (): Fault => ({ kind: "answer", status, body });
  /** Whether a node that is well answers a call with logs. */
  function hasLogs({ method, params }: ForwardedCall): boolean {
    if (method !== "eth_getLogs") return false;
    const { blockHash, fromBlock, toBlock } = params[0];
    const isAsked = ({ hash, number }: SimulatedBlock) =>
      blockHash === undefined ? number >= Number(fromBlock) && number <= Number(toBlock) : hash === blockHash;
    return blocks().some((block) => isAsked(block) && block.logs.some((log) => matches(log, params[0])));
  }

  /** Changes the lists of logs, where there are any. */
  const onLogs =
    (change: (logs: RawLog[], call: ForwardedCall) => RawLog[]): MakeFault =>
    (request) =>
      request.some(hasLogs)
        ? {
            kind: "rewrite",
            result: (call, logs) => (call.method === "eth_getLogs" && Array.isArray(logs) ? change(logs, call) : logs),
          }
        : undefined;

  /** The block of the same number on a former chain. */
  function formerly(number: number): SimulatedBlock | undefined {
    const others = formerChains().filter((chain) => {
      return chain[number] !== undefined && chain[number].hash !== blocks()[number]?.hash;
    });
    return others.length === 0 ? undefined : random.pick(others)[number];
  }

  const late: MakeFault = () => {
    const lacking = random.between(1, Math.min(mostBehind, blocks().length - 1));
    // It stands still meanwhile.
    const some = blocks().slice(0, -lacking);
    return respond((calls, answers) => staleAnswers(some, calls, answers));
  };
  const onFormerChain: MakeFault = () => {
    const chains = formerChains();
    if (chains.length === 0) return undefined;
    const chain = random.pick(chains);
    return respond((calls, answers) => staleAnswers(chain, calls, answers));
  };
  const formerHeaders: MakeFault = (request) => {
    const asked = request.filter(({ method }) => method === "eth_getBlockByNumber");
    if (asked.length === 0) return undefined;
    const { params } = random.pick(asked);
    const former = formerly(params[0] === "latest" ? blocks().length - 1 : Number(params[0]));
    if (former === undefined) return undefined;
    return {
      kind: "rewrite",
      result: (call, header) =>
        call.method === "eth_getBlockByNumber" && call.params[0] === params[0] ? former.header : header,
    };
  };

  /** By name, with how often each is to come, and how many requests in a row it lasts at most. */
  const faults: Record<string, { weight: number; most: number; make: MakeFault }> = {
    hangs: { weight: 1, most: 1, make: () => ({ kind: "hang" }) },
    "breaks off": { weight: 2, most: 3, make: () => ({ kind: "drop" }) },
    "breaks off in the middle": { weight: 2, most: 2, make: () => ({ kind: "break" }) },
    "half of the JSON": { weight: 2, most: 2, make: () => ({ kind: "truncate" }) },
    "HTTP 429": { weight: 1, most: 2, make: answer(429, "") },
    "HTTP 500": { weight: 1, most: 2, make: answer(500, PAGE) },
    "HTTP 502": { weight: 1, most: 2, make: answer(502, PAGE) },
    "HTTP 403": { weight: 1, most: 1, make: answer(403, PAGE) },
    "a page": { weight: 1, most: 2, make: answer(200, PAGE) },
    "JSON null": { weight: 1, most: 1, make: answer(200, "null") },
    "limit exceeded": { weight: 2, most: 2, make: error(-32005, "limit exceeded") },
    "internal error": { weight: 1, most: 2, make: error(-32603, "internal error") },
    "range refused": { weight: 1, most: 1, make: error(-32602, "query returned more than 10000 results") },
    "nothing but null": { weight: 1, most: 1, make: () => ({ kind: "rewrite", result: () => null }) },
    slow: { weight: 6, most: 6, make: () => ({ kind: "delay", ms: random.between(1, 60) }) },
    "an answer missing": {
      weight: 2,
      most: 1,
      make: (request) => {
        const missing = random.below(request.length);
        return respond((_, answers) => answers.filter((__, index) => index !== missing || answers.length === 1));
      },
    },
    "an error among the answers": {
      weight: 2,
      most: 1,
      make: (request) => {
        const failing = random.below(request.length);
        const failure = { code: -32000, message: "header not found" };
        return respond((_, answers) =>
          answers.map((one, index) => (index === failing ? { jsonrpc: "2.0", id: one.id, error: failure } : one)),
        );
      },
    },
    "answers in another order": {
      weight: 3,
      most: 4,
      make: (request) => (request.length > 1 ? respond((_, answers) => random.shuffled(answers)) : undefined),
    },
    "a header of another fork": { weight: 3, most: 2, make: formerHeaders },
    "a late node": { weight: 5, most: 8, make: late },
    "a node on another fork": { weight: 5, most: 8, make: onFormerChain },
  };
  const logFaults: typeof faults = {
    "logs twice": { weight: 3, most: 3, make: onLogs((logs) => [...logs, ...random.shuffled(logs)]) },
    "logs in another order": { weight: 3, most: 3, make: onLogs((logs) => random.shuffled(logs)) },
    "logs without time": {
      weight: 3,
      most: 3,
      make: onLogs((logs) => logs.map(({ blockTimestamp: _, ...log }) => log)),
    },
    "logs being taken back": {
      weight: 2,
      most: 2,
      make: onLogs((logs) => {
        const removed = random.below(logs.length);
        return logs.map((log, index) => (index === removed ? { ...log, removed: true } : log));
      }),
    },
    "logs of another fork among the true ones": {
      weight: 3,
      most: 2,
      make(request) {
        const foreign = request.flatMap(({ method, params: [filter] }) => {
          const block = method === "eth_getLogs" ? blocks().find(({ hash }) => hash === filter.blockHash) : undefined;
          const logs = block && formerly(block.number)?.logs.filter((log) => matches(log, filter));
          return logs === undefined || logs.length === 0 ? [] : [[filter.blockHash as string, logs] as const];
        });
        if (foreign.length === 0) return undefined;
        const byHash = new Map(foreign);
        return onLogs((logs, { params: [filter] }) => [...logs, ...(byHash.get(filter.blockHash) ?? [])])(request);
      },
    },
    // Only where a block is asked for by its hash: what numbers are answered with has no header beside it that says otherwise.
    "no logs although there are some": {
      weight: 4,
      most: 3,
      make: (request) =>
        request.some((call) => hasLogs(call) && call.params[0].blockHash !== undefined)
          ? onLogs((logs, { params: [filter] }) => (filter.blockHash === undefined ? logs : []))(request)
          : undefined,
    },
    "a log cut off": {
      weight: 1,
      most: 1,
      make: (request) => {
        if (malformed >= MOST_MALFORMED || !request.some(hasLogs)) return undefined;
        malformed++;
        return onLogs((logs) => {
          const cut = random.below(logs.length);
          return logs.map((log, index) =>
            index === cut ? { ...log, data: "0x", topics: log.topics.slice(0, 1) } : log,
          );
        })(request);
      },
    },
  };
  const choicesOf = (catalogue: typeof faults) =>
    Object.entries(catalogue).map(([name, { weight, ...fault }]) => [weight, { name, ...fault }] as const);
  const [choices, logChoices] = [choicesOf(faults), choicesOf(logFaults)];

  return {
    probability: 0,
    next(request) {
      if (this.probability === 0) episode = undefined;
      const withLogs = request.some(hasLogs);
      if (episode === undefined && random.chance(this.probability * (withLogs ? LOGS_LIKELIER : 1))) {
        // Not every fault can come over every request.
        for (let tries = 0; episode === undefined && tries < 5; tries++) {
          const { name, most, make } = random.weighted(withLogs && random.chance(0.6) ? logChoices : choices);
          const fault = make(request);
          if (fault !== undefined) episode = { name, left: random.between(1, most), fault };
        }
      }
      if (episode === undefined) return undefined;
      const { name, fault } = episode;
      onFault(name);
      if (--episode.left === 0) episode = undefined;
      return fault;
    },
  };
}
