// Holds the mirror against what the contracts themselves say at the mirror's own block. The mirror follows from events; the
// contracts' storage is the other witness, so a difference is either a bug or somebody's hand in the database.
// Must hold: rows and block come from one snapshot, so that a mirror that moves on meanwhile is no difference.

import { setTimeout as sleep } from "node:timers/promises";
import type { Interface } from "ethers";
import {
  BRAND_STATUS,
  BURN_AUTH,
  brandRegistryInterface,
  CARD_STATUS,
  membershipCollectionInterface,
} from "../chain/abi.ts";
import { decodeValues } from "../chain/decoding.ts";
import { type Rpc, type RpcCall, RpcError } from "../chain/rpc.ts";
import type { Database } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import {
  type BenefitRow,
  type BrandRow,
  type CardRow,
  type CheckpointRow,
  type CollectionRow,
  checkpoint,
  many,
  one,
  type RedemptionRow,
  type RedemptionUndoingRow,
  readSnapshot,
} from "../database/snapshot.ts";

/** Something that the mirror and the chain say differently. */
export interface Difference {
  /** What it is about: `card 0x…/42`, `brand 1`, `collection 0x…`. */
  of: string;
  /** As the mirror has it; nothing if it has nothing. */
  mirror: Record<string, unknown> | undefined;
  /** As the contracts say; nothing if they know nothing of it. */
  chain: Record<string, unknown> | undefined;
}

export interface AuditReport {
  /** The block that both were looked at as of; nothing if the mirror is empty. */
  block: { number: number; hash: string } | undefined;
  cards: number;
  differences: Difference[];
}

interface Question {
  /** Whose function it is, for reading the answer. */
  contract: Interface;
  method: string;
  to: string;
  args: readonly unknown[];
}

/** Calls in one request. */
const CALLS_PER_REQUEST = 50;
const AGAIN_MS = 200;
/** Cards in one call of `cardsOf`: some 3,000 gas each, far below what nodes let a call use. */
const CARDS_PER_CALL = 500;
const CARDS_PER_STEP = CARDS_PER_CALL * CALLS_PER_REQUEST;
const ALL = Number.MAX_SAFE_INTEGER;

/** Compares cards that are picked at random, at most `count`. May run while the mirror is written. */
export async function auditSample(options: {
  rpc: Rpc;
  database: Database;
  count: number;
  random?: () => number;
}): Promise<AuditReport> {
  const { rpc, database, count, random = Math.random } = options;
  const { collections } = await readSnapshot(database, {
    collections: many("Collection", { where: Prisma.sql`"issuedCount" > 0`, limit: ALL }),
  });
  if (collections.length === 0) return { block: undefined, cards: 0, differences: [] };
  const picks = Array.from({ length: count }, () => {
    const { address, maxSupply } = collections[Math.floor(random() * collections.length)] as CollectionRow;
    const serial = 1 + Math.floor(random() * maxSupply);
    // The first card from a random serial on: every card has a chance, and the index leads to it.
    const where = Prisma.sql`"collectionAddress" = ${address} AND "serial" >= ${serial}`;
    return many("Card", { where, orderBy: Prisma.sql`"serial"`, limit: 1 });
  });
  const { checkpoint: at, ...picked } = await readSnapshot(database, {
    checkpoint,
    ...Object.fromEntries(picks.map((pick, index) => [`pick${index}`, pick])),
  });
  if (at === null) return { block: undefined, cards: 0, differences: [] };
  const cards = Object.values(picked as Record<string, CardRow[]>).flat();
  const differences = await auditCards(rpc, at, cards);
  return { block: { number: at.blockNumber, hash: at.blockHash }, cards: cards.length, differences };
}

/**
 * Compares everything: every serial of every edition, pending reissues, uses of benefits, collections and brands, and whether
 * the mirror has all of the registry's. The mirror must not be written meanwhile.
 */
