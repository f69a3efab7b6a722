// What people do on the simulated chain: every kind of transaction that leaves an event, made up from the ledger so that most
// of them succeed, in blocks with several of them, which then may well be in each other's way.

import { HDNodeWallet, Interface, Mnemonic, toBeHex, ZeroHash } from "ethers";
import {
  BRAND_ROLE,
  brandRegistryInterface,
  FINAL_ACT,
  FINAL_ACTS,
  membershipCollectionInterface,
  UNLIMITED_TERM,
} from "../../server/chain/abi.ts";
import type { CardState } from "../../server/indexer/fold.ts";
import { ANY_STAFF, authorisationToSign } from "../../server/issuance/redemptions/typed-data.ts";
import type { Sending, SimulatedChain } from "./chain.ts";
import type { CollectionLedger, Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";

export interface Life {
  /** What is there before anything is simulated: two brands with a collection each, and a few cards. */
  foundation(): Sending[][];
  /** What happens in a block with so many acts. */
  block(random: Random, ledger: Ledger, timestamp: number, acts: number): Promise<Sending[]>;
}

/** The node's accounts by what they do. */
const CONSORTIUM = 0;
const ADMIN = 1;
/** Issuer, steward and staff of every brand. */
const CLERK = 2;
const FIRST_HOLDER = 3;
/** How many collections there are at most. */
const MOST_COLLECTIONS = 12;
const MAX_BRANDS = 5;
const MAX_SUPPLY = 250;
/** How long a holder can veto, in seconds: some blocks' time. */
const REISSUE_DELAY = 60;
const DAY = 86_400;
const TIERS = 4;
/** How long a benefit's periods are, by its number; 0 if there is one without end. The same in all tiers, for ever. */
const PERIODS: Readonly<Record<number, number>> = { 1: 30, 2: DAY, 3: 0 };
const BENEFITS = Object.keys(PERIODS).length;
/** What the node's accounts are derived from. */
const MNEMONIC = "test test test test test test test test test test test junk";

const addresses = new Interface(["function collectionAddress(string slug) view returns (address)"]);

interface Scene {
  random: Random;
  ledger: Ledger;
  timestamp: number;
  /** The serial that comes next, of collections in which something was issued earlier in the block. */
  nextSerials: Map<string, number>;
}

type Act = (scene: Scene) => Sending[] | undefined | Promise<Sending[] | undefined>;

export async function createLife(chain: SimulatedChain): Promise<Life> {
  const { registry, chainId } = chain.deployment;
  const account = (index: number) => chain.accounts[index] as string;
  const holders = chain.accounts.slice(FIRST_HOLDER);
  const mnemonic = Mnemonic.fromPhrase(MNEMONIC);
  const wallets = new Map(
    chain.accounts.map((address, index) => [address, HDNodeWallet.fromMnemonic(mnemonic, `m/44'/60'/0'/0/${index}`)]),
  );
  const handleOf = (brandId: number) => `brand${brandId}`;
  const slugsOf = (brandId: number) =>
    Array.from({ length: MOST_COLLECTIONS }, (_, index) => `${handleOf(brandId)}-edition-${index + 1}`);
  const slugs = Array.from({ length: MAX_BRANDS }, (_, index) => slugsOf(index + 1)).flat();
  // Where a collection will be follows from its slug, so that cards can be issued in the block that creates it.
  const collectionBySlug = new Map<string, string>();
  for (const slug of slugs) {
    const answer = await chain.call(registry, addresses.encodeFunctionData("collectionAddress", [slug]));
    collectionBySlug.set(slug, String(addresses.decodeFunctionResult("collectionAddress", answer)[0]).toLowerCase());
  }

  function toRegistry(from: number, method: string, ...args: unknown[]): Sending {
    return { from: account(from), to: registry, data: brandRegistryInterface.encodeFunctionData(method, args) };
  }

  function toCollection(from: number | string, to: string, method: string, ...args: unknown[]): Sending {
    const sender = typeof from === "string" ? from : account(from);
    return { from: sender, to, data: membershipCollectionInterface.encodeFunctionData(method, args) };
  }

  function profile(random: Random) {
    const name = `Noirance ${random.below(1000)}`;
    const filingNumber = random.chance(0.5) ? "" : "浙ICP备20260001号";
    const profileURI = `https://brand.example/${random.below(1000)}`;
    const profileHash = random.hex(32);
    return { name, legalName: `${name} Co., Ltd.`, domain: "brand.example", filingNumber, profileURI, profileHash };
  }

  /** Admits a brand and gives the clerk its roles. */
  function admit(brandId: number, random: Random): Sending[] {
    const { Admin: _, ...roles } = BRAND_ROLE;
    return [
      toRegistry(CONSORTIUM, "admitBrand", account(ADMIN), handleOf(brandId), profile(random)),
      ...Object.values(roles).map((role) => appoint(brandId, role, 0)),
    ];
  }

  /** Gives the clerk a role. Its id is as the registry makes it: the brand's number, the epoch of its keys and the role's number. */
  function appoint(brandId: number, role: number, keyEpoch: number): Sending {
    const id = (BigInt(brandId) << 64n) | (BigInt(keyEpoch) << 32n) | BigInt(role + 1);
    return toRegistry(ADMIN, "grantRole", toBeHex(id, 32), account(CLERK));
  }

  function create(slug: string, brandId: number, reissueDelay: number): Sending {
    const declared = { highestTier: TIERS - 1, longestTerm: UNLIMITED_TERM };
    const terms = { maxSupply: MAX_SUPPLY, burnAuth: 2, reissueDelay, ...declared };
    return toRegistry(ADMIN, "createCollection", { brandId, slug, name: slug, symbol: "CARD", ...terms });
  }

  function issue(collection: string, firstSerial: number, scene: Scene): Sending {
    const { random, timestamp } = scene;
    const count = random.weighted([
      [6, random.between(1, 4)],
      [3, random.between(5, 15)],
      [1, random.between(16, 40)],
    ]);
    const some = Array.from({ length: Math.min(count, MAX_SUPPLY + 1 - firstSerial) }, () =>
      random.chance(0.7) ? random.pick(holders) : random.hex(20),
    );
    const terms = {
      tier: random.below(TIERS),
      expiresAt: random.chance(0.3) ? 0 : timestamp + random.between(1, 400) * DAY,
    };
    scene.nextSerials.set(collection, firstSerial + some.length);
    return toCollection(CLERK, collection, "issue", firstSerial, some, terms, random.hex(32), random.hex(32));
  }

  /** One of the collections, the busier ones as well as the new ones. */
  function someCollection({ random, ledger }: Scene): CollectionLedger | undefined {
    const all = [...ledger.collections.values()];
    return all.length === 0 ? undefined : random.pick(all);
  }

  /** Cards that something can be done to, with their collection. */
  function someCards(
    scene: Scene,
    fits: (card: CardState, collection: CollectionLedger, serial: number) => boolean,
    most = 1,
  ): { address: string; collection: CollectionLedger; serials: number[]; first: CardState } | undefined {
    const collection = someCollection(scene);
    if (collection === undefined) return undefined;
    const { random } = scene;
    const fitting = [...collection.cards].filter(([serial, card]) => fits(card, collection, serial));
    const chosen = random.shuffled(fitting).slice(0, random.between(1, most));
    const [first] = chosen;
    if (first === undefined) return undefined;
    return {
      address: collection.terms.collection,
      collection,
      serials: chosen.map(([serial]) => serial),
      first: first[1],
    };
  }

  const isLive = ({ status }: CardState) => status === "Active" || status === "Suspended";
  const isOurs = ({ holder }: CardState) => wallets.has(holder);

  /** An act of the clerk on cards that fit. */
  function onCards(
    method: string,
    fits: Parameters<typeof someCards>[1],
    most: number,
    args: (scene: Scene) => unknown[],
  ): Act {
    return (scene) => {
      const cards = someCards(scene, fits, most);
      return cards && [toCollection(CLERK, cards.address, method, cards.serials, ...args(scene))];
    };
  }

  const acts: [weight: number, act: Act][] = [
    [
      8,
      (scene) => {
        const collection = someCollection(scene);
        if (collection === undefined) return undefined;
        const address = collection.terms.collection;
        const next = scene.nextSerials.get(address) ?? Math.max(0, ...collection.cards.keys()) + 1;
        // Numbers may be left out.
        const first = next + (scene.random.chance(0.2) ? scene.random.below(4) : 0);
        return first > MAX_SUPPLY ? undefined : [issue(address, first, scene)];
      },
    ],
    [4, onCards("setTier", isLive, 4, ({ random }) => [random.below(TIERS)])],
    [
      3,
      onCards(
        "suspend",
        ({ status }) => status === "Active",
        3,
        ({ random }) => [random.hex(32)],
      ),
    ],
    [
      3,
      onCards(
        "reinstate",
        ({ status }) => status === "Suspended",
        3,
        () => [],
      ),
    ],
    [
      2,
      (scene) => {
        const { random, timestamp } = scene;
        const cards = someCards(scene, isLive);
        if (cards === undefined) return undefined;
        const expiresAt = random.chance(0.3) ? cards.first.expiresAt : timestamp + random.between(1, 100) * DAY;
        const { generation } = cards.first;
        // The issuer may burn, so the holder's signature is not asked for.
        const correction = { serial: cards.serials[0], tier: random.below(TIERS), expiresAt, generation, deadline: 0 };
        return [toCollection(CLERK, cards.address, "correct", correction, random.hex(32), "0x")];
      },
    ],
    [2, onCards("revoke", isLive, 2, ({ random }) => [random.hex(32)])],
    [
      3,
      (scene) => {
        const cards = someCards(scene, (card) => isLive(card) && card.expiresAt > 0);
        const duration = scene.random.between(1, 100) * DAY;
        return cards && [toCollection(CLERK, cards.address, "renew", cards.serials, cards.first.expiresAt, duration)];
      },
    ],
    [
      2,
      (scene) => {
        const cards = someCards(scene, (card) => card.status === "Active" && isOurs(card));
        return cards && [toCollection(cards.first.holder, cards.address, "surrender", cards.serials[0])];
      },
    ],
    [
      4,
      (scene) => {
        const cards = someCards(scene, isLive);
        const to = scene.random.pick(holders);
        return (
          cards && [toCollection(CLERK, cards.address, "requestReissue", cards.serials[0], to, scene.random.hex(32))]
        );
      },
    ],
    [
      4,
      (scene) => {
        const isReady = ({ reissueReadyAt }: CardState) =>
          (reissueReadyAt ?? Number.POSITIVE_INFINITY) <= scene.timestamp;
        const cards = someCards(scene, (card) => isLive(card) && isReady(card));
        return cards && [toCollection(CLERK, cards.address, "executeReissue", cards.serials[0])];
      },
    ],
    [
      1,
      (scene) => {
        const cards = someCards(scene, (card) => isLive(card) && card.reissueTo !== null);
        return cards && [toCollection(CLERK, cards.address, "cancelReissue", cards.serials[0])];
      },
    ],
    [
      1,
      (scene) => {
        const cards = someCards(scene, (card) => isLive(card) && card.reissueTo !== null && isOurs(card));
        return cards && [toCollection(cards.first.holder, cards.address, "vetoReissue", cards.serials[0])];
      },
    ],
    [
      2,
      (scene) => {
        const { random } = scene;
        const address = someCollection(scene)?.terms.collection;
        const [tier, benefitId] = [random.below(TIERS), random.between(1, BENEFITS)];
        const quota = random.weighted([
          [1, 0],
          [3, random.between(1, 3)],
          [2, 4_294_967_295],
        ]);
        const terms = { quota, period: PERIODS[benefitId], startsAt: benefitId };
        return address === undefined ? undefined : [toCollection(ADMIN, address, "setBenefit", tier, benefitId, terms)];
      },
    ],
    [
      4,
      async (scene) => {
        const { random, timestamp } = scene;
        const cards = someCards(scene, (card, { benefits }) => {
          return card.status === "Active" && isOurs(card) && (benefits.get(card.tier)?.length ?? 0) > 0;
        });
        if (cards === undefined) return undefined;
        const { address, collection, first: card } = cards;
        const serial = cards.serials[0] as number;
        const benefitId = random.pick(collection.benefits.get(card.tier) ?? []);
        const number = (collection.redemptions.get(`${serial}/${benefitId}`) ?? 0) + 1;
        const staff = random.chance(0.5) ? ANY_STAFF : account(CLERK);
        const { generation, holder } = card;
        const redemption = { serial, benefitId, number, generation, staff, deadline: timestamp + DAY };
        const { domain, types } = authorisationToSign(address, chainId, redemption);
        const signature = await (wallets.get(holder) as HDNodeWallet).signTypedData(domain, types, redemption);
        return [toCollection(CLERK, address, "redeem", redemption, signature)];
      },
    ],
    [
      3,
      (scene) => {
        const { random, ledger } = scene;
        const collections = [...ledger.collections.values()].filter(({ standing }) => standing.size > 0);
        if (collections.length === 0) return undefined;
        const collection = random.pick(collections);
        const [key, numbers] = random.pick([...collection.standing]);
        const [serial, benefitId] = key.split("/").map(Number);
        // The last one can be undone for sure while its card lives, an earlier one only in the same period.
        const number = random.chance(0.6) ? numbers.at(-1) : random.pick(numbers);
        const { collection: address } = collection.terms;
        return [toCollection(CLERK, address, "undoRedemption", serial, benefitId, number, random.hex(32))];
      },
    ],
    [
      1,
      (scene) => {
        const address = someCollection(scene)?.terms.collection;
        const uri = `https://noirance.example/${scene.random.below(100)}`;
        return address === undefined
          ? undefined
          : [toCollection(ADMIN, address, "setContent", uri, scene.random.hex(32))];
      },
    ],
    [
      0.6,
      (scene) => {
        const { random, timestamp } = scene;
        const collection = someCollection(scene);
        if (collection === undefined) return undefined;
        const act = random.pick(FINAL_ACTS);
        const readyAt = collection.announced.get(act);
        const step = readyAt === undefined ? "announce" : readyAt > timestamp ? "cancelAnnounced" : "carryOut";
        // Most of what was announced is left alone until its time has come.
        if (step === "cancelAnnounced" && !random.chance(0.1)) return undefined;
        return [toCollection(ADMIN, collection.terms.collection, step, FINAL_ACT[act])];
      },
    ],
    [
      0.6,
      (scene) => {
        const collection = someCollection(scene);
        if (collection === undefined) return undefined;
        const { random, timestamp } = scene;
        const address = collection.terms.collection;
        const [open] = collection.openAllowlists;
        if (open !== undefined) return [toCollection(CLERK, address, "closeAllowlist", open)];
        return [toCollection(CLERK, address, "openAllowlist", random.hex(32), MAX_SUPPLY - 9, 5, timestamp + DAY)];
      },
    ],
    [
      1.5,
      (scene) => {
        const { random, ledger } = scene;
        const taken = new Set([...ledger.collections.values()].map(({ terms }) => terms.slug));
        if (taken.size >= MOST_COLLECTIONS || ledger.brands.size === 0) return undefined;
        const brandId = random.pick([...ledger.brands.keys()]);
        const slug = slugsOf(brandId).find((candidate) => !taken.has(candidate));
        if (slug === undefined) return undefined;
        const created = create(slug, brandId, random.chance(0.5) ? 0 : REISSUE_DELAY);
        // The first cards in the very block that creates their collection.
        return random.chance(0.6) ? [created, issue(collectionBySlug.get(slug) as string, 1, scene)] : [created];
      },
    ],
    [
      0.5,
      ({ random, ledger }) => (ledger.brands.size >= MAX_BRANDS ? undefined : admit(ledger.brands.size + 1, random)),
    ],
    [
      1,
      ({ random, ledger }) => {
        const brands = [...ledger.brands.keys()];
        return brands.length === 0
          ? undefined
          : [toRegistry(CONSORTIUM, "setBrandProfile", random.pick(brands), profile(random))];
      },
    ],
    [
      0.3,
      ({ random, ledger }) => {
        const active = [...ledger.brands].filter(([, { status }]) => status === "Active");
        if (active.length < 2) return undefined;
        return [toRegistry(CONSORTIUM, "suspendBrand", random.pick(active)[0], random.hex(32))];
      },
    ],
    [
      2,
      ({ random, ledger }) => {
        const suspended = [...ledger.brands].filter(([, { status }]) => status === "Suspended");
        if (suspended.length === 0) return undefined;
        const [brandId, { suspension }] = random.pick(suspended);
        return [toRegistry(CONSORTIUM, "reinstateBrand", brandId, suspension)];
      },
    ],
    [
      0.3,
      ({ random, ledger }) => {
        const active = [...ledger.brands].filter(([, { status }]) => status === "Active");
        if (active.length === 0) return undefined;
        const [brandId, { keyEpoch }] = random.pick(active);
        const { Admin: _, ...roles } = BRAND_ROLE;
        return [
          toRegistry(CONSORTIUM, "replaceBrandKeys", brandId, account(ADMIN)),
          ...Object.values(roles).map((role) => appoint(brandId, role, keyEpoch + 1)),
        ];
      },
    ],
    [
      0.5,
      ({ random, ledger }) => {
        const brands = [...ledger.brands.keys()];
        if (brands.length === 0) return undefined;
        if (random.chance(0.3)) return [toRegistry(ADMIN, "liftDailyCap", random.pick(brands), account(CLERK))];
        return [toRegistry(ADMIN, "setDailyCap", random.pick(brands), account(CLERK), 1_000_000 + random.below(1000))];
      },
    ],
    [0.3, ({ random }) => [toRegistry(CONSORTIUM, "setCardBaseURI", `https://cards.example/${random.below(9)}/`)]],
  ];

  /** Several acts in one transaction, where the same person does them in the same collection. */
  function joined(sendings: readonly Sending[], random: Random): Sending[] {
    const [first, second, ...rest] = sendings;
    if (first === undefined || second === undefined) return [...sendings];
    const fits = first.from === second.from && first.to === second.to && first.to !== registry;
    if (!fits || !random.chance(0.5)) return [first, ...joined([second, ...rest], random)];
    return [toCollection(first.from, first.to, "multicall", [first.data, second.data]), ...joined(rest, random)];
  }

  return {
    foundation: () => [
      [1, 2].flatMap((brandId) => [
        toRegistry(CONSORTIUM, "admitBrand", account(ADMIN), handleOf(brandId), {
          ...{ name: `Brand ${brandId}`, legalName: `Brand ${brandId} Co., Ltd.`, domain: "brand.example" },
          ...{ filingNumber: "", profileURI: "", profileHash: ZeroHash },
        }),
        ...[BRAND_ROLE.Issuer, BRAND_ROLE.Steward, BRAND_ROLE.Staff].map((role) => appoint(brandId, role, 0)),
      ]),
      [create(slugsOf(1)[0] as string, 1, 0), create(slugsOf(2)[0] as string, 2, REISSUE_DELAY)],
    ],
    async block(random, ledger, timestamp, count) {
      const scene: Scene = { random, ledger, timestamp, nextSerials: new Map() };
      const sendings: Sending[] = [];
      // Not every act finds somebody to do it to.
      for (let tries = 0, done = 0; done < count && tries < 4 * count; tries++) {
        const made = await random.weighted(acts)(scene);
        if (made === undefined) continue;
        sendings.push(...made);
        done++;
      }
      return joined(sendings, random);
    },
  };
}
