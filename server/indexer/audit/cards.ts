// Compares a collection's cards, pending reissues and uses of benefits with what the collection itself says.
//
// Must hold: no serial is left out, also none that only one side has a card for. Serials that the mirror has cards for, and those
// between them, are asked for one by one. Of all others the chain has no card if it has issued no more than were found so: it
// counts. Otherwise they are asked for too, so that an edition of a billion takes no longer than its cards.

import { CARD_STATUS, REISSUE_WINDOW_SECONDS } from "../../chain/abi.ts";
import type { Rpc } from "../../chain/rpc.ts";
import { decodeStructs, EncodingError, type Struct } from "../../chain/structs.ts";
import type { Database } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import {
  type CardRow,
  checkpoint,
  many,
  one,
  type RedemptionRow,
  type RedemptionUndoingRow,
  readSnapshot,
} from "../../database/snapshot.ts";
import {
  ask,
  askPacked,
  askStructs,
  CARDS_PER_CALL,
  ofCollection,
  type PackedQuestion,
  structOf,
  type Witness,
} from "./asking.ts";
import { compare, type Difference } from "./difference.ts";

/** Serials without a card that are asked for in passing, rather than with a call of their own. */
const GAP_IN_PASSING = 8;
/** Cards, or serials without one, that are compared at once. */
const PER_STEP = 10_000;
/** Larger than every edition (at most 1,000,000,000 cards). */
const BEYOND = 2_147_483_647;

/** Serials from one to another, both included. */
interface Range {
  first: number;
  last: number;
}

/** Cards by themselves, whatever collection they are of. */
export async function auditSomeCards(witness: Witness, cards: readonly CardRow[]): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const [address, some] of Map.groupBy(cards, ({ collectionAddress }) => collectionAddress)) {
    const serials = some.map(({ serial }) => [serial]);
    const onChain = await askStructs(witness, address, "cardOf", serials);
    differences.push(
      ...some.flatMap((card, index) =>
        compare(`card ${address}/${card.serial}`, cardInMirror(card), cardOnChain(onChain[index])),
      ),
    );
  }
  return differences;
}

/** Everything of a collection's cards. The mirror may be written meanwhile: each step is compared as of its own block. */
export async function auditCardsOf(options: {
  rpc: Rpc;
  database: Database;
  collection: { address: string; maxSupply: number };
  /** Is told how many of the mirror's cards were compared since the last time. */
  onCards(count: number): void;
}): Promise<Difference[]> {
  const { rpc, database, onCards, collection } = options;
  const { address, maxSupply } = collection;
  const differences: Difference[] = [];
  const asked: Range[] = [];
  let onChain = 0;
  let witness: Witness | undefined;
  for (let after = 0; after < BEYOND; ) {
    const rows = await readStep(database, address, after, BEYOND);
    if (rows.checkpoint === null) break;
    witness = { rpc, at: rows.checkpoint };
    const ranges = rangesOf(rows.cards.map(({ serial }) => serial));
    const step = await compareCards(witness, address, rows.cards, ranges);
    differences.push(...step.differences, ...(await compareUse(witness, address, rows)));
    for (const range of ranges) append(asked, range);
    onChain += step.onChain;
    onCards(rows.cards.length);
    after = rows.cards.length < PER_STEP ? BEYOND : (rows.cards.at(-1)?.serial ?? BEYOND);
  }
  if (witness === undefined) return differences;

  const [issued] = await ask(witness, [ofCollection(address, "issuedCount")]);
  for (const range of gapsOf(asked, maxSupply)) {
    if (onChain >= Number(issued?.[0])) break;
    // The mirror may have come to know them meanwhile.
    const rows = await readStep(database, address, range.first - 1, range.last);
    if (rows.checkpoint === null) break;
    const step = await compareCards({ rpc, at: rows.checkpoint }, address, rows.cards, [range]);
    differences.push(...step.differences);
    onChain += step.onChain;
    onCards(rows.cards.length);
  }
  return differences;
}

/**
 * The next cards of a collection after a serial, in order, and what was done with them: {@link PER_STEP} of them, or all up
 * to a serial that are fewer.
 */
async function readStep(database: Database, address: string, after: number, until: number) {
  const within = Prisma.sql`"collectionAddress" = ${address} AND "serial" > ${after} AND "serial" <= ${until}`;
  // What belongs to serials after the step's last card is of the next step; after the last step's, of that.
  const range = Prisma.sql`${within} AND "serial" <= coalesce(
    (SELECT c."serial" FROM "Card" c WHERE c."collectionAddress" = ${address} AND c."serial" > ${after}
      ORDER BY c."serial" LIMIT 1 OFFSET ${PER_STEP - 1}), ${BEYOND})`;
  const all = Number.MAX_SAFE_INTEGER;
  return await readSnapshot(database, {
    checkpoint,
    cards: many("Card", { where: within, orderBy: Prisma.sql`"serial"`, limit: PER_STEP }),
    // The last use of each benefit by each card: it says how often both were used in all.
    uses: many("Redemption", {
      where: Prisma.sql`${range} AND "number" = (
        SELECT MAX(r."number") FROM "Redemption" r WHERE r."collectionAddress" = "Redemption"."collectionAddress"
        AND r."serial" = "Redemption"."serial" AND r."benefitId" = "Redemption"."benefitId")`,
      orderBy: Prisma.sql`"serial", "benefitId"`,
      limit: all,
    }),
    undoings: many("RedemptionUndoing", {
      where: range,
      orderBy: Prisma.sql`"serial", "benefitId", "blockNumber", "logIndex"`,
      limit: all,
      include: { redemption: redemptionOfUndoing },
    }),
  });
}