export async function auditAll(options: {
  rpc: Rpc;
  database: Database;
  onProgress?: (done: number, all: number) => void;
}): Promise<AuditReport> {
  const { rpc, database, onProgress } = options;
  const { checkpoint: at, ...tables } = await readSnapshot(database, {
    checkpoint,
    brands: many("Brand", { where: EVERY, orderBy: Prisma.sql`"id"`, limit: ALL }),
    collections: many("Collection", { where: EVERY, orderBy: Prisma.sql`"blockNumber", "address"`, limit: ALL }),
    benefits: many("Benefit", {
      where: EVERY,
      orderBy: Prisma.sql`"collectionAddress", "tier", "benefitId"`,
      limit: ALL,
    }),
  });
  if (at === null) return { block: undefined, cards: 0, differences: [] };
  const differences = [
    ...(await auditBrands(rpc, at, tables.brands)),
    ...(await auditCollections(rpc, at, tables.collections)),
    ...(await auditBenefits(rpc, at, tables.benefits)),
  ];
  const all = tables.collections.reduce((sum, { maxSupply }) => sum + maxSupply, 0);
  let done = 0;
  let cards = 0;
  for (const { address, maxSupply } of tables.collections) {
    for (let first = 1; first <= maxSupply; first += CARDS_PER_STEP) {
      const last = Math.min(first + CARDS_PER_STEP - 1, maxSupply);
      const compared = await auditSerials({ rpc, database, at, address, first, last });
      cards += compared.cards;
      differences.push(...compared.differences);
      done += last - first + 1;
      onProgress?.(done, all);
    }
  }
  return { block: { number: at.blockNumber, hash: at.blockHash }, cards, differences };
}

const EVERY = Prisma.sql`true`;

async function auditCards(rpc: Rpc, at: CheckpointRow, cards: readonly CardRow[]): Promise<Difference[]> {
  const answers = await ask(
    rpc,
    at,
    cards.map(({ collectionAddress, serial }) => ofCollection(collectionAddress, "cardOf", serial)),
  );
  return cards.flatMap((card, index) =>
    compare(`card ${card.collectionAddress}/${card.serial}`, cardInMirror(card), cardOnChain(answers[index]?.[0])),
  );
}

/** Compares the serials `first` to `last` of a collection, also those that neither side has a card for. */
async function auditSerials(options: {
  rpc: Rpc;
  database: Database;
  at: CheckpointRow;
  address: string;
  first: number;
  last: number;
}): Promise<{ cards: number; differences: Difference[] }> {
  const { rpc, database, at, address, first, last } = options;
  const range = Prisma.sql`"collectionAddress" = ${address} AND "serial" BETWEEN ${first} AND ${last}`;
  const { cards, uses, undoings } = await readSnapshot(database, {
    cards: many("Card", { where: range, orderBy: Prisma.sql`"serial"`, limit: ALL }),
    // The last use of each benefit by each card: it says how often both were used in all.
    uses: many("Redemption", {
      where: Prisma.sql`${range} AND "number" = (
        SELECT MAX(r."number") FROM "Redemption" r WHERE r."collectionAddress" = "Redemption"."collectionAddress"
        AND r."serial" = "Redemption"."serial" AND r."benefitId" = "Redemption"."benefitId")`,
      orderBy: Prisma.sql`"serial", "benefitId"`,
      limit: ALL,
    }),
    undoings: many("RedemptionUndoing", {
      where: range,
      orderBy: Prisma.sql`"serial", "benefitId", "blockNumber", "logIndex"`,
      limit: ALL,
      include: { redemption: redemptionOfUndoing },
    }),
  });
  const bySerial = new Map(cards.map((card) => [card.serial, card]));
  const questions: Question[] = [];
  for (let serial = first; serial <= last; serial += CARDS_PER_CALL) {
    questions.push(ofCollection(address, "cardsOf", serial, Math.min(CARDS_PER_CALL, last - serial + 1)));
  }
  const onChain = (await ask(rpc, at, questions)).flatMap(([some]) => [...(some as Iterable<unknown>)]);
  const differences = onChain.flatMap((answer, index) => {
    const serial = first + index;
    return compare(`card ${address}/${serial}`, cardInMirror(bySerial.get(serial)), cardOnChain(answer));
  });

  const pending = cards.filter(({ reissueTo }) => reissueTo !== null);
  const pendingOnChain = await ask(
    rpc,
    at,
    pending.map(({ serial }) => ofCollection(address, "pendingReissueOf", serial)),
  );
  for (const [index, { serial, reissueTo, reissueReadyAt }] of pending.entries()) {
    const [found] = pendingOnChain[index] as [{ to: string; readyAt: bigint }];
    const chain = { to: found.to.toLowerCase(), readyAt: Number(found.readyAt) };
    differences.push(...compare(`reissue of ${address}/${serial}`, { to: reissueTo, readyAt: reissueReadyAt }, chain));
  }
  differences.push(...(await auditUses({ rpc, at, address, uses, undoings })));
  return { cards: cards.length, differences };
}

