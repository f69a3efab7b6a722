// Makes what is printed from an import, in a process of its own: QR codes are computing, half a millisecond or more each, and the font
// is large. The cards go in page by page and the document comes out piece by piece; neither is in memory whole.
// Must hold: no more is asked for than the receiver has taken.

import { join } from "node:path";
import { startChild } from "../child.ts";

/** What to make. */
export interface PrintJob {
  kind: "codes-svg" | "codes-png" | "sheet";
  collection: string;
  brand: string;
  slug: string;
  maxSupply: number;
}

export interface CardToPrint {
  serial: number;
  /** What the code says. */
  url: string;
}

/** The job first, then pages of cards, then that there are no more. Each is answered with the document's next bytes. */
export type PrintQuestion = { job: PrintJob } | { cards: CardToPrint[] } | "end";

const CARDS_AT_ONCE = 200;

/** The document, piece by piece. */
export async function* print(job: PrintJob, pages: AsyncIterable<CardToPrint[]>): AsyncGenerator<Uint8Array, void> {
  const child = startChild("printer", join(import.meta.dirname, "print-process-child.ts"));
  const ask = async (question: PrintQuestion) => (await child.ask(question)) as Uint8Array;
  try {
    yield await ask({ job });
    for await (const page of pages) {
      for (let first = 0; first < page.length; first += CARDS_AT_ONCE)
        yield await ask({ cards: page.slice(first, first + CARDS_AT_ONCE) });
    }
    yield await ask("end");
  } finally {
    await child.close();
  }
}
