// The cards that a transaction is changing, in memory: each is read at most once and written at most once, however many
// events concern it. Must hold: a card that the book has not read is either without a row or not concerned.

import type { CardStatus } from "../chain/abi.ts";
import { type CardEvent, isIssue } from "../chain/events.ts";
import { type CellValue, insertRows, selectRows, upsertRows } from "../database/bulk.ts";
import type { DatabaseTransaction } from "../database/client.ts";
import { type CardState, fold, serialsOf } from "./fold.ts";

export interface CardBook {
  /** Folds events, which must follow those before them, onto the cards they concern. */
  fold(events: readonly CardEvent[]): Promise<void>;
  /** How many cards it holds. */
  size(): number;
  /** Writes all of them, and forgets them. */
  write(): Promise<void>;
}

interface Entry {
  serial: number;
  card: CardState | undefined;
  /** Whether the table has a row for it. */
  isStored: boolean;
}

const CARD_COLUMNS = [
  "collectionAddress",
  "serial",
  "holder",
  "tier",
  "status",
  "issuedAt",
  "expiresAt",
  "generation",
  "reissueTo",
  "reissueReadyAt",
  "blockNumber",
  "logIndex",
] as const;
export const CARD_KEY = ["collectionAddress", "serial"] as const;

export function createCardBook(transaction: DatabaseTransaction): CardBook {
  const collections = new Map<string, Map<number, Entry>>();

  function entriesOf(collection: string): Map<number, Entry> {
    const known = collections.get(collection);
    if (known !== undefined) return known;
    const entries = new Map<number, Entry>();
    collections.set(collection, entries);
    return entries;
  }

  /** Makes sure that the book has an entry for every card that the events concern. */
  async function look(events: readonly CardEvent[]): Promise<void> {
    const wanted: [string, number][] = [];
    for (const event of events) {
      const entries = entriesOf(event.address);
      for (const serial of serialsOf(event)) {
        if (entries.has(serial)) continue;
        entries.set(serial, { serial, card: undefined, isStored: false });
        // An issued card has no row yet, and looking for it would cost as much as writing it. Were there one after all, the
        // event's own row could not be new either, and the insert would fail.
        if (event.name !== "Transfer" || !isIssue(event.args)) wanted.push([event.address, serial]);
      }
    }
    for (const { collection, serial, card } of await loadCards(transaction, wanted)) {
      entriesOf(collection).set(serial, { serial, card, isStored: true });
    }
  }

  return {
    async fold(events) {
      await look(events);
      for (const event of events) {
        const entries = entriesOf(event.address);
        for (const serial of serialsOf(event)) {
          const entry = entries.get(serial) as Entry;
          entry.card = fold(entry.card, event);
        }
      }
    },
    size() {
      return collections.values().reduce((sum, entries) => sum + entries.size, 0);
    },
    async write() {
      const added: CellValue[][] = [];
      const changed: CellValue[][] = [];
      for (const [collection, entries] of collections) {
        for (const { serial, card, isStored } of entries.values()) {
          if (card !== undefined) (isStored ? changed : added).push(cardRow(collection, serial, card));
        }
      }
      collections.clear();
      await insertRows(transaction, { table: "Card", columns: CARD_COLUMNS, rows: added });
      await writeCardRows(transaction, changed);
    },
  };
}

/** Writes rows of cards, in place of those that are there. */
export async function writeCardRows(
  transaction: DatabaseTransaction,
  rows: readonly (readonly CellValue[])[],
): Promise<void> {
  await upsertRows(transaction, { table: "Card", columns: CARD_COLUMNS, key: CARD_KEY, rows });
}

export function cardRow(collection: string, serial: number, card: CardState): CellValue[] {
  return [
    collection,
    serial,
    card.holder,
    card.tier,
    card.status,
    card.issuedAt,
    card.expiresAt,
    card.generation,
    card.reissueTo,
    card.reissueReadyAt,
    card.blockNumber,
    card.logIndex,
  ];
}

/** Cards as the mirror has them. */
async function loadCards(
  transaction: DatabaseTransaction,
  keys: readonly [string, number][],
): Promise<{ collection: string; serial: number; card: CardState }[]> {
  interface Row extends Omit<CardState, "issuedAt" | "expiresAt" | "reissueReadyAt"> {
    collectionAddress: string;
    serial: number;
    issuedAt: bigint | number;
    expiresAt: bigint | number;
    reissueReadyAt: bigint | number | null;
  }
  const rows = await selectRows<Row>(transaction, { table: "Card", key: CARD_KEY, keys });
  return rows.map((row) => ({
    collection: row.collectionAddress,
    serial: Number(row.serial),
    card: {
      holder: row.holder,
      tier: Number(row.tier),
      status: row.status as CardStatus,
      issuedAt: Number(row.issuedAt),
      expiresAt: Number(row.expiresAt),
      generation: Number(row.generation),
      reissueTo: row.reissueTo,
      reissueReadyAt: row.reissueReadyAt === null ? null : Number(row.reissueReadyAt),
      blockNumber: Number(row.blockNumber),
      logIndex: Number(row.logIndex),
    },
  }));
}
