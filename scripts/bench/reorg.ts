// How long a deep reorg takes: from when the node announces other blocks in place of its newest to when the server's mirror is at
// the new head.

import { type Bound, format, number, summarize } from "./measure.ts";
import { untilAt } from "./world/following.ts";
import type { FilledMirror } from "./world/mirror.ts";

const DEPTH = 64;
const CARDS_PER_BLOCK = 52;
/** Three for each card, and one for each batch. */
const EVENTS = DEPTH * (3 * CARDS_PER_BLOCK + 1);
const ROUNDS = 5;
const BOUND_MS = 500;

export async function benchReorg(mirror: FilledMirror): Promise<Bound[]> {
  const server = await mirror.start();
  try {
    await server.ready();
    const bounds: Bound[] = [];
    for (const empty of [true, false]) {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const { head, firstSerial } = await mirror.node.append(DEPTH, CARDS_PER_BLOCK);
        await untilAt(server, head);
        const { at, head: newHead, hash } = await mirror.node.reorg(DEPTH, empty);
        times.push((await untilAt(server, newHead, hash)) - at);
        const { status } = await server.get(mirror.pathOf(firstSerial));
        if (status !== (empty ? 404 : 200))
          throw new Error(`After the reorg the first of its cards is answered with ${status}`);
      }
      const summary = summarize(times);
      const then = empty
        ? "the new ones empty"
        : `and as many of the new ones read (block by block, as long as they may change)`;
      bounds.push({
        what: `${DEPTH} blocks with ${number(EVENTS)} events rolled back, ${then}, ${mirror.kind.name}, median of ${ROUNDS}`,
        bound: `≤ ${BOUND_MS} ms`,
        measured: `${format(summary)} ms`,
        holds: summary.median <= BOUND_MS,
      });
    }
    return bounds;
  } finally {
    await server.stop();
  }
}
