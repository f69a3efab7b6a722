// A small mirror as the indexer would have written it: two brands, three collections, cards in every state. For tests of
// what reads the mirror.

import { id, toBeHex, ZeroAddress, ZeroHash } from "ethers";
import { type CardStatus, UNLIMITED_TERM } from "../../server/chain/abi.ts";
import { type Database, openDatabase } from "../../server/database/client.ts";
import type { MirrorStatus } from "../../server/database/mirror-status.ts";
import { type DatabaseKind, sqlite } from "./databases.ts";

/** The time at which the fixture is looked at, in seconds. */
export const NOW = Date.UTC(2026, 10, 20, 8, 30) / 1000;
const DAY = 86_400;
const CHAIN_ID = 31_337;
const HEAD = 1_024;

export const REGISTRY = addressOf("registry");
export const COLLECTIONS = {
  firstEdition: { address: addressOf("first edition"), slug: "noirance-first-edition" },
  atelier: { address: addressOf("atelier"), slug: "noirance-atelier" },
  tea: { address: addressOf("tea"), slug: "yunxiu-spring-2026" },
} as const;
/** Holds cards of all three collections. */
export const COLLECTOR = addressOf("collector");
/** Cards of the first edition by what there is to say about them. */
export const SERIALS = { genuine: 42, suspended: 7, revoked: 8, surrendered: 9, expired: 121, notIssued: 131 } as const;
export const FIRST_EDITION_CARDS = 130;

export interface MirrorFixture {
  url: string;
  database: Database;
  /** Issues a batch in one block after the last, as the indexer would write it. */
  issue(batch: FixtureBatch): Promise<void>;
  close(): Promise<void>;
}

export interface FixtureBatch {
  collection: string;
  firstSerial: number;
  count: number;
  tier?: number;
  expiresAt?: number;
  issuedAt?: number;
  commitmentRoot?: string;
  holderOf?(serial: number): string;
  statusOf?(serial: number): CardStatus;
}

/** An address that follows from a name, lower-case. */
export function addressOf(name: string): string {
  return `0x${id(name).slice(-40)}`;
}

/** A mirror that follows the chain closely. */
export function freshStatus(): MirrorStatus {
  return {
    state: "following",
    chainId: CHAIN_ID,
    registry: REGISTRY,
    indexed: { number: HEAD, hash: id(`block ${HEAD}`), timestamp: NOW - 2 },
    headNumber: HEAD,
    leads: true,
    progress: undefined,
    lagSeconds: 1,
    problem: undefined,
  };
}

/** A migrated database without any rows. */
export async function createEmptyMirror(
  kind: DatabaseKind = sqlite,
): Promise<Pick<MirrorFixture, "url" | "database" | "close">> {
  const { url, drop } = await kind.create();
  const database = await openDatabase(url);
  return {
    url,
    database,
    async close() {
      await database.$disconnect();
      await drop();
    },
  };
}

