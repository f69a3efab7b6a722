// The state of the contracts twice, as one value of the same shape: as their views report it, and as a replay of their
// logs says it must be. What is asked about is given from outside, so that neither side can leave anything out.

import type { BrandRegistry } from "../../../artifacts/types/index.js";
import { ethers, ROLE } from "../fixture.ts";
import { FINAL } from "./finalActs.ts";
import {
  appointmentKey,
  availableOf,
  benefitKey,
  type CollectionState,
  capKey,
  type RegistryState,
  readyAtOrVoid,
  roleIdOf,
} from "./replay.ts";

/** All that there is to ask about. */
export interface Universe {
  /** Every account that may have a role or a card. */
  accounts: string[];
  brands: number;
  slugs: string[];
  /** Every Merkle root that an allowlist was ever opened with, and some others. */
  roots: string[];
  tiers: number[];
  benefitIds: number[];
}

export interface CardReport {
  card: { holder: string; issuedAt: bigint; expiresAt: bigint; tier: bigint; status: bigint; generation: bigint };
  owner: string;
  batchFirstSerial: bigint;
  commitmentRoot: string;
  pending: { to: string; readyAt: bigint };
  /** By benefit. */
  uses: { redemptions: bigint; periodStart: bigint; used: bigint; undone: bigint }[];
}

export interface CollectionReport {
  address: string;
  brandId: bigint;
  name: string;
  symbol: string;
  maxSupply: bigint;
  burnAuth: bigint;
  reissueDelay: bigint;
  highestTier: bigint;
  longestTerm: bigint;
  issuedCount: bigint;
  totalSupply: bigint;
  contractURI: string;
  contentHash: string;
  contentFrozen: boolean;
  benefitsFrozen: boolean;
  windingDown: boolean;
  /** By `FinalAct`: from when on each can be carried out; 0 if it is not announced. */
  announcedFor: bigint[];
  cards: Record<number, CardReport>;
  balances: Record<string, bigint>;
  allowlists: Record<
    string,
    { issuer: string; appointment: bigint; firstSerial: bigint; count: bigint; deadline: bigint }
  >;
  /** By {@link benefitKey}. */
  benefits: Record<string, { quota: bigint; period: bigint; startsAt: bigint }>;
}

export interface Report {
  cardBaseURI: string;
  implementation: string;
  collectionFactory: string;
  brandCount: bigint;
  brands: Record<
    number,
    { status: bigint; keyEpoch: bigint; suspension: bigint; handle: string; profile: Record<string, string> }
  >;
  /** By {@link appointmentKey}; 0 where the account does not have the role. */
  appointments: Record<string, bigint>;
  /** The accounts of each role, by role id. */
  roles: Record<string, string[]>;
  roleAdmins: Record<string, string>;
  /** By {@link capKey}; `available` is what the contract answers, 2^256 - 1 without a cap. */
  dailyCaps: Record<string, { capped: boolean; dailyCap: bigint; available: bigint }>;
  /** In the order of creation. */
  collections: CollectionReport[];
  /** The address of each slug; zero if it is free. */
  slugs: Record<string, string>;
}

/** Every role id of the brands, of key epochs that are over too, the consortium's and the guardian's. */
export function roleIdsOf(keyEpochs: Iterable<[number, number]>): string[] {
  const ids = [ethers.ZeroHash, ethers.id("GUARDIAN_ROLE")];
  for (const [brandId, latest] of keyEpochs)
    for (let keyEpoch = 0; keyEpoch <= latest + 1; ++keyEpoch)
      for (const role of Object.values(ROLE)) ids.push(roleIdOf(brandId, role, keyEpoch));
  return ids;
}

/** The Admin of a brand's role is of the same brand and key epoch; the consortium is the admin of all else. */
function roleAdminOf(role: string): string {
  const [id, adminNumber] = [BigInt(role), BigInt(ROLE.Admin + 1)];
  const isBrands = id >> 96n === 0n && id >> 64n !== 0n;
  if (!isBrands || (id & 0xffffffffn) === adminNumber) return ethers.ZeroHash;
  return ethers.toBeHex(((id >> 32n) << 32n) | adminNumber, 32);
}

const brandIdsOf = ({ brands }: Universe) => Array.from({ length: brands }, (_, index) => index + 1);

