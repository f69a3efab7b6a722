// What people do on the simulated chain: every kind of transaction that leaves an event, made up from the ledger so that most
// of them succeed, in blocks with several of them, which then may well be in each other's way.

import { HDNodeWallet, Interface, Mnemonic, ZeroHash } from "ethers";
import { BRAND_ROLE, brandRegistryInterface, membershipCollectionInterface } from "../../server/chain/abi.ts";
import type { CardState } from "../../server/indexer/fold.ts";
import { SIGNED_TYPES } from "../contracts/support/signatures.ts";
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
const SLUGS = 12;
const MAX_BRANDS = 5;
const MAX_SUPPLY = 250;
/** How long a holder can veto, in seconds: some blocks' time. */
const REISSUE_DELAY = 60;
const DAY = 86_400;
const TIERS = 4;
const BENEFITS = 3;
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
  const slugs = Array.from({ length: SLUGS }, (_, index) => `edition-${index + 1}`);
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
    // As the registry derives them: the brand's number and the role's.
    const roleIds = Object.values(roles).map((role) => roleId(brandId, role));
    return [
      toRegistry(CONSORTIUM, "admitBrand", account(ADMIN), profile(random)),
      ...roleIds.map((role) => toRegistry(ADMIN, "grantRole", role, account(CLERK))),
    ];
  }

  const roleIds = new Map<string, string>();
  for (let brandId = 1; brandId <= MAX_BRANDS; brandId++) {
    for (const role of Object.values(BRAND_ROLE)) {
      const question = brandRegistryInterface.encodeFunctionData("roleId", [brandId, role]);
      roleIds.set(`${brandId}/${role}`, await chain.call(registry, question));
    }
  }
  const roleId = (brandId: number, role: number) => roleIds.get(`${brandId}/${role}`) as string;

  function create(slug: string, brandId: number, reissueDelay: number): Sending {
    const request = { brandId, slug, name: slug, symbol: "CARD", maxSupply: MAX_SUPPLY, burnAuth: 2, reissueDelay };
    return toRegistry(ADMIN, "createCollection", request);
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
    return toCollection(CLERK, collection, "issue", firstSerial, some, terms, random.hex(32));
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
        const { random, timestamp } = scene;
        const address = someCollection(scene)?.terms.collection;
        const terms = random.weighted([
          [1, { quota: 0, period: 0, startsAt: 0 }],
          [3, { quota: random.between(1, 3), period: random.pick([30, DAY]), startsAt: timestamp - DAY }],
          [2, { quota: 4_294_967_295, period: 0, startsAt: 0 }],
        ]);
        const [tier, benefitId] = [random.below(TIERS), random.between(1, BENEFITS)];
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
        const redemption = { serial, benefitId, number, generation: card.generation, deadline: timestamp + DAY };
        const signature = await (wallets.get(card.holder) as HDNodeWallet).signTypedData(
          { name: "MembershipCollection", version: "1", chainId, verifyingContract: address },
          { Redemption: SIGNED_TYPES.Redemption },
          redemption,
        );
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
      0.15,
      (scene) => {
        const address = someCollection(scene)?.terms.collection;
        const method = scene.random.pick(["freezeContent", "freezeBenefits", "startWindDown"]);
        return address === undefined ? undefined : [toCollection(ADMIN, address, method)];
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
        const slug = slugs.find((candidate) => !taken.has(candidate));
        const brands = [...ledger.brands.keys()];
        if (slug === undefined || brands.length === 0) return undefined;
        const created = create(slug, random.pick(brands), random.chance(0.5) ? 0 : REISSUE_DELAY);
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
        const active = [...ledger.brands].filter(([, status]) => status === "Active");
        if (active.length < 2) return undefined;
        return [toRegistry(CONSORTIUM, "suspendBrand", random.pick(active)[0], random.hex(32))];
      },
    ],
    [
      2,
      ({ random, ledger }) => {
        const suspended = [...ledger.brands].filter(([, status]) => status === "Suspended");
        return suspended.length === 0
          ? undefined
          : [toRegistry(CONSORTIUM, "reinstateBrand", random.pick(suspended)[0])];
      },
    ],
    [
      0.5,
      ({ random, ledger }) => {
        const brands = [...ledger.brands.keys()];
        if (brands.length === 0) return undefined;
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
        toRegistry(CONSORTIUM, "admitBrand", account(ADMIN), {
          ...{ name: `Brand ${brandId}`, legalName: `Brand ${brandId} Co., Ltd.`, domain: "brand.example" },
          ...{ filingNumber: "", profileURI: "", profileHash: ZeroHash },
        }),
        ...[BRAND_ROLE.Issuer, BRAND_ROLE.Steward, BRAND_ROLE.Staff].map((role) =>
          toRegistry(ADMIN, "grantRole", roleId(brandId, role), account(CLERK)),
        ),
      ]),
      [create(slugs[0] as string, 1, 0), create(slugs[1] as string, 2, REISSUE_DELAY)],
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