/** The redemption that a row of undoings is about. */
const redemptionOfUndoing = one("Redemption", {
  where: Prisma.sql`"Redemption"."collectionAddress" = "RedemptionUndoing"."collectionAddress"
    AND "Redemption"."serial" = "RedemptionUndoing"."serial"
    AND "Redemption"."benefitId" = "RedemptionUndoing"."benefitId"
    AND "Redemption"."number" = "RedemptionUndoing"."number"`,
});

/**
 * Compares how cards have used their benefits.
 * @param options.uses The last use of each benefit by each card.
 * @param options.undoings All of these cards' undone redemptions, oldest first.
 */
async function auditUses(options: {
  rpc: Rpc;
  at: CheckpointRow;
  address: string;
  uses: readonly RedemptionRow[];
  undoings: readonly (RedemptionUndoingRow & { redemption: RedemptionRow | null })[];
}): Promise<Difference[]> {
  const { rpc, at, address, uses, undoings } = options;
  const undoingsOf = Map.groupBy(undoings, ({ serial, benefitId }) => `${serial}/${benefitId}`);
  const answers = await ask(
    rpc,
    at,
    uses.map(({ serial, benefitId }) => ofCollection(address, "benefitUseOf", serial, benefitId)),
  );
  return uses.flatMap((last, index) => {
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
    const [use] = answers[index] as [Record<"redemptions" | "periodStart" | "used" | "undone", bigint>];
    const chain = {
      number: Number(use.redemptions),
      periodStart: Number(use.periodStart),
      used: Number(use.used),
      undone: Number(use.undone),
    };
    return compare(`benefit ${benefitId} of ${address}/${serial}`, mirror, chain);
  });
}

function isLater(one: RedemptionUndoingRow, other: RedemptionRow): boolean {
  return (
    one.blockNumber > other.blockNumber || (one.blockNumber === other.blockNumber && one.logIndex > other.logIndex)
  );
}

async function auditBrands(rpc: Rpc, at: CheckpointRow, brands: readonly BrandRow[]): Promise<Difference[]> {
  const [count] = await ask(rpc, at, [ofRegistry(at, "brandCount")]);
  const answers = await ask(
    rpc,
    at,
    brands.map(({ id }) => ofRegistry(at, "brandOf", id)),
  );
  const differences = compare("number of brands", { count: brands.length }, { count: Number(count?.[0]) });
  for (const [index, brand] of brands.entries()) {
    const { id, blockNumber: _, transactionHash: __, ...mirror } = brand;
    const [status, profile] = answers[index] as [bigint, Record<string, string>];
    const { profileURI: profileUri, ...texts } = profile;
    const chain = { ...texts, profileUri, status: BRAND_STATUS[Number(status)] };
    differences.push(...compare(`brand ${id}`, mirror, chain));
  }
  return differences;
}

async function auditCollections(
  rpc: Rpc,
  at: CheckpointRow,
  collections: readonly CollectionRow[],
): Promise<Difference[]> {
  const [count] = await ask(rpc, at, [ofRegistry(at, "collectionCount")]);
  const differences = compare("number of collections", { count: collections.length }, { count: Number(count?.[0]) });
  const methods = [
    ...["collectionTerms", "name", "symbol", "issuedCount", "contentHash"],
    ...["contentFrozen", "benefitsFrozen", "windingDown"],
  ];
  for (const collection of collections) {
    const { address, slug } = collection;
    const answers = await ask(rpc, at, [
      ...methods.map((method) => ofCollection(address, method)),
      ofRegistry(at, "collectionOf", slug),
    ]);
    const [terms, name, symbol, issuedCount, contentHash, contentFrozen, benefitsFrozen, windingDown, bySlug] =
      answers.map(([value]) => value);
    const { brandId, maxSupply, burnAuth, reissueDelay } = terms as Record<string, bigint>;
    differences.push(
      ...compare(
        `collection ${address}`,
        {
          address,
          brandId: collection.brandId,
          maxSupply: collection.maxSupply,
          burnAuth: collection.burnAuth,
          reissueDelay: collection.reissueDelay,
          name: collection.name,
          symbol: collection.symbol,
          issuedCount: collection.issuedCount,
          contentHash: collection.contentHash,
          contentFrozen: Boolean(collection.contentFrozen),
          benefitsFrozen: Boolean(collection.benefitsFrozen),
          windingDown: Boolean(collection.windingDown),
        },
        {
          address: String(bySlug).toLowerCase(),
          brandId: Number(brandId),
          maxSupply: Number(maxSupply),
          burnAuth: BURN_AUTH[Number(burnAuth)],
          reissueDelay: Number(reissueDelay),
          name,
          symbol,
          issuedCount: Number(issuedCount),
          contentHash,
          contentFrozen,
          benefitsFrozen,
          windingDown,
        },
      ),
    );
  }
  return differences;
}

