// The demo data of `npm start` and `npm run dev`: two brands, their collections with what their tiers are entitled to, and a
// dozen issued cards. The other editions stay empty, for the example spreadsheets.
//
// Must hold: each step first looks at the chain for what it would do, so seeding again does nothing, and seeding that was
// broken off goes on where it stopped.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { Contract, JsonRpcProvider, type TransactionResponse, ZeroAddress, ZeroHash } from "ethers";
import {
  BRAND_ROLE,
  brandRegistryInterface,
  membershipCollectionInterface,
  UNLIMITED_TERM,
} from "../server/chain/abi.ts";
import type { Deployment } from "../server/chain/deployment.ts";
import { untilMined } from "../server/chain/receipt.ts";
import { batchReference, cardOfFile } from "../server/issuance/batch-reference.ts";
import { commitmentRoot } from "../server/issuance/commitment.ts";
import {
  type BrandKeys,
  createKeystore,
  DEMO_PASSPHRASE,
  type KeystoreEnvelope,
  openKeystore,
  readEnvelope,
} from "../server/issuance/keystore.ts";
import { markOrigin } from "../server/issuance/origin.ts";
import { UNLIMITED } from "../server/membership/benefits.ts";

interface DemoCollection {
  slug: string;
  name: string;
  symbol: string;
  maxSupply: number;
}

interface DemoBrand {
  /** The name of the brand's keystore, and its handle in the registry. */
  label: string;
  name: string;
  legalName: string;
  domain: string;
  filingNumber: string;
  collections: DemoCollection[];
}

interface DemoBatch {
  collection: string;
  firstSerial: number;
  references: string[];
  tier: number;
  /** In how many years the cards expire, at the end of the year; nothing for never. */
  years?: number;
}

const BRANDS: DemoBrand[] = [
  {
    label: "noirance",
    name: "Noirance",
    legalName: "Noirance Parfums (Shanghai) Co., Ltd. 诺兰香氛（上海）有限公司",
    domain: "noirance.example",
    filingNumber: "沪ICP备00000001号-1",
    collections: [
      { slug: "noirance-black", name: "Noirance Black Card 诺兰黑卡", symbol: "NOIRB", maxSupply: 5_000 },
      { slug: "noirance-preview", name: "Noirance Preview Card", symbol: "NOIRP", maxSupply: 24 },
    ],
  },
  {
    label: "lanting",
    name: "City of Lanting 兰亭市",
    legalName: "Lanting Culture and Tourism Bureau 兰亭市文化和旅游局",
    domain: "lanting.example",
    filingNumber: "浙ICP备00000002号-1",
    collections: [
      { slug: "lanting-river", name: "Lanting River Edition 兰亭江景版", symbol: "LTRIV", maxSupply: 1_000 },
      { slug: "lanting-garden", name: "Lanting Garden Edition 兰亭园林版", symbol: "LTGAR", maxSupply: 1_000 },
    ],
  },
];

const BATCHES: DemoBatch[] = [
  { collection: "noirance-preview", firstSerial: 1, references: references(1, 6), tier: 1, years: 3 },
  { collection: "noirance-preview", firstSerial: 7, references: references(7, 9), tier: 2, years: 5 },
  { collection: "noirance-preview", firstSerial: 10, references: references(10, 12), tier: 2 },
];

const DAY = 86_400;
const TIERS = [1, 2, 3];
/** A New Year's midnight in Shanghai, so that periods begin at midnight there. */
const BENEFITS_START = Date.UTC(2025, 11, 31, 16) / 1000;

/** What a tier of any of the collections is entitled to, by the benefit's number. The chain knows no names of benefits. */
const benefitsOf = (tier: number): Record<number, { quota: number; period: number; startsAt: number }> => ({
  // The members' price.
  1: { quota: UNLIMITED, period: 0, startsAt: BENEFITS_START },
  // Products for members only.
  2: { quota: UNLIMITED, period: 0, startsAt: BENEFITS_START },
  // A coffee: two in 30 days, and two more with each tier.
  3: { quota: 2 * tier, period: 30 * DAY, startsAt: BENEFITS_START },
});

/** A card that the demo data contain, for links. */
export const EXAMPLE_CARD = { collection: "noirance-preview", serial: 1 };

function references(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `NR-PREVIEW-${String(first + index).padStart(4, "0")}`);
}

