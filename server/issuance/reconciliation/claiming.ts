// Which adopted card an order is given instead of a new one: after an older copy was restored, orders come again that this database has lost
// and the chain has the cards of. Must hold: a card is given to one order at most. Whoever calls this has locked the editions.

import { selectRows, updateRows } from "../../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { mayBeFor, REPEATED_FOR_MS } from "./fit.ts";

export interface AdoptedCard {
  /** Lower-case. */
  collection: string;
  serial: number;
  holder: string;
  tier: number;
  expiresAt: number;
  issuedAt: number;
  /** To which card of which order it belongs, as the chain says: see batch-reference.ts. */
  tag: string | undefined;
  blockNumber: number;
  transactionHash: string;
}

/** What a card is wanted for. */
export interface CardWish {
  collection: string;
  /** Who is to get it, lower-case. */
  holder: string;
  tier: number;
  term: string | null;
  /** As reckoned from when the order came. */
  expiresAt: number;
  /** The tag of the order's card; nothing where the brand's keystore is not here. */
  tag: string | undefined;
}

/** Cards that can be claimed, until the transaction ends. */
export interface Pool {
  /** Takes a card that may be what is wanted, the one that fits best; nothing if there is none. */
  take(wish: CardWish): AdoptedCard | undefined;
  /** Lets others have a card that was taken. */
  giveBack(card: AdoptedCard): void;
}

export const EMPTY_POOL: Pool = { take: () => undefined, giveBack: () => undefined };

/** The collections of which adopted cards are unclaimed. */
export async function collectionsWithUnclaimed(database: Database | DatabaseTransaction): Promise<Set<string>> {
  const rows = await database.$queryRaw<{ collectionAddress: string }[]>(
    Prisma.sql`SELECT DISTINCT "collectionAddress" FROM "AdoptedCard" WHERE "state" = 'unclaimed' AND "source" = 'order'`,
  );
  return new Set(rows.map(({ collectionAddress }) => collectionAddress));
}

/** The unclaimed cards of some holders, and those that belong to some orders' cards, whoever has them. */
export async function openPool(
  transaction: DatabaseTransaction,
  wishes: readonly Pick<CardWish, "collection" | "holder" | "tag">[],
  { now, timeZone }: { now: number; timeZone: string },
): Promise<Pool> {
  if (wishes.length === 0) return EMPTY_POOL;
  const select = async (column: "holder" | "tag") => {
    const keys = new Map(
      wishes.flatMap((wish) =>
        wish[column] === undefined
          ? []
          : [[`${wish.collection} ${wish[column]}`, [wish.collection, wish[column]]] as const],
      ),
    );
    return await selectRows<Row>(transaction, {
      table: "AdoptedCard",
      key: ["collectionAddress", column],
      keys: [...keys.values()],
      where: `t."state" = 'unclaimed' AND t."source" = 'order' AND t."adoptedAt" > ${now - REPEATED_FOR_MS}
        AND EXISTS (SELECT 1 FROM "Card" AS c WHERE c."collectionAddress" = t."collectionAddress" AND c."serial" = t."serial")`,
    });
  };
  const found = [...(await select("holder")), ...(await select("tag"))].map(cardOf);
  const bySerial = new Map(found.map((card) => [`${card.collection} ${card.serial}`, card]));
  const left = [...bySerial.values()].toSorted((one, other) => one.serial - other.serial);
  return {
    take(wish) {
      const mayBe = (card: AdoptedCard) =>
        card.collection === wish.collection &&
        card.holder === wish.holder &&
        (wish.tag === undefined || card.tag === undefined);
      const found =
        exactMatch(wish, left) ??
        left.find((card) => mayBe(card) && card.tier === wish.tier && card.expiresAt === wish.expiresAt) ??
        left.find((card) => mayBe(card) && mayBeFor(card, wish, timeZone));
      if (found !== undefined) left.splice(left.indexOf(found), 1);
      return found;
    },
    giveBack: (card) => void left.push(card),
  };
}

/**
 * The card of which the chain says that it was issued for this very order. Where it says so of a card, and of an order it is known, nothing is inferred
 * from holder, tier and term: the card is another order's then.
 */
function exactMatch({ collection, tag }: CardWish, cards: readonly AdoptedCard[]): AdoptedCard | undefined {
  if (tag === undefined) return undefined;
  return cards.find((card) => card.collection === collection && card.tag === tag);
}

/** Writes down which order has which card. Throws if somebody else has one of them, which the locked editions rule out. */
export async function writeClaims(
  transaction: DatabaseTransaction,
  claims: readonly { card: Pick<AdoptedCard, "collection" | "serial">; orderId: string }[],
  now: number,
): Promise<void> {
  const changed = await updateRows(transaction, {
    table: "AdoptedCard",
    columns: ["collectionAddress", "serial", "state", "orderId", "settledAt"],
    key: ["collectionAddress", "serial"],
    rows: claims.map(({ card, orderId }) => [card.collection, card.serial, "claimed", orderId, now]),
    where: `t."state" = 'unclaimed'`,
  });
  if (changed !== claims.length) throw new Error("An adopted card was claimed twice");
}

interface Row {
  collectionAddress: string;
  serial: number | bigint;
  holder: string;
  tier: number | bigint;
  expiresAt: number | bigint;
  issuedAt: number | bigint;
  tag: string | null;
  blockNumber: number | bigint;
  transactionHash: string;
}

function cardOf(row: Row): AdoptedCard {
  return {
    collection: row.collectionAddress,
    serial: Number(row.serial),
    holder: row.holder,
    tier: Number(row.tier),
    expiresAt: Number(row.expiresAt),
    issuedAt: Number(row.issuedAt),
    tag: row.tag ?? undefined,
    blockNumber: Number(row.blockNumber),
    transactionHash: row.transactionHash,
  };
}
