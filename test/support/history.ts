// A made-up history that needs no chain: cards issued in batches, and changed in every way since.

import { id, ZeroAddress, ZeroHash } from "ethers";
import { UNLIMITED_TERM } from "../../server/chain/abi.ts";
import type { ChainEvent, EventArguments, EventName } from "../../server/chain/events.ts";
import type { BlockPosition } from "../../server/database/mirror-status.ts";
import type { ChainIdentity } from "../../server/indexer/mirror.ts";

export interface HistoryBlock extends BlockPosition {
  events: ChainEvent[];
}

const CARDS_PER_BATCH = 100;
const COLLECTIONS = 4;
/** So many of each collection's cards have long lives: everything happens to them again and again. */
const OFTEN_CHANGED = 50;
/** How many events a block of changes has, and how many of them issue new cards. */
const EVENTS_PER_BLOCK = 160;
const ISSUED_PER_BLOCK = 20;
const REGISTRY = addressOf("registry");
const DAY = 86_400;

function addressOf(name: string): string {
  return `0x${id(name).slice(-40)}`;
}

export const HISTORY_IDENTITY: ChainIdentity = { chainId: 31_337, genesisHash: id("block 0"), registry: REGISTRY };
export const HISTORY_GENESIS: BlockPosition = { number: 0, hash: id("block 0"), timestamp: 1_700_000_000 };

/** Blocks without end: first the brand and its collections, then `cards` cards in batches, then changes of all kinds. */
export function* inventHistory(cards: number): Iterable<HistoryBlock> {
  const collections = Array.from({ length: COLLECTIONS }, (_, index) => addressOf(`collection ${index}`));
  const issued = new Map(collections.map((collection) => [collection, 0]));
  const redemptions = new Map<string, number>();
  let changes = 0;
  let number = 0;
  let block: HistoryBlock = { ...HISTORY_GENESIS, events: [] };

  function begin(): void {
    number++;
    block = { number, hash: id(`block ${number}`), timestamp: HISTORY_GENESIS.timestamp + number, events: [] };
  }
  function emit<Name extends EventName>(address: string, name: Name, args: EventArguments[Name]): void {
    const where = { blockNumber: number, blockHash: block.hash, blockTimestamp: block.timestamp };
    const event = { ...where, transactionHash: block.hash, logIndex: block.events.length, address, name, args };
    block.events.push(event as ChainEvent);
  }
  function issue(collection: string, count: number): void {
    const firstSerial = (issued.get(collection) ?? 0) + 1;
    for (let serial = firstSerial; serial < firstSerial + count; serial++) {
      const to = holderOf(serial, 0);
      emit(collection, "Transfer", { from: ZeroAddress, to, serial });
      emit(collection, "Locked", { serial });
      emit(collection, "Issued", { from: REGISTRY, to, serial, burnAuth: "Both" });
    }
    const terms = { tier: 1, expiresAt: 2_000_000_000, commitmentRoot: ZeroHash, batchReference: ZeroHash };
    emit(collection, "BatchIssued", { firstSerial, count, ...terms });
    issued.set(collection, firstSerial + count - 1);
  }
  function change(collection: string): void {
    const turn = changes++;
    // Every second change is of a card that has had many; the others go round.
    const serial =
      turn % 2 === 0
        ? 1 + ((turn / 2) % OFTEN_CHANGED)
        : OFTEN_CHANGED + 1 + ((turn * 7_919) % ((issued.get(collection) ?? 0) - OFTEN_CHANGED));
    const key = `${collection}/${serial}`;
    switch (Math.floor(turn / 2) % 5) {
      case 0:
        emit(collection, "CardRenewed", { serial, expiresAt: 2_000_000_000 + turn });
        break;
      case 1:
        emit(collection, "CardTierChanged", { serial, tier: turn % 10 });
        break;
      case 2:
        emit(collection, "CardSuspended", { serial, reason: ZeroHash });
        emit(collection, "CardReinstated", { serial });
        break;
      case 3: {
        const to = holderOf(serial, turn);
        emit(collection, "ReissueRequested", { serial, to, reason: ZeroHash, readyAt: block.timestamp + DAY });
        emit(collection, "ReissueCancelled", { serial, to, vetoed: false });
        break;
      }
      default: {
        const use = (redemptions.get(key) ?? 0) + 1;
        redemptions.set(key, use);
        const period = { periodStart: 1_700_000_000, used: use };
        emit(collection, "BenefitRedeemed", { serial, benefitId: 1, staff: REGISTRY, number: use, ...period });
        if (use % 3 === 0) {
          const undoing = { number: use, used: use - 1, reason: ZeroHash };
          emit(collection, "RedemptionUndone", { serial, benefitId: 1, staff: REGISTRY, ...undoing });
        }
      }
    }
  }

  const text = { legalName: "Bench", domain: "bench.example", filingNumber: "", profileUri: "", profileHash: ZeroHash };
  begin();
  emit(REGISTRY, "BrandAdmitted", { brandId: 1, admin: REGISTRY, handle: "bench", name: "Bench", ...text });
  for (const [index, collection] of collections.entries()) {
    const declared = { highestTier: 255, longestTerm: UNLIMITED_TERM };
    const terms = { maxSupply: 1_000_000_000, burnAuth: "Both" as const, reissueDelay: DAY, ...declared };
    emit(REGISTRY, "CollectionCreated", {
      collection,
      brandId: 1,
      slug: `c${index}`,
      name: "C",
      symbol: "C",
      ...terms,
    });
    emit(collection, "BenefitChanged", { tier: 1, benefitId: 1, quota: 9, period: DAY, startsAt: 0 });
  }
  yield block;
  for (let done = 0; done < cards; done += CARDS_PER_BATCH) {
    begin();
    issue(collections[(done / CARDS_PER_BATCH) % COLLECTIONS] as string, CARDS_PER_BATCH);
    yield block;
  }
  for (let turn = 0; ; turn++) {
    begin();
    const collection = collections[turn % COLLECTIONS] as string;
    if (turn % 8 === 0) emit(collection, "ContentChanged", { contractUri: `uri ${turn}`, contentHash: ZeroHash });
    issue(collection, ISSUED_PER_BLOCK);
    while (block.events.length < EVENTS_PER_BLOCK) change(collection);
    yield block;
  }
}

function holderOf(serial: number, generation: number): string {
  return addressOf(`holder ${serial} ${generation}`);
}
