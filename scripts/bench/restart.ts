// What a crash costs: from `kill -9` to ready again, and from the writer's end to the first block that the stand-by has written.

import { type Bound, format, number, summarize } from "./measure.ts";
import { machineTime } from "./replay/server.ts";
import { GAP_MS } from "./world/following.ts";
import type { FilledMirror } from "./world/mirror.ts";
import type { BenchServer } from "./world/server.ts";

const ROUNDS = 3;
const RESTART_BOUND_S = 3;
const TAKEOVER_BOUND_S = 10;

/** Each server that is running, so that none outlives a failure. */
async function withServers<Result>(
  mirror: FilledMirror,
  body: (start: () => Promise<BenchServer>) => Promise<Result>,
): Promise<Result> {
  const servers: BenchServer[] = [];
  try {
    return await body(async () => {
      const server = await mirror.start();
      servers.push(server);
      await server.ready();
      return server;
    });
  } finally {
    for (const server of servers) server.signal("SIGCONT");
    await Promise.all(servers.map((server) => server.stop()));
  }
}

export async function benchRestart(mirror: FilledMirror): Promise<Bound[]> {
  const restarts: number[] = [];
  for (let round = 0; round < ROUNDS; round++) restarts.push(await measureRestart(mirror));
  const bounds = [
    boundOf(
      `\`kill -9\` → ready again, ${number(mirror.node.cards)} cards, ${mirror.kind.name}`,
      restarts,
      RESTART_BOUND_S,
    ),
  ];
  for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
    const takeovers: number[] = [];
    for (let round = 0; round < ROUNDS; round++) takeovers.push(await measureTakeover(mirror, signal));
    const end = signal === "SIGKILL" ? "killed" : "frozen, as if its machine were gone";
    bounds.push(
      boundOf(`writer ${end} → the stand-by has written a new block, ${mirror.kind.name}`, takeovers, TAKEOVER_BOUND_S),
    );
  }
  return bounds;
}

function boundOf(what: string, seconds: readonly number[], bound: number): Bound {
  const summary = summarize(seconds);
  const measured = `${format(summary, 1)} s`;
  return {
    what: `${what}, median of ${seconds.length}`,
    bound: `≤ ${bound} s`,
    measured,
    holds: summary.median <= bound,
  };
}

/** Seconds from the end of the server to when the next one is ready. */
async function measureRestart(mirror: FilledMirror): Promise<number> {
  return await withServers(mirror, async (start) => {
    const server = await start();
    const killedAt = machineTime();
    server.signal("SIGKILL");
    await server.process.ended;
    const next = await start();
    await next.get("/ready");
    return (machineTime() - killedAt) / 1_000;
  });
}

/** Seconds from the end of the writer to when a block that came after it shows at the other server. */
async function measureTakeover(mirror: FilledMirror, signal: "SIGKILL" | "SIGSTOP"): Promise<number> {
  return await withServers(mirror, async (start) => {
    const writer = await start();
    await writer.until("/metrics", ({ body }) => /^mintmark_indexer_leader 1$/m.test(body), GAP_MS);
    const standBy = await start();
    const endedAt = machineTime();
    writer.signal(signal);
    const { firstSerial } = await mirror.node.append(1, 1);
    const seenAt = await standBy.until(mirror.pathOf(firstSerial), ({ status }) => status === 200, GAP_MS);
    writer.signal("SIGKILL");
    return (seenAt - endedAt) / 1_000;
  });
}