/** What the contracts' views say in the latest block. */
export async function reportOfViews(registry: BrandRegistry, universe: Universe): Promise<Report> {
  const { accounts, slugs } = universe;
  const report: Report = {
    cardBaseURI: await registry.cardBaseURI(),
    implementation: await registry.implementation(),
    collectionFactory: await registry.collectionFactory(),
    brandCount: await registry.brandCount(),
    brands: {},
    appointments: {},
    roles: {},
    roleAdmins: {},
    dailyCaps: {},
    collections: [],
    slugs: {},
  };
  for (const brandId of brandIdsOf(universe)) {
    const { status, keyEpoch, suspension, handle, profile } = await registry.brandOf(brandId);
    const { name, legalName, domain, filingNumber, profileURI, profileHash } = profile;
    report.brands[brandId] = {
      status,
      keyEpoch,
      suspension,
      handle,
      profile: { name, legalName, domain, filingNumber, profileURI, profileHash },
    };
    for (const account of accounts) {
      const { capped, dailyCap, available } = await registry.dailyCapOf(brandId, account);
      report.dailyCaps[capKey(brandId, account)] = { capped, dailyCap, available };
      for (const role of Object.values(ROLE))
        report.appointments[appointmentKey(brandId, role, account)] = await registry.appointmentOf(
          brandId,
          role,
          account,
        );
    }
  }
  const keyEpochs = Object.entries(report.brands).map(([brandId, brand]): [number, number] => [
    Number(brandId),
    Number(brand.keyEpoch),
  ]);
  for (const role of roleIdsOf(keyEpochs)) {
    const holders: string[] = [];
    for (const account of accounts) if (await registry.hasRole(role, account)) holders.push(account);
    report.roles[role] = holders;
    report.roleAdmins[role] = await registry.getRoleAdmin(role);
  }
  for (const slug of slugs) report.slugs[slug] = await registry.collectionOf(slug);
  const count = Number(await registry.collectionCount());
  for (let index = 0; index < count; ++index)
    report.collections.push(await collectionReportOfViews(registry, await registry.collectionAt(index), universe));
  return report;
}

async function collectionReportOfViews(
  registry: BrandRegistry,
  address: string,
  { accounts, roots, tiers, benefitIds }: Universe,
): Promise<CollectionReport> {
  const collection = await ethers.getContractAt("MembershipCollection", address);
  const { brandId, maxSupply, burnAuth, reissueDelay, highestTier, longestTerm } = await collection.collectionTerms();
  const report: CollectionReport = {
    address,
    brandId: await registry.brandOfCollection(address),
    name: await collection.name(),
    symbol: await collection.symbol(),
    maxSupply,
    burnAuth,
    reissueDelay,
    highestTier,
    longestTerm,
    issuedCount: await collection.issuedCount(),
    totalSupply: await collection.totalSupply(),
    contractURI: await collection.contractURI(),
    contentHash: await collection.contentHash(),
    contentFrozen: await collection.contentFrozen(),
    benefitsFrozen: await collection.benefitsFrozen(),
    windingDown: await collection.windingDown(),
    announcedFor: await Promise.all(Object.values(FINAL).map((act) => collection.announcedFor(act))),
    cards: {},
    balances: {},
    allowlists: {},
    benefits: {},
  };
  if (brandId !== report.brandId) throw new Error(`${address} is of brand ${brandId} and ${report.brandId}`);
  const cards = await collection.cardsOf(1, maxSupply);
  for (const [index, card] of cards.entries()) {
    const serial = index + 1;
    const { owner, batchFirstSerial, commitmentRoot } = await collection.verify(serial);
    const uses: CardReport["uses"] = [];
    for (const benefitId of benefitIds) {
      const { redemptions, periodStart, used, undone } = await collection.benefitUseOf(serial, benefitId);
      uses.push({ redemptions, periodStart, used, undone });
    }
    const { holder, issuedAt, expiresAt, tier, status, generation } = card;
    const { to, readyAt } = await collection.pendingReissueOf(serial);
    report.cards[serial] = {
      card: { holder, issuedAt, expiresAt, tier, status, generation },
      owner,
      batchFirstSerial,
      commitmentRoot,
      pending: { to, readyAt },
      uses,
    };
  }
  for (const account of accounts) report.balances[account] = await collection.balanceOf(account);
  for (const root of roots) {
    const { issuer, appointment, firstSerial, count, deadline } = await collection.allowlistOf(root);
    report.allowlists[root] = { issuer, appointment, firstSerial, count, deadline };
  }
  for (const tier of tiers)
    for (const benefitId of benefitIds) {
      const { quota, period, startsAt } = await collection.benefitOf(tier, benefitId);
      report.benefits[benefitKey(tier, benefitId)] = { quota, period, startsAt };
    }
  return report;
}

