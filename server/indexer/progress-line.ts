// How far the reading of history is, in the words of a line on a terminal.

import type { MirrorProgress } from "../database/mirror-status.ts";

/** Such as "reading the chain: 48 %, 41,000 events/s, 12 s left". */
export function progressLine({ from, target, block, eventsPerSecond, secondsLeft }: MirrorProgress): string {
  const percent = target > from ? Math.floor((100 * (block - from)) / (target - from)) : 100;
  const rate = `${Math.round(eventsPerSecond).toLocaleString("en")} events/s`;
  const left = secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`];
  return `reading the chain: ${[`${percent} %`, rate, ...left].join(", ")}`;
}

function duration(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  return minutes < 100 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`;
}

const INTERVAL_MS = 500;
/** Fewer blocks are read before anybody has seen the line. */
const LEAST_BLOCKS = 1_000;

/**
 * Shows the progress on a terminal while there is much to read. Whatever else is written there must be longer, as log lines
 * are: the cursor waits at the beginning of the line, so that it is written over.
 * @returns What ends it.
 */
export function showProgress(progress: () => MirrorProgress | undefined, terminal: NodeJS.WriteStream): () => void {
  let shown = false;
  const timer = setInterval(() => {
    const current = progress();
    const isMuch = current !== undefined && current.target - current.from > LEAST_BLOCKS;
    if (isMuch) terminal.write(`\x1b[2K${progressLine(current).slice(0, (terminal.columns || 80) - 1)}\r`);
    else if (shown) terminal.write("\x1b[2K\r");
    shown = isMuch;
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