async function auditBenefits(rpc: Rpc, at: CheckpointRow, benefits: readonly BenefitRow[]): Promise<Difference[]> {
  const answers = await ask(
    rpc,
    at,
    benefits.map(({ collectionAddress, tier, benefitId }) =>
      ofCollection(collectionAddress, "benefitOf", tier, benefitId),
    ),
  );
  return benefits.flatMap(({ collectionAddress, tier, benefitId, quota, period, startsAt }, index) => {
    const [terms] = answers[index] as [{ quota: bigint; period: bigint; startsAt: bigint }];
    const chain = { quota: Number(terms.quota), period: Number(terms.period), startsAt: Number(terms.startsAt) };
    return compare(`benefit ${benefitId} of tier ${tier} of ${collectionAddress}`, { quota, period, startsAt }, chain);
  });
}

function ofCollection(to: string, method: string, ...args: unknown[]): Question {
  return { contract: membershipCollectionInterface, method, to, args };
}

function ofRegistry({ registry }: CheckpointRow, method: string, ...args: unknown[]): Question {
  return { contract: brandRegistryInterface, method, to: registry, args };
}

/** The decoded answers of contract calls as of the mirror's block. */
async function ask(rpc: Rpc, { blockHash }: CheckpointRow, questions: readonly Question[]): Promise<unknown[][]> {
  const answers: unknown[][] = [];
  for (let start = 0; start < questions.length; start += CALLS_PER_REQUEST) {
    const some = questions.slice(start, start + CALLS_PER_REQUEST);
    const calls = some.map(({ contract, method, to, args }): RpcCall => {
      const data = contract.encodeFunctionData(method, args);
      // By hash (EIP-1898): the same block, whatever the chain does meanwhile.
      return { method: "eth_call", params: [{ to, data }, { blockHash }] };
    });
    const results = await askAgain(() => rpc.batch(calls));
    for (const [index, { contract, method }] of some.entries()) {
      answers.push(decodeValues(contract.getFunction(method)?.outputs ?? [], String(results[index])));
    }
  }
  return answers;
}

/** A node may close a connection just when it is used again: that is no reason to give up what has taken minutes. */
async function askAgain<Answer>(question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof RpcError && error.kind === "unreachable")) throw error;
    await sleep(AGAIN_MS);
    return await question();
  }
}

function cardInMirror(card: CardRow | undefined): Record<string, unknown> | undefined {
  if (card === undefined) return undefined;
  const { holder, tier, status, issuedAt, expiresAt, generation } = card;
  return { holder, tier, status, issuedAt, expiresAt, generation };
}

function cardOnChain(answer: unknown): Record<string, unknown> | undefined {
  const card = answer as Record<"holder" | "tier" | "status" | "issuedAt" | "expiresAt" | "generation", unknown>;
  const status = CARD_STATUS[Number(card.status)];
  if (status === "None") return undefined;
  const [tier, issuedAt, expiresAt, generation] = [card.tier, card.issuedAt, card.expiresAt, card.generation].map(
    Number,
  );
  return { holder: String(card.holder).toLowerCase(), tier, status, issuedAt, expiresAt, generation };
}

function compare(of: string, mirror: Difference["mirror"], chain: Difference["chain"]): Difference[] {
  if (mirror === undefined || chain === undefined) return mirror === chain ? [] : [{ of, mirror, chain }];
  const names = [...new Set([...Object.keys(mirror), ...Object.keys(chain)])];
  const different = names.filter((name) => mirror[name] !== chain[name]);
  if (different.length === 0) return [];
  const only = (side: Record<string, unknown>) => Object.fromEntries(different.map((name) => [name, side[name]]));
  return [{ of, mirror: only(mirror), chain: only(chain) }];
}
