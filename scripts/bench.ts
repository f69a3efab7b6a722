// npm run bench: what it costs, side by side with what it could cost at best. Prints Markdown for docs/benchmarks.md.
// npm run bench -- gas | scale | live | reorg | restart | rebuild | api | entitlements | orders | import | audit | local-chain: these parts only.
//   --full                the sizes of the bounds (2 million events, 2 million cards, 200,000 on the local chain) and every kind of chain: most of an hour
//   --database=sqlite     or postgresql: on this one only
//   --events=100000       instead of 200,000; for the scale benchmark also --shape=sparse instead of dense, and --rounds=1
//   --seed=1              when the server is killed in the import benchmark

import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchApi } from "./bench/api.ts";
import { benchAudit } from "./bench/audit.ts";
import { benchEntitlements } from "./bench/entitlements.ts";
import { benchGas } from "./bench/gas.ts";
import { benchImport } from "./bench/import.ts";
import { benchLive } from "./bench/live.ts";
import { benchLocalChain } from "./bench/local-chain.ts";
import { type Bound, formatBounds, number } from "./bench/measure.ts";
import { benchOrders } from "./bench/orders.ts";
import { benchRebuild } from "./bench/rebuild.ts";
import { benchReorg } from "./bench/reorg.ts";
import type { ReplayNodeOptions } from "./bench/replay/start.ts";
import { benchRestart } from "./bench/restart.ts";
import { benchScale } from "./bench/scale.ts";
import { bringDatabases, type DatabaseKind } from "./bench/world/databases.ts";
import { type FilledMirror, fillMirror } from "./bench/world/mirror.ts";

const API_CARDS = 50_000;
const CARDS_AT_SCALE = 2_000_000;
const ENTITLED_CARDS = 1_000_000;

/** What is measured on a mirror that is complete. */
const ON_A_MIRROR: Record<string, (mirror: FilledMirror) => Promise<Bound[]>> = {
  live: benchLive,
  reorg: benchReorg,
  restart: benchRestart,
  rebuild: benchRebuild,
};
const DATABASES = ["sqlite", "postgresql"];
const PARTS = [
  "gas",
  "scale",
  ...Object.keys(ON_A_MIRROR),
  "api",
  "entitlements",
  "orders",
  "import",
  "audit",
  "local-chain",
];

const { values, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: "boolean", default: false },
    database: { type: "string" },
    events: { type: "string", default: "200000" },
    shape: { type: "string", default: "dense" },
    rounds: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
  },
});
const { full, shape } = values;
const [events, rounds] = [Number(values.events), Number(values.rounds)];
const unknown = chosen.filter((part) => !PARTS.includes(part));
const problems = [
  unknown.length > 0 && `There is no benchmark ${unknown.join(", ")}; there are ${PARTS.join(", ")}.`,
  !(events >= 10_000) && `--events must be a number, at least 10000 (it is ${values.events}).`,
  !(rounds >= 1) && `--rounds must be a number, at least 1 (it is ${values.rounds}).`,
  !DATABASES.includes(values.database ?? "sqlite") && `--database must be one of ${DATABASES.join(", ")}.`,
  !Number.isInteger(Number(values.seed)) && `--seed must be a whole number (it is ${values.seed}).`,
  shape !== "dense" && shape !== "sparse" && "--shape must be dense or sparse.",
].filter((problem) => problem !== false);
if (problems.length > 0 || (shape !== "dense" && shape !== "sparse")) {
  console.error(problems.join("\n"));
  process.exit(2);
}
const wanted = (part: string) => chosen.length === 0 || chosen.includes(part);
const progress = (text: string) => process.stderr.write(`${text}\n`);

/** What has a mirror, or a chain, of its own on each database. */
const ON_DATABASES: { part: string; title: string; bench(kind: DatabaseKind): Promise<Bound[]> }[] = [
  {
    part: "entitlements",
    title: "Entitlements",
    bench: (kind) => benchEntitlements(kind, { cards: ENTITLED_CARDS, progress }),
  },
  { part: "orders", title: "Orders", bench: benchOrders },
  {
    part: "import",
    title: "Import of a spreadsheet",
    bench: (kind) => benchImport(kind, { seed: Number(values.seed), progress }),
  },
  { part: "audit", title: "Audit", bench: benchAudit },
];

async function benchOnMirror(kind: DatabaseKind, parts: readonly string[]): Promise<Bound[]> {
  const size: ReplayNodeOptions = full ? { cards: CARDS_AT_SCALE } : { events };
  progress(`a mirror of ${full ? `${number(CARDS_AT_SCALE)} cards` : `${number(events)} events`}, ${kind.name} …`);
  const mirror = await fillMirror(kind, size);
  try {
    const bounds: Bound[] = [];
    for (const part of parts) {
      progress(`  ${part} …`);
      bounds.push(...((await ON_A_MIRROR[part]?.(mirror)) ?? []));
    }
    return bounds;
  } finally {
    await mirror.close();
  }
}

async function benchApiOn(kind: DatabaseKind): Promise<string> {
  const mirror = await fillMirror(kind, { cards: API_CARDS, collections: 1 });
  try {
    const server = await mirror.start();
    try {
      await server.ready();
      return await benchApi(server.url, {
        verify: "/v1/verify/bench-1/25000",
        card: "/v1/collections/bench-1/cards/25000",
        "50 cards": "/v1/collections/bench-1/cards?limit=50",
        page: "/v/bench-1/25000",
      });
    } finally {
      await server.stop();
    }
  } finally {
    await mirror.close();
  }
}

const memory = Math.round(totalmem() / 2 ** 30);
const load = loadavg()[0]?.toFixed(1);
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${memory} GiB, load before: ${load}\n`,
);

if (wanted("local-chain")) {
  progress("local chain …");
  const bounds = await benchLocalChain({ sizes: full ? [50_000, 200_000] : [50_000], progress });
  console.log(`## Local chain\n\n${formatBounds(bounds)}\n`);
}

if (wanted("gas")) {
  progress("gas …");
  console.log(`## Gas\n\n${await benchGas()}\n`);
}

const onMirror = Object.keys(ON_A_MIRROR).filter(wanted);
if (wanted("scale") || onMirror.length > 0 || wanted("api") || ON_DATABASES.some(({ part }) => wanted(part))) {
  const databases = await bringDatabases(values.database === undefined ? undefined : [values.database]);
  const { kinds } = databases;
  try {
    if (wanted("scale"))
      console.log(`## Backfill\n\n${await benchScale({ kinds, full, events, shape, rounds, progress })}\n`);
    if (onMirror.length > 0) {
      const bounds: Bound[] = [];
      for (const kind of kinds) bounds.push(...(await benchOnMirror(kind, onMirror)));
      console.log(`## Following, restarting, rebuilding\n\n${formatBounds(bounds)}\n`);
    }
    for (const kind of wanted("api") ? kinds.slice(0, 1) : []) {
      progress(`API, ${kind.name} …`);
      const answers = await benchApiOn(kind);
      console.log(`## API\n\n${number(API_CARDS)} cards in the mirror, ${kind.name}, one process.\n\n${answers}\n`);
    }
    for (const { part, title, bench } of ON_DATABASES) {
      if (!wanted(part)) continue;
      const bounds: Bound[] = [];
      for (const kind of kinds) {
        progress(`${part}, ${kind.name} …`);
        bounds.push(...(await bench(kind)));
      }
      console.log(`## ${title}\n\n${formatBounds(bounds)}\n`);
    }
  } finally {
    await databases.stop();
  }
}
process.exit(0);
