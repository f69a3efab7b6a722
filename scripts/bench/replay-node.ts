// A node of a generated chain, in a process of its own: node scripts/bench/replay-node.ts [options]. Says in one line of JSON where
// it is and what it serves, and serves it until it is told to stop.

import { parseArgs } from "node:util";
import { createReplayChain } from "./replay/chain.ts";
import { serveReplay } from "./replay/server.ts";

/** How the events lie: a hundred cards in each block, or a few in one of fifty. */
const SHAPES = {
  dense: { cardsPerBatch: 100, batchEvery: 1 },
  sparse: { cardsPerBatch: 4, batchEvery: 50 },
} as const;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    events: { type: "string", default: "200000" },
    // Instead of events.
    cards: { type: "string" },
    shape: { type: "string", default: "dense" },
    collections: { type: "string", default: "4" },
    // Logs without the time of their block.
    "no-timestamps": { type: "boolean", default: false },
    "max-logs-range": { type: "string", default: "5000" },
    "finalized-depth": { type: "string", default: "64" },
    latency: { type: "string", default: "0" },
    // Makes everything before it says that it is there, which takes memory: 0.8 GB for a million events.
    prepare: { type: "boolean", default: false },
    port: { type: "string", default: "0" },
  },
});

if (!(values.shape in SHAPES))
  throw new Error(`There is no shape ${values.shape}; there are ${Object.keys(SHAPES).join(", ")}`);
const chain = createReplayChain({
  seed: Number(values.seed),
  until: values.cards === undefined ? { events: Number(values.events) } : { cards: Number(values.cards) },
  ...SHAPES[values.shape as keyof typeof SHAPES],
  collections: Number(values.collections),
  withTimestamps: !values["no-timestamps"],
});
if (values.prepare) chain.prepare();
const url = await serveReplay({
  chain,
  port: Number(values.port),
  maxLogsRange: Number(values["max-logs-range"]),
  finalizedDepth: Number(values["finalized-depth"]),
  latencyMs: Number(values.latency),
});
const { chainId, registry, collections, events, cards } = chain;
process.stdout.write(`${JSON.stringify({ url, chainId, registry, collections, events, cards, head: chain.head() })}\n`);