/** What the views must say at a time if a replay is right. */
export function reportOfReplay(state: RegistryState, universe: Universe, at: number): Report {
  const { accounts, slugs } = universe;
  const addressOf = (slug: string) => [...state.collections].find(([, collection]) => collection.slug === slug)?.[0];
  const report: Report = {
    cardBaseURI: state.cardBaseURI,
    implementation: state.implementation,
    collectionFactory: state.collectionFactory,
    brandCount: BigInt(state.brands.size),
    brands: {},
    appointments: {},
    roles: {},
    roleAdmins: {},
    dailyCaps: {},
    collections: [...state.collections].map(([address, collection]) =>
      collectionReportOfReplay(state, address, collection, universe, at),
    ),
    slugs: Object.fromEntries(slugs.map((slug) => [slug, addressOf(slug) ?? ethers.ZeroAddress])),
  };
  for (const [brandId, { status, keyEpoch, suspension, handle, profile }] of state.brands)
    report.brands[brandId] = {
      status: BigInt(status),
      keyEpoch: BigInt(keyEpoch),
      suspension: BigInt(suspension),
      handle,
      profile: { ...profile },
    };
  for (const brandId of brandIdsOf(universe))
    for (const account of accounts) {
      const cap = state.dailyCaps.get(capKey(brandId, account));
      for (const role of Object.values(ROLE)) {
        const key = appointmentKey(brandId, role, account);
        report.appointments[key] = BigInt(state.appointments.get(key) ?? 0);
      }
      report.dailyCaps[capKey(brandId, account)] = {
        capped: cap !== undefined,
        dailyCap: BigInt(cap?.dailyCap ?? 0),
        available: BigInt(availableOf(cap, at) ?? ethers.MaxUint256),
      };
    }
  const keyEpochs = [...state.brands].map(([brandId, { keyEpoch }]): [number, number] => [brandId, keyEpoch]);
  for (const role of roleIdsOf(keyEpochs)) {
    const isPast = keyEpochs.some(
      ([brandId, keyEpoch]) =>
        BigInt(role) >> 64n === BigInt(brandId) && (BigInt(role) >> 32n) % 2n ** 32n !== BigInt(keyEpoch),
    );
    report.roles[role] = accounts.filter((account) => !isPast && state.roles.get(role)?.has(account) === true);
    report.roleAdmins[role] = roleAdminOf(role);
  }
  return report;
}

function collectionReportOfReplay(
  registry: RegistryState,
  address: string,
  state: CollectionState,
  { accounts, roots, tiers, benefitIds }: Universe,
  at: number,
): CollectionReport {
  const served = registry.cardBaseURI === "" ? "" : `${registry.cardBaseURI}${address.toLowerCase()}`;
  const report: CollectionReport = {
    address,
    brandId: BigInt(state.brandId),
    name: state.name,
    symbol: state.symbol,
    maxSupply: BigInt(state.maxSupply),
    burnAuth: BigInt(state.burnAuth),
    reissueDelay: BigInt(state.reissueDelay),
    highestTier: BigInt(state.highestTier),
    longestTerm: BigInt(state.longestTerm),
    issuedCount: BigInt(state.issuedCount),
    totalSupply: BigInt(state.liveCount),
    contractURI: state.contentURI === "" ? served : state.contentURI,
    contentHash: state.contentHash,
    contentFrozen: state.contentFrozen,
    benefitsFrozen: state.benefitsFrozen,
    windingDown: state.windingDown,
    announcedFor: Object.values(FINAL).map((act) => BigInt(readyAtOrVoid(state.announcements.get(act) ?? 0, at))),
    cards: {},
    balances: {},
    allowlists: {},
    benefits: {},
  };
  for (let serial = 1; serial <= state.maxSupply; ++serial) {
    const card = state.cards.get(serial);
    const requested = state.pendingReissues.get(serial);
    const pending = requested !== undefined && readyAtOrVoid(requested.readyAt, at) !== 0 ? requested : undefined;
    const isLive = card !== undefined && (card.status === 1 || card.status === 2);
    report.cards[serial] = {
      card: {
        holder: card?.holder ?? ethers.ZeroAddress,
        issuedAt: BigInt(card?.issuedAt ?? 0),
        expiresAt: BigInt(card?.expiresAt ?? 0),
        tier: BigInt(card?.tier ?? 0),
        status: BigInt(card?.status ?? 0),
        generation: BigInt(card?.generation ?? 0),
      },
      owner: isLive ? card.holder : ethers.ZeroAddress,
      batchFirstSerial: BigInt(card?.batchFirstSerial ?? 0),
      commitmentRoot: card?.commitmentRoot ?? ethers.ZeroHash,
      pending: { to: pending?.to ?? ethers.ZeroAddress, readyAt: BigInt(pending?.readyAt ?? 0) },
      uses: benefitIds.map((benefitId) => {
        const use = state.uses.get(benefitKey(serial, benefitId));
        return {
          redemptions: BigInt(use?.redemptions ?? 0),
          periodStart: BigInt(use?.periodStart ?? 0),
          used: BigInt(use?.used ?? 0),
          undone: BigInt(use?.undone ?? 0),
        };
      }),
    };
  }
  for (const account of accounts) report.balances[account] = BigInt(state.balances.get(account) ?? 0);
  for (const root of roots) {
    const { issuer, appointment, firstSerial, count, deadline } = state.allowlists.get(root) ?? {};
    report.allowlists[root] = {
      issuer: issuer ?? ethers.ZeroAddress,
      appointment: BigInt(appointment ?? 0),
      firstSerial: BigInt(firstSerial ?? 0),
      count: BigInt(count ?? 0),
      deadline: BigInt(deadline ?? 0),
    };
  }
  for (const tier of tiers)
    for (const benefitId of benefitIds) {
      const terms = state.benefits.get(benefitKey(tier, benefitId));
      report.benefits[benefitKey(tier, benefitId)] = {
        quota: BigInt(terms?.quota ?? 0),
        period: BigInt(terms?.period ?? 0),
        startsAt: BigInt(terms?.startsAt ?? 0),
      };
    }
  return report;
}
