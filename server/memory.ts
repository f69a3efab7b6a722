// How much memory the server takes for speed. While it reads the chain's history it makes garbage as fast as it can, and collecting it
// late is what makes it fast; once it follows the chain there is little, and collecting it early keeps the process small.

import { setFlagsFromString } from "node:v8";

const FLAGS = {
  /** Garbage is collected when it is half as much as what is in use. */
  speed: ["--heap-growing-percent=50", "--no-optimize-for-size"],
  /** When it is a seventh. */
  size: ["--heap-growing-percent=15", "--optimize-for-size"],
} as const;

const INTERVAL_MS = 200;

/** From now on favours speed while much history is read, and size at all other times. */
export function favourSizeUnless(readsHistory: () => boolean): void {
  let favoured: keyof typeof FLAGS | undefined;
  const decide = () => {
    const wanted = readsHistory() ? "speed" : "size";
    if (wanted === favoured) return;
    favoured = wanted;
    for (const flag of FLAGS[wanted]) setFlagsFromString(flag);
  };
  decide();
  setInterval(decide, INTERVAL_MS).unref();
}