const FREE = { maxFeePerGas: 0, maxPriorityFeePerGas: 0 };
/** ERC-5484: issuer and holder may both burn. */
const BURN_AUTH_BOTH = 2;

export interface SeedOptions {
  rpcUrl: string;
  deployment: Deployment;
  /** Where the brands' keystores are. */
  dataFolder: string;
  /** Where the server serves the cards' metadata; ends with a slash. */
  cardBaseURI: string;
  onProgress?: (text: string) => void;
}

/**
 * Brings the demo data onto a chain whose first development account is the consortium. Returns what it did; nothing if
 * all was there.
 */
export async function seedDemo(options: SeedOptions): Promise<string[]> {
  const { rpcUrl, deployment, dataFolder, cardBaseURI } = options;
  const provider = new JsonRpcProvider(rpcUrl, deployment.chainId, {
    staticNetwork: true,
    cacheTimeout: -1,
  });
  const done: string[] = [];
  const report = (text: string) => {
    done.push(text);
    options.onProgress?.(text);
  };
  try {
    const registry = new Contract(deployment.registry, brandRegistryInterface, await provider.getSigner(0));
    if ((await read(registry, "cardBaseURI")) !== cardBaseURI) {
      await send(registry, "setCardBaseURI", cardBaseURI);
      report("metadata address set");
    }
    for (const brand of BRANDS) {
      const keys = await findKeys(dataFolder, brand.label);
      const admin = async () => registry.connect((await keys.open()).admin.connect(provider)) as Contract;
      const brandId = await seedBrand(registry, brand, keys.addresses.admin, report);
      await seedRoles(registry, admin, brandId, keys.addresses, report);
      for (const collection of brand.collections) {
        if ((await read(registry, "collectionOf", collection.slug)) !== ZeroAddress) continue;
        const declared = { highestTier: Math.max(...TIERS), longestTerm: UNLIMITED_TERM };
        const request = { brandId, ...collection, burnAuth: BURN_AUTH_BOTH, reissueDelay: 0, ...declared };
        await send(await admin(), "createCollection", request);
        report(`collection ${collection.slug} created`);
      }
      for (const batch of BATCHES) {
        if (brand.collections.some(({ slug }) => slug === batch.collection))
          await seedBatch(registry, batch, keys, provider, report);
      }
      // Refunds revoke cards, which takes a steward, and redeeming takes staff; here the same key is all of them. After the
      // cards, because the README names a block by its number.
      for (const role of ["Steward", "Staff"] as const)
        await seedRole(registry, admin, { brandId, role, account: keys.addresses.issuer }, report);
      for (const { slug } of brand.collections) await seedBenefits(registry, admin, slug, report);
    }
    return done;
  } finally {
    provider.destroy();
  }
}

interface Keys {
  addresses: KeystoreEnvelope["addresses"];
  /** Decrypts the keys, which takes a second: only where something has to be signed. */
  open(): Promise<BrandKeys>;
}

async function findKeys(dataFolder: string, label: string): Promise<Keys> {
  const file = join(dataFolder, "keys", `${label}.json`);
  let keys = existsSync(file)
    ? undefined
    : await createKeystore({ file, label, passphrase: DEMO_PASSPHRASE, demo: true });
  return {
    addresses: readEnvelope(file).addresses,
    async open() {
      keys ??= await openKeystore(file, DEMO_PASSPHRASE);
      return keys;
    },
  };
}

/** The brand's id; admits it if it is not there. */
async function seedBrand(
  registry: Contract,
  { label: handle, name, legalName, domain, filingNumber }: DemoBrand,
  admin: string,
  report: (text: string) => void,
): Promise<number> {
  const known = Number(await read(registry, "brandOfHandle", handle));
  if (known !== 0) return known;
  const profile = { name, legalName, domain, filingNumber, profileURI: "", profileHash: ZeroHash };
  await send(registry, "admitBrand", admin, handle, profile);
  report(`brand ${name} admitted`);
  return Number(await read(registry, "brandOfHandle", handle));
}

