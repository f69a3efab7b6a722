// How fast `npm run rebuild` makes the mirror's tables anew from the stored events, by its own account: without the start of its
// process, and without the hashes of the tables before and after.

import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { type Bound, format, number, summarize } from "./measure.ts";
import type { FilledMirror } from "./world/mirror.ts";

const ROUNDS = 3;
/** A mirror with more cards than this takes minutes: it is rebuilt once. */
const MANY_CARDS = 1_000_000;
const BOUND = 80_000;

export async function benchRebuild(mirror: FilledMirror): Promise<Bound[]> {
  const program = resolve(import.meta.dirname, "..", "rebuild.ts");
  const environment = { ...process.env, DATABASE_URL: mirror.database.url };
  const rounds = mirror.node.cards > MANY_CARDS ? 1 : ROUNDS;
  const rates: number[] = [];
  let events = 0;
  for (let round = 0; round < rounds; round++) {
    const { stdout } = await promisify(execFile)(process.execPath, [program], { env: environment });
    const said = /from ([\d,]+) events in ([\d.]+) s/.exec(stdout);
    if (said === null || !stdout.includes("Nothing has changed")) throw new Error(`npm run rebuild said:\n${stdout}`);
    events = Number(said[1]?.replaceAll(",", ""));
    rates.push(events / Number(said[2]));
  }
  const summary = summarize(rates);
  return [
    {
      what: `\`npm run rebuild\` from ${number(events)} stored events, ${mirror.kind.name}, median of ${rounds}`,
      bound: `≥ ${number(BOUND)} events/s`,
      measured: `${format(summary)} events/s`,
      holds: summary.median >= BOUND,
    },
  ];
}