type Step = Awaited<ReturnType<typeof readStep>>;

/** The redemption that a row of undoings is about. */
const redemptionOfUndoing = one("Redemption", {
  where: Prisma.sql`"Redemption"."collectionAddress" = "RedemptionUndoing"."collectionAddress"
    AND "Redemption"."serial" = "RedemptionUndoing"."serial"
    AND "Redemption"."benefitId" = "RedemptionUndoing"."benefitId"
    AND "Redemption"."number" = "RedemptionUndoing"."number"`,
});

/** Compares every serial of some ranges. Also says how many of them are cards on the chain. */
async function compareCards(
  witness: Witness,
  address: string,
  cards: readonly CardRow[],
  ranges: readonly Range[],
): Promise<{ differences: Difference[]; onChain: number }> {
  const bySerial = new Map(cards.map((card) => [card.serial, card]));
  const questions = ranges.flatMap(({ first, last }) => {
    const some: PackedQuestion[] = [];
    for (let serial = first; serial <= last; serial += CARDS_PER_CALL) {
      const count = Math.min(CARDS_PER_CALL, last - serial + 1);
      some.push({ method: "cardsOf", args: [serial, count], cards: count });
    }
    return some;
  });
  const differences: Difference[] = [];
  let onChain = 0;
  await askPacked(witness, address, questions, (answer, { args: [first], cards: count }) => {
    const structs = decodeStructs(CARD, answer);
    if (structs.length !== count) throw new EncodingError("Some cards are missing");
    for (const [index, struct] of structs.entries()) {
      const serial = Number(first) + index;
      const card = cardOnChain(struct);
      if (card !== undefined) onChain++;
      differences.push(...compare(`card ${address}/${serial}`, cardInMirror(bySerial.get(serial)), card));
    }
  });
  return { differences, onChain };
}

/** Compares pending reissues, and how cards have used their benefits. */
async function compareUse(witness: Witness, address: string, { cards, uses, undoings }: Step): Promise<Difference[]> {
  const pending = cards.filter(({ reissueTo }) => reissueTo !== null);
  const pendingOnChain = await askStructs(
    witness,
    address,
    "pendingReissueOf",
    pending.map(({ serial }) => [serial]),
  );
  const differences = pending.flatMap(({ serial, reissueTo, reissueReadyAt }, index) => {
    const chain = pendingOnChain[index];
    // What was not executed in time is void, without an event.
    const isVoid = Number(reissueReadyAt) + REISSUE_WINDOW_SECONDS < witness.at.blockTimestamp;
    if (isVoid && chain?.["readyAt"] === 0) return [];
    return compare(`reissue of ${address}/${serial}`, { to: reissueTo, readyAt: reissueReadyAt }, chain);
  });

  const undoingsOf = Map.groupBy(undoings, ({ serial, benefitId }) => `${serial}/${benefitId}`);
  const usesOnChain = await askStructs(
    witness,
    address,
    "benefitUseOf",
    uses.map(({ serial, benefitId }) => [serial, benefitId]),
  );
  for (const [index, last] of uses.entries()) {
    const { serial, benefitId, number, periodStart } = last;
    const undone = undoingsOf.get(`${serial}/${benefitId}`) ?? [];
    const lastUndone = undone.at(-1);
    const mirror = {
      number,
      periodStart,
      // As the later of the two events says.
      used: lastUndone !== undefined && isLater(lastUndone, last) ? lastUndone.used : last.used,
      undone: undone.filter(({ redemption }) => redemption?.periodStart === periodStart).length,
    };
    const { redemptions, ...others } = usesOnChain[index] as Struct;
    const chain = { number: redemptions, ...others };
    differences.push(...compare(`benefit ${benefitId} of ${address}/${serial}`, mirror, chain));
  }
  return differences;
}

function isLater(one: RedemptionUndoingRow, other: RedemptionRow): boolean {
  return (
    one.blockNumber > other.blockNumber || (one.blockNumber === other.blockNumber && one.logIndex > other.logIndex)
  );
}

const CARD = structOf("cardOf");

function cardInMirror(card: CardRow | undefined): Record<string, unknown> | undefined {
  if (card === undefined) return undefined;
  const { holder, tier, status, issuedAt, expiresAt, generation } = card;
  return { holder, tier, status, issuedAt, expiresAt, generation };
}

function cardOnChain(card: Struct | undefined): Record<string, unknown> | undefined {
  const status = CARD_STATUS[Number(card?.["status"])];
  return status === "None" ? undefined : { ...card, status };
}

/** Ranges that hold all of these serials, which are in order, and few others. */
function rangesOf(serials: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const serial of serials) {
    const range = ranges.at(-1);
    if (range !== undefined && serial - range.last <= GAP_IN_PASSING + 1) range.last = serial;
    else ranges.push({ first: serial, last: serial });
  }
  return ranges;
}

/** Adds a range that comes after all the others. */
function append(ranges: Range[], { first, last }: Range): void {
  const before = ranges.at(-1);
  if (before?.last === first - 1) before.last = last;
  else ranges.push({ first, last });
}

/** What the ranges leave out of an edition, in parts of bounded size. */
function* gapsOf(ranges: readonly Range[], maxSupply: number): Generator<Range> {
  let next = 1;
  for (const { first, last } of [...ranges, { first: maxSupply + 1, last: maxSupply + 1 }]) {
    for (; next < first; next += PER_STEP) yield { first: next, last: Math.min(next + PER_STEP, first) - 1 };
    next = last + 1;
  }
}