async function seedRoles(
  registry: Contract,
  byAdmin: () => Promise<Contract>,
  brandId: number,
  { admin, issuer }: Keys["addresses"],
  report: (text: string) => void,
): Promise<void> {
  const adminRole = await read(registry, "roleId", brandId, BRAND_ROLE.Admin);
  // The keystores may have been deleted, and new ones made, while the chain stayed: the lost keys end.
  if (!(await read(registry, "hasRole", adminRole, admin))) {
    await send(registry, "replaceBrandKeys", brandId, admin);
    report(`new administrator of brand ${brandId}`);
  }
  await seedRole(registry, byAdmin, { brandId, role: "Issuer", account: issuer }, report);
}

async function seedRole(
  registry: Contract,
  byAdmin: () => Promise<Contract>,
  { brandId, role, account }: { brandId: number; role: keyof typeof BRAND_ROLE; account: string },
  report: (text: string) => void,
): Promise<void> {
  const roleId = await read(registry, "roleId", brandId, BRAND_ROLE[role]);
  if (await read(registry, "hasRole", roleId, account)) return;
  await send(await byAdmin(), "grantRole", roleId, account);
  report(`${role.toLowerCase()} of brand ${brandId} appointed`);
}

/** Sets the benefits that a collection does not have, in one transaction. What somebody has set otherwise stays. */
async function seedBenefits(
  registry: Contract,
  byAdmin: () => Promise<Contract>,
  slug: string,
  report: (text: string) => void,
): Promise<void> {
  const address = String(await read(registry, "collectionOf", slug));
  const collection = new Contract(address, membershipCollectionInterface, registry.runner);
  const calls: string[] = [];
  for (const tier of TIERS)
    for (const [benefitId, terms] of Object.entries(benefitsOf(tier))) {
      const { startsAt } = (await read(collection, "benefitOf", tier, benefitId)) as { startsAt: bigint };
      if (startsAt !== 0n) continue;
      calls.push(membershipCollectionInterface.encodeFunctionData("setBenefit", [tier, benefitId, terms]));
    }
  if (calls.length === 0 || (await read(collection, "benefitsFrozen"))) return;
  await send(collection.connect((await byAdmin()).runner) as Contract, "multicall", calls);
  report(`benefits of ${slug} set`);
}

async function seedBatch(
  registry: Contract,
  batch: DemoBatch,
  { open }: Keys,
  provider: JsonRpcProvider,
  report: (text: string) => void,
): Promise<void> {
  const address = String(await read(registry, "collectionOf", batch.collection));
  const collection = new Contract(address, membershipCollectionInterface, provider);
  const { issuedAt } = (await read(collection, "cardOf", batch.firstSerial)) as { issuedAt: bigint };
  if (issuedAt !== 0n) return;
  const keys = await open();
  const { tier, years } = batch;
  const expiresAt = years === undefined ? 0 : Date.UTC(new Date().getUTCFullYear() + years + 1, 0, 1) / 1000;
  const cards = batch.references.map((reference, index) => ({
    line: index + 1,
    serial: batch.firstSerial + index,
    holder: keys.holderAddress(reference),
    tier,
    expiresAt,
    physicalNumber: `NP-${String(batch.firstSerial + index).padStart(4, "0")}`,
  }));
  const call = membershipCollectionInterface.encodeFunctionData("issue", [
    batch.firstSerial,
    cards.map(({ holder }) => holder),
    { tier, expiresAt },
    commitmentRoot(cards, address, keys),
    batchReference(cards.map((card) => keys.cardTag(address, cardOfFile(card)))),
  ]);
  // The server issues with the same key, and must not take these cards for ones that customers have ordered.
  const data = markOrigin(call, "file");
  await mined(await keys.issuer.connect(provider).sendTransaction({ to: address, data, ...FREE }), "issue");
  report(`cards ${batch.firstSerial} to ${batch.firstSerial + cards.length - 1} of ${batch.collection} issued`);
}

async function read(contract: Contract, method: string, ...args: unknown[]): Promise<unknown> {
  return await contract.getFunction(method)(...args);
}

async function send(contract: Contract, method: string, ...args: unknown[]): Promise<void> {
  await mined(await contract.getFunction(method)(...args, FREE), method);
}

async function mined(transaction: TransactionResponse, method: string): Promise<void> {
  const receipt = await untilMined(transaction.hash, (hash) => transaction.provider.getTransactionReceipt(hash));
  if (receipt.status !== 1) throw new Error(`The transaction ${transaction.hash} (${method}) failed`);
}