/** @param options.issued Whether it has cards; brands and collections are there in any case. */
export async function createMirrorFixture(
  kind: DatabaseKind = sqlite,
  { issued: hasCards = true }: { issued?: boolean } = {},
): Promise<MirrorFixture> {
  const mirror = await createEmptyMirror(kind);
  const { database } = mirror;
  let blockNumber = 10;
  const issued = new Map<string, { issuedCount: number; highestSerial: number }>();

  async function issue(batch: FixtureBatch): Promise<void> {
    const { collection, firstSerial, count, tier = 1, expiresAt = 0, commitmentRoot = ZeroHash } = batch;
    const number = ++blockNumber;
    const issuedAt = batch.issuedAt ?? NOW - 30 * DAY + number;
    const transactionHash = id(`transaction ${number}`);
    const event = { blockNumber: number, transactionHash, address: collection };
    const holderOf = batch.holderOf ?? ((serial) => addressOf(`${collection} ${serial}`));
    const serials = Array.from({ length: count }, (_, index) => firstSerial + index);
    const before = issued.get(collection) ?? { issuedCount: 0, highestSerial: 0 };
    const totals = {
      issuedCount: before.issuedCount + count,
      highestSerial: Math.max(before.highestSerial, firstSerial + count - 1),
    };
    issued.set(collection, totals);
    await database.$transaction([
      database.block.create({ data: { number, hash: id(`block ${number}`), timestamp: BigInt(issuedAt) } }),
      database.event.createMany({
        data: serials.flatMap((serial, index) => [
          {
            ...event,
            logIndex: 3 * index,
            name: "Transfer",
            serial,
            arguments: JSON.stringify({ from: ZeroAddress, to: holderOf(serial), serial }),
          },
          { ...event, logIndex: 3 * index + 1, name: "Locked", serial, arguments: JSON.stringify({ serial }) },
          {
            ...event,
            logIndex: 3 * index + 2,
            name: "Issued",
            serial,
            arguments: JSON.stringify({ from: addressOf("issuer"), to: holderOf(serial), serial, burnAuth: 2 }),
          },
        ]),
      }),
      database.event.create({
        data: {
          ...event,
          logIndex: 3 * count,
          name: "BatchIssued",
          arguments: JSON.stringify({ firstSerial, count, tier, expiresAt, commitmentRoot, batchReference: ZeroHash }),
        },
      }),
      database.batch.create({
        data: {
          collectionAddress: collection,
          firstSerial,
          count,
          tier,
          expiresAt: BigInt(expiresAt),
          commitmentRoot,
          batchReference: ZeroHash,
          ...totals,
          blockNumber: number,
          logIndex: 3 * count,
          transactionHash,
        },
      }),
      database.card.createMany({
        data: serials.map((serial, index) => ({
          collectionAddress: collection,
          serial,
          holder: holderOf(serial),
          tier,
          status: batch.statusOf?.(serial) ?? "Active",
          issuedAt: BigInt(issuedAt),
          expiresAt: BigInt(expiresAt),
          generation: 0,
          blockNumber: number,
          logIndex: 3 * index + 2,
        })),
      }),
      database.collection.update({ where: { address: collection }, data: { issuedCount: { increment: count } } }),
    ]);
  }

  await database.checkpoint.create({
    data: {
      id: 1,
      chainId: BigInt(CHAIN_ID),
      genesisHash: id("block 0"),
      registry: REGISTRY,
      blockNumber: HEAD,
      blockHash: id(`block ${HEAD}`),
      blockTimestamp: BigInt(NOW - 2),
    },
  });
  const brands = [
    brand(1, "Noirance", "Noirance Atelier Co., Ltd.", "noirance.example", ""),
    brand(2, "云岫茶舍", "杭州云岫茶业有限公司", "yunxiu.example", "浙ICP备20260001号"),
  ];
  const collections = [
    collection(1, COLLECTIONS.firstEdition, "First Edition", "NOIR1", 5_000),
    collection(1, COLLECTIONS.atelier, "Atelier & Friends <Private>", "NOIRA", 100),
    collection(2, COLLECTIONS.tea, "春茶会员卡 2026", "YXT26", 100_000),
  ];
  await database.brand.createMany({ data: brands });
  await database.collection.createMany({ data: collections });
  await database.block.createMany({
    data: [1, 2, 5].map((number) => ({
      number,
      hash: id(`block ${number}`),
      timestamp: BigInt(NOW - 500 * DAY + number),
    })),
  });
  const origins = [
    ...brands.map(
      ({ id: brandId, status: _, keyEpoch: __, suspension: ___, blockNumber, transactionHash, ...profile }) => ({
        subject: `brand/${brandId}`,
        event: { blockNumber, logIndex: 0, transactionHash, name: "BrandAdmitted" },
        args: { brandId, admin: addressOf("admin"), ...profile },
      }),
    ),
    ...collections.map(({ address, blockNumber, transactionHash, ...terms }, logIndex) => ({
      subject: `collection/${address}`,
      event: { blockNumber, logIndex, transactionHash, name: "CollectionCreated" },
      args: {
        collection: address,
        brandId: terms.brandId,
        slug: terms.slug,
        name: terms.name,
        symbol: terms.symbol,
        maxSupply: terms.maxSupply,
        burnAuth: terms.burnAuth,
        reissueDelay: terms.reissueDelay,
        highestTier: terms.highestTier,
        longestTerm: Number(terms.longestTerm),
      },
    })),
  ];
  await database.event.createMany({
    data: origins.map(({ event, args }) => ({ ...event, address: REGISTRY, arguments: JSON.stringify(args) })),
  });
  await database.eventSubject.createMany({
    data: origins.map(({ subject, event: { blockNumber, logIndex } }) => ({ subject, blockNumber, logIndex })),
  });

  if (!hasCards) return { ...mirror, issue };

  const statuses: Record<number, CardStatus> = {
    [SERIALS.suspended]: "Suspended",
    [SERIALS.revoked]: "Revoked",
    [SERIALS.surrendered]: "Surrendered",
  };
  await issue({
    collection: COLLECTIONS.firstEdition.address,
    firstSerial: 1,
    count: 120,
    commitmentRoot: id("commitments"),
    holderOf: (serial) => (serial % 10 === 2 ? COLLECTOR : addressOf(`holder ${serial}`)),
    statusOf: (serial) => statuses[serial] ?? "Active",
  });
  await issue({
    collection: COLLECTIONS.firstEdition.address,
    firstSerial: 121,
    count: 10,
    tier: 2,
    issuedAt: NOW - 400 * DAY,
    expiresAt: NOW - 35 * DAY,
  });
  await issue({
    collection: COLLECTIONS.atelier.address,
    firstSerial: 1,
    count: 3,
    tier: 3,
    expiresAt: NOW + 365 * DAY,
    holderOf: () => COLLECTOR,
  });
  await issue({
    collection: COLLECTIONS.tea.address,
    firstSerial: 88_001,
    count: 5,
    expiresAt: NOW + 90 * DAY,
    holderOf: (serial) => (serial === 88_003 ? COLLECTOR : addressOf(`guest ${serial}`)),
  });
  return { ...mirror, issue };
}

function brand(brandId: number, name: string, legalName: string, domain: string, filingNumber: string) {
  return {
    id: brandId,
    status: "Active",
    handle: brandId === 1 ? "noirance" : "yunxiu",
    keyEpoch: 0,
    suspension: 0,
    name,
    legalName,
    domain,
    filingNumber,
    profileUri: "",
    profileHash: ZeroHash,
    blockNumber: brandId,
    transactionHash: id(`brand ${brandId}`),
  };
}

function collection(
  brandId: number,
  { address, slug }: { address: string; slug: string },
  name: string,
  symbol: string,
  maxSupply: number,
) {
  return {
    address,
    brandId,
    slug,
    name,
    symbol,
    maxSupply,
    burnAuth: "Both",
    reissueDelay: 0,
    highestTier: 9,
    longestTerm: BigInt(UNLIMITED_TERM),
    contractUri: "",
    contentHash: ZeroHash,
    contentFrozen: false,
    benefitsFrozen: false,
    windingDown: false,
    issuedCount: 0,
    blockNumber: 5,
    transactionHash: toBeHex(BigInt(id(`collection ${slug}`)), 32),
  };
}
