// What happens on the generated chain: a brand, its collections, batches of cards, and what becomes of some cards in the two
// batches after their own. Must hold: each block's logs follow from its number alone, so that a chain of any length needs no
// memory; and the contracts could have emitted them in this order.

import { ZeroHash } from "ethers";
import { UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import { addressWord, BlockLogs, numberWord, type ReplayLog } from "./logs.ts";
import { mix, randomHex } from "./random.ts";

export interface HistoryOptions {
  seed: number;
  /** How long: until so many events or so many cards have come. */
  until: { events: number } | { cards: number };
  cardsPerBatch: number;
  /** Every how many blocks there is one with a batch; the others are empty. */
  batchEvery: number;
  collections: number;
}

/** A batch beyond the planned ones, in a block that was added later. */
export interface ExtraBatch {
  firstSerial: number;
  count: number;
}

export interface History {
  registry: string;
  collections: readonly string[];
  /** The number of the last planned block. */
  lastBlock: number;
  /** How many events the server reads, and how many cards there are, up to it. */
  events: number;
  cards: number;
  /** Whether a planned block has any logs. */
  isEmpty(block: number): boolean;
  /** The first block at or after this one that is not empty; may lie beyond the last. */
  nextWithLogs(block: number): number;
  /** The logs of a planned block. */
  logsOf(block: number): readonly ReplayLog[];
  /** The logs of a block with an additional batch of the last collection. */
  logsOfExtra(block: number, batch: ExtraBatch): readonly ReplayLog[];
  /** The lowest serial of the last collection that no planned batch has. */
  nextSerial: number;
}

/** Seconds since the Unix epoch. */
export const GENESIS_TIME = Date.UTC(2026, 0, 1) / 1_000;
export const SECONDS_PER_BLOCK = 2;
const YEAR = 365 * 86_400;

/** The brand is admitted, its roles are granted. */
const SETUP_BLOCKS = 2;
const BRAND_ID = 1;
const TIERS = 3;
const BENEFIT_ID = 1;
const BURN_AUTH_BOTH = 2;
const MAX_SUPPLY = 1_000_000_000;
const CARDS_PER_HOLDER = 3;
const EVENTS_PER_CARD = 3;

/** What becomes of one card in so many: each of the first few numbers is a story. */
const STORIES = 32;
const STORY = { Renewed: 0, SuspendedAndReinstated: 1, RedeemedTwice: 2, Revoked: 3, TierChanged: 4 } as const;

/** How many events the stories of cards bring in the batch after theirs and in the one after that. */
const STORY_EVENTS: Record<number, readonly [number, number]> = {
  [STORY.Renewed]: [1, 0],
  [STORY.SuspendedAndReinstated]: [1, 1],
  [STORY.RedeemedTwice]: [1, 2],
  [STORY.Revoked]: [2, 0],
  [STORY.TierChanged]: [1, 0],
};

/** Kinds of what is random, so that no two of them are alike. */
const KIND = { address: 1, holder: 2, story: 3, root: 4, reason: 5 } as const;

/**
 * @param forkOf Which of several histories a block belongs to: holders differ between them.
 */
export function createHistory(options: HistoryOptions, forkOf: (block: number) => number): History {
  const { seed, cardsPerBatch, batchEvery } = options;
  const address = (which: number) => `0x${randomHex(5, seed, KIND.address, which)}`;
  const [registry, consortium, brand] = [address(1), address(2), address(3)];
  const collections = Array.from({ length: options.collections }, (_, index) => address(100 + index));

  const storyOf = (batch: number, index: number) => mix(seed, KIND.story, batch, index) % STORIES;

  /** How many of the server's events the batch's block has, but for a collection's creation. */
  function eventsOfBatch(batch: number): number {
    let events = EVENTS_PER_CARD * cardsPerBatch + 1;
    for (const age of [1, 2] as const) {
      if (batch < age) continue;
      for (let index = 0; index < cardsPerBatch; index++)
        events += STORY_EVENTS[storyOf(batch - age, index)]?.[age - 1] ?? 0;
    }
    return events;
  }

  const setupEvents = setUpLogs(1).length + setUpLogs(2).length;
  const creationEvents = collections.length * (2 + TIERS);
  let batches = 0;
  let events = setupEvents + creationEvents;
  while ("events" in options.until ? events < options.until.events : batches * cardsPerBatch < options.until.cards)
    events += eventsOfBatch(batches++);
  if (batches < collections.length)
    throw new Error(`${batches} batches are too few for ${collections.length} collections`);
  const firstBatchOf = collections.map((_, index) => Math.floor((index * batches) / collections.length));
  const lastBlock = blockOfBatch(batches - 1);
  const holders = Math.max(1, Math.floor((batches * cardsPerBatch) / CARDS_PER_HOLDER));

  function blockOfBatch(batch: number): number {
    return SETUP_BLOCKS + 1 + batch * batchEvery;
  }

  function batchAt(block: number): number | undefined {
    const batch = (block - SETUP_BLOCKS - 1) / batchEvery;
    return Number.isInteger(batch) && batch >= 0 && batch < batches ? batch : undefined;
  }

  /** Which collection a batch belongs to, and its first serial. */
  function placeOf(batch: number): { collection: string; firstSerial: number } {
    const index = firstBatchOf.findLastIndex((first) => first <= batch);
    const firstSerial = (batch - (firstBatchOf[index] ?? 0)) * cardsPerBatch + 1;
    return { collection: collections[index] ?? "", firstSerial };
  }

  const tierOf = (batch: number) => 1 + (batch % TIERS);
  const expiryOf = (block: number) => timeOf(block) + YEAR;
  const holderOf = (block: number, serial: number) => {
    const holder = mix(seed, KIND.holder, forkOf(block), serial) % holders;
    return `0x${randomHex(5, seed, KIND.holder, forkOf(block), holder)}`;
  };

  function setUpLogs(block: number): ReplayLog[] {
    const logs = new BlockLogs();
    logs.beginTransaction();
    if (block === 1) {
      const profile = ["Bench", "Bench Co., Ltd.", "bench.example", "", "", ZeroHash];
      logs.addEncoded("BrandAdmitted", registry, [BRAND_ID, brand, "bench", profile]);
      logs.add("BrandStatusChanged", registry, [numberWord(BRAND_ID)], [numberWord(1), numberWord(0), "0".repeat(64)]);
      const role = randomHex(8, seed, KIND.root, 0);
      logs.add("RoleGranted", registry, [role, addressWord(brand), addressWord(consortium)], []);
    } else if (block === 2) {
      for (const role of [1, 2, 3]) {
        if (role > 1) logs.beginTransaction();
        const indexed = [randomHex(8, seed, KIND.root, role), addressWord(brand), addressWord(brand)];
        logs.add("RoleGranted", registry, indexed, []);
      }
    }
    return logs.logs;
  }

  function addCreation(logs: BlockLogs, index: number, collection: string): void {
    logs.beginTransaction();
    const terms = [
      `bench-${index + 1}`,
      `Bench ${index + 1}`,
      "BENCH",
      MAX_SUPPLY,
      BURN_AUTH_BOTH,
      0,
      TIERS,
      UNLIMITED_TERM,
    ];
    logs.addEncoded("CollectionCreated", registry, [collection, BRAND_ID, ...terms]);
    logs.beginTransaction();
    logs.addEncoded("ContentChanged", collection, [`https://bench.example/${index + 1}.json`, ZeroHash]);
    for (let tier = 1; tier <= TIERS; tier++) {
      logs.beginTransaction();
      const benefit = [numberWord(tier), numberWord(BENEFIT_ID)];
      logs.add("BenefitChanged", collection, benefit, [numberWord(1_000), numberWord(YEAR), numberWord(0)]);
    }
  }

  function addBatch(logs: BlockLogs, block: number, collection: string, tier: number, batch: ExtraBatch): void {
    const { firstSerial, count } = batch;
    logs.beginTransaction();
    const [nobody, issuer, auth] = ["0".repeat(64), addressWord(brand), [numberWord(BURN_AUTH_BOTH)]];
    for (let serial = firstSerial; serial < firstSerial + count; serial++) {
      const [card, holder] = [numberWord(serial), addressWord(holderOf(block, serial))];
      logs.add("Transfer", collection, [nobody, holder, card], []);
      logs.add("Locked", collection, [], [card]);
      logs.add("Issued", collection, [issuer, holder, card], auth);
    }
    const root = firstSerial % 2 === 0 ? "0".repeat(64) : randomHex(8, seed, KIND.root, firstSerial);
    const terms = [numberWord(count), numberWord(tier), numberWord(expiryOf(block)), root, "0".repeat(64)];
    logs.add("BatchIssued", collection, [numberWord(firstSerial)], terms);
  }

  /** What becomes of the cards of a batch `age` batches later. */
  function addStories(logs: BlockLogs, batch: number, age: 1 | 2): void {
    const { collection, firstSerial } = placeOf(batch);
    const block = blockOfBatch(batch);
    const reason = randomHex(8, seed, KIND.reason, batch);
    for (let index = 0; index < cardsPerBatch; index++) {
      const story = storyOf(batch, index);
      if ((STORY_EVENTS[story]?.[age - 1] ?? 0) === 0) continue;
      const serial = firstSerial + index;
      const card = numberWord(serial);
      logs.beginTransaction();
      switch (story) {
        case STORY.Renewed:
          logs.add("CardRenewed", collection, [card], [numberWord(expiryOf(block) + YEAR)]);
          logs.addMetadataUpdate(collection, serial);
          break;
        case STORY.SuspendedAndReinstated:
          if (age === 1) logs.add("CardSuspended", collection, [card], [reason]);
          else logs.add("CardReinstated", collection, [card], []);
          logs.addMetadataUpdate(collection, serial);
          break;
        case STORY.RedeemedTwice: {
          const use = [numberWord(age), numberWord(GENESIS_TIME), numberWord(age)];
          const subject = [card, numberWord(BENEFIT_ID), addressWord(brand)];
          logs.add("BenefitRedeemed", collection, subject, use);
          if (age === 1) break;
          logs.beginTransaction();
          logs.add("RedemptionUndone", collection, subject, [numberWord(2), numberWord(1), reason]);
          break;
        }
        case STORY.Revoked: {
          const parties = [addressWord(holderOf(block, serial)), "0".repeat(64)];
          logs.add("Transfer", collection, [...parties, card], []);
          logs.add("CardRevoked", collection, [card], [reason]);
          break;
        }
        case STORY.TierChanged:
          logs.add("CardTierChanged", collection, [card], [numberWord(1 + (tierOf(batch) % TIERS))]);
          logs.addMetadataUpdate(collection, serial);
          break;
      }
    }
  }

  const last = placeOf(batches - 1);
  return {
    registry,
    collections,
    lastBlock,
    events,
    cards: batches * cardsPerBatch,
    nextSerial: last.firstSerial + cardsPerBatch,
    isEmpty: (block) => (block === 0 || block > SETUP_BLOCKS) && batchAt(block) === undefined,
    nextWithLogs(block) {
      if (block <= SETUP_BLOCKS) return Math.max(block, 1);
      return blockOfBatch(Math.ceil((block - SETUP_BLOCKS - 1) / batchEvery));
    },
    logsOf(block) {
      if (block <= SETUP_BLOCKS) return setUpLogs(block);
      const batch = batchAt(block);
      if (batch === undefined) return [];
      const logs = new BlockLogs();
      const { collection, firstSerial } = placeOf(batch);
      const created = firstBatchOf.indexOf(batch);
      if (created !== -1) addCreation(logs, created, collection);
      if (batch >= 2) addStories(logs, batch - 2, 2);
      if (batch >= 1) addStories(logs, batch - 1, 1);
      addBatch(logs, block, collection, tierOf(batch), { firstSerial, count: cardsPerBatch });
      return logs.logs;
    },
    logsOfExtra(block, batch) {
      const logs = new BlockLogs();
      addBatch(logs, block, last.collection, 1, batch);
      return logs.logs;
    },
  };
}

/** When a block was made, in seconds since the Unix epoch. */
export function timeOf(block: number): number {
  return GENESIS_TIME + block * SECONDS_PER_BLOCK;
}
