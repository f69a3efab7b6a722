// The lines of an import as they are given out: page by page, with what the mirror knows of their cards.

import { getAddress } from "ethers";
import { selectRows, selectRowsAtOrBefore } from "../database/bulk.ts";
import type { Database } from "../database/client.ts";
import type { ImportRow, LineState } from "./states.ts";

export interface ImportedCard {
  line: number;
  state: LineState;
  serial: number | null;
  /** Checksummed. */
  holder: string | null;
  customer: string | null;
  /** Of the transaction that issued the card; nothing while the mirror does not have it. */
  transactionHash: string | null;
  failure: string | null;
}

const PAGE_LINES = 1_000;

/** All lines in their order. */
export async function* importedCards(
  database: Database,
  row: Pick<ImportRow, "id" | "collectionAddress">,
  states: readonly LineState[],
): AsyncGenerator<ImportedCard[], void> {
  for (let after = 0; ; ) {
    const lines = await database.importLine.findMany({
      where: { importId: row.id, line: { gt: after }, state: { in: [...states] } },
      orderBy: { line: "asc" },
      take: PAGE_LINES,
    });
    const last = lines.at(-1);
    if (last === undefined) return;
    after = last.line;
    const keys = lines.flatMap(({ state, serial }) =>
      state === "done" && serial !== null ? [[row.collectionAddress, serial] as const] : [],
    );
    const cards = await selectRows<{ serial: number }>(database, {
      table: "Card",
      key: ["collectionAddress", "serial"],
      keys,
    });
    const batches = await selectRowsAtOrBefore<StoredBatch>(database, {
      table: "Batch",
      key: ["collectionAddress", "firstSerial"],
      keys: cards.map(({ serial }) => [row.collectionAddress, serial]),
    });
    const transactions = transactionsOf(batches, new Set(cards.map(({ serial }) => serial)));
    yield lines.map(({ line, state, serial, holder, customer, failure }) => ({
      line,
      state: state as LineState,
      serial,
      holder: holder === null ? null : getAddress(holder),
      customer,
      transactionHash: transactions.get(serial ?? 0) ?? null,
      failure,
    }));
  }
}

interface StoredBatch {
  firstSerial: number;
  count: number;
  transactionHash: string;
}

function transactionsOf(batches: readonly StoredBatch[], serials: ReadonlySet<number>): Map<number, string> {
  const found = new Map<number, string>();
  for (const { firstSerial, count, transactionHash } of batches) {
    for (let serial = firstSerial; serial < firstSerial + count; serial++) {
      if (serials.has(serial)) found.set(serial, transactionHash);
    }
  }
  return found;
}
