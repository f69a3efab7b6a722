// How to rebuild all that the contracts keep from their logs: the state of the registry and of its collections is a fold
// over the events of the registry's address and of the collections that it names, in the order of the chain. Besides a log
// only the time of its block is needed.
//
// Must hold: no call is made; every event that the contracts declare stands in one of the switches below, those that
// change nothing too; a log of these contracts that is not understood stops the replay, because what follows would be wrong.

import { type Interface, type LogDescription, toBeHex, ZeroAddress, ZeroHash } from "ethers";

/** A log as every node returns it, with the time of its block. */
export interface ReplayLog {
  /** The contract that reported it. */
  address: string;
  topics: readonly string[];
  data: string;
  /** The block's time, in seconds since the Unix epoch. */
  timestamp: number;
}

/** ICardIssuance, ICardLifecycle and `Card`: what is known of one serial. A serial that was never issued has none. */
export interface CardState {
  /** Who holds the card; for a dead card, who held it last. */
  holder: string;
  /** The time of the block that issued it. A reissue does not change it. */
  issuedAt: number;
  /** 0 if it never expires. */
  expiresAt: number;
  tier: number;
  /** `CardStatus`: 1 active, 2 suspended, 3 revoked, 4 surrendered. */
  status: number;
  /** How often it was reissued. */
  generation: number;
  batchFirstSerial: number;
  /** Of its batch; zero if it has none. */
  commitmentRoot: string;
}

/** `ICardLifecycle.PendingReissue`. */
export interface PendingReissueState {
  to: string;
  readyAt: number;
}

/** `ICardIssuance.Allowlist`. One that was closed, or never opened, is not there. */
export interface AllowlistState {
  issuer: string;
  appointment: number;
  firstSerial: number;
  count: number;
  deadline: number;
}

/** `ICardBenefits.BenefitTerms`. */
export interface BenefitTermsState {
  quota: number;
  period: number;
  startsAt: number;
}

/** `ICardBenefits.BenefitUse`. */
export interface BenefitUseState {
  redemptions: number;
  periodStart: number;
  used: number;
  undone: number;
}

export interface CollectionState {
  brandId: number;
  slug: string;
  name: string;
  symbol: string;
  maxSupply: number;
  burnAuth: number;
  reissueDelay: number;
  highestTier: number;
  longestTerm: number;
  /** How many cards were ever issued. */
  issuedCount: number;
  /** How many are live: `totalSupply`. */
  liveCount: number;
  /** By serial. */
  cards: Map<number, CardState>;
  /** Live cards by holder; a holder that has had none is not there. */
  balances: Map<string, number>;
  /** By serial. */
  pendingReissues: Map<number, PendingReissueState>;
  /** By Merkle root. */
  allowlists: Map<string, AllowlistState>;
  /** By {@link benefitKey} of tier and benefit. */
  benefits: Map<string, BenefitTermsState>;
  /** By {@link benefitKey} of serial and benefit. */
  uses: Map<string, BenefitUseState>;
  benefitsFrozen: boolean;
  /** By `FinalAct`: from when on an announced act can be carried out. */
  announcements: Map<number, number>;
  /** As the brand set it; empty for the registry's own address of the collection. */
  contentURI: string;
  contentHash: string;
  contentFrozen: boolean;
  windingDown: boolean;
}

export interface BrandProfileState {
  name: string;
  legalName: string;
  domain: string;
  filingNumber: string;
  profileURI: string;
  profileHash: string;
}

export interface BrandState {
  /** `IBrandRegistry.BrandStatus`: 1 active, 2 suspended, 3 retired. */
  status: number;
  /** How often all its keys were replaced. */
  keyEpoch: number;
  /** How often it was suspended. */
  suspension: number;
  handle: string;
  profile: BrandProfileState;
}

/** An issuer's daily cap: a bucket that starts full and refills evenly over a day. See {@link availableOf}. */
export interface DailyCapState {
  /** How many cards a day; with 0 the issuer can give nothing. */
  dailyCap: number;
  /** How much was used up at `usedAt`, before any of it came back. */
  used: number;
  usedAt: number;
}

export interface RegistryState {
  /** By brand id, 1 and following. */
  brands: Map<number, BrandState>;
  /** The accounts that were given an AccessControl role, by role id. Of a brand's ids only those of {@link roleIdOf} count. */
  roles: Map<string, Set<string>>;
  /** By {@link appointmentKey} of a brand's present roles: which appointment gives an account the role. */
  appointments: Map<string, number>;
  /** By {@link capKey}. An issuer without a cap is not there. */
  dailyCaps: Map<string, DailyCapState>;
  /** By address, in the order of creation. */
  collections: Map<string, CollectionState>;
  cardBaseURI: string;
  implementation: string;
  collectionFactory: string;
}

export const benefitKey = (tierOrSerial: number, benefitId: number) => `${tierOrSerial}/${benefitId}`;
export const appointmentKey = (brandId: number, role: number, account: string) => `${brandId}/${role}/${account}`;
/** The id of a brand's role under a key epoch: it says what it is. */
export const roleIdOf = (brandId: number, role: number, keyEpoch = 0) =>
  toBeHex((BigInt(brandId) << 64n) | (BigInt(keyEpoch) << 32n) | BigInt(role + 1), 32);
export const capKey = (brandId: number, issuer: string) => `${brandId}/${issuer}`;

const DAY = 24 * 60 * 60;
/** How many `BrandRole`s there are. */
const BRAND_ROLES = 4;
/** For so long what has waited can be carried out: a reissue that was requested, an act that was announced. */
const WINDOW = 30 * DAY;

/** From when on something can be carried out; 0 once its time is over. */
export const readyAtOrVoid = (readyAt: number, at: number) => (at > readyAt + WINDOW ? 0 : readyAt);

/** The state of a registry that has not reported anything. */
export function emptyRegistry(): RegistryState {
  return {
    brands: new Map(),
    roles: new Map(),
    appointments: new Map(),
    dailyCaps: new Map(),
    collections: new Map(),
    cardBaseURI: "",
    implementation: ZeroAddress,
    collectionFactory: ZeroAddress,
  };
}

/** How much of a cap is used up at a time: what was used, less what has come back since, in whole cards. */
function usedOf({ dailyCap, used, usedAt }: DailyCapState, at: number): number {
  // In bigints, because an elapsed time times a cap can exceed what a number holds exactly.
  const cameBack = Number((BigInt(at - usedAt) * BigInt(dailyCap)) / BigInt(DAY));
  return Math.max(0, used - cameBack);
}

/** How many cards a capped issuer can issue at a time; nothing for one without a cap, who can issue any number. */
export function availableOf(cap: DailyCapState | undefined, at: number): number | undefined {
  if (cap === undefined) return undefined;
  return Math.max(0, cap.dailyCap - usedOf(cap, at));
}

/** What knows how the contracts' logs are encoded: their ABIs. */
export interface ReplayInterfaces {
  /** The registry's address. */
  registry: string;
  registryInterface: Interface;
  collectionInterface: Interface;
}

/** Folds logs, in the order of the chain, into a state, which it changes. Logs of other contracts are left out. */
export function replay(
  logs: Iterable<ReplayLog>,
  { registry, registryInterface, collectionInterface }: ReplayInterfaces,
  state: RegistryState = emptyRegistry(),
): RegistryState {
  for (const log of logs) {
    // A collection is one because the registry says so, which it does before the collection can report anything.
    const collection = state.collections.get(log.address);
    if (log.address === registry) foldRegistry(state, parse(registryInterface, log), log.timestamp);
    else if (collection !== undefined) foldCollection(collection, parse(collectionInterface, log), log.timestamp);
  }
  return state;
}

function parse(contract: Interface, log: ReplayLog): LogDescription {
  const event = contract.parseLog(log);
  if (event === null) throw new Error(`Unknown log of ${log.address}: ${log.topics[0]}`);
  return event;
}

/** What must be there, or logs are missing or out of order. */
function known<Value>(value: Value | undefined, event: LogDescription): Value {
  if (value === undefined) throw new Error(`${event.name} is about something unknown: ${event.args.join(", ")}`);
  return value;
}

function foldRegistry(state: RegistryState, event: LogDescription, timestamp: number): void {
  const { args } = event;
  const brandId = () => Number(args["brandId"]);
  switch (event.name) {
    case "BrandAdmitted":
      // Its status follows in `BrandStatusChanged`.
      state.brands.set(brandId(), {
        status: 0,
        keyEpoch: 0,
        suspension: 0,
        handle: args["handle"],
        profile: args["profile"].toObject(),
      });
      return;
    case "BrandStatusChanged":
      Object.assign(known(state.brands.get(brandId()), event), {
        status: Number(args["status"]),
        suspension: Number(args["suspension"]),
      });
      return;
    case "BrandKeysReplaced": {
      // Nobody has a role of the brand any more, and no issuer a cap; who has the new epoch's is said next.
      known(state.brands.get(brandId()), event).keyEpoch = Number(args["keyEpoch"]);
      for (const keyed of [state.appointments, state.dailyCaps])
        for (const key of keyed.keys()) if (key.startsWith(`${brandId()}/`)) keyed.delete(key);
      return;
    }
    case "Appointed":
      state.appointments.set(
        appointmentKey(brandId(), Number(args["role"]), args["account"]),
        Number(args["appointment"]),
      );
      return;
    case "BrandProfileChanged":
      known(state.brands.get(brandId()), event).profile = args["profile"].toObject();
      return;
    case "RoleGranted": {
      const accounts = state.roles.get(args["role"]) ?? new Set();
      state.roles.set(args["role"], accounts.add(args["account"]));
      return;
    }
    case "RoleRevoked":
      known(state.roles.get(args["role"]), event).delete(args["account"]);
      for (const [brandId, { keyEpoch }] of state.brands)
        for (let role = 0; role < BRAND_ROLES; ++role)
          if (args["role"] === roleIdOf(brandId, role, keyEpoch))
            state.appointments.delete(appointmentKey(brandId, role, args["account"]));
      return;
    case "DailyCapChanged": {
      const key = capKey(brandId(), args["issuer"]);
      // What came back until now came back at the old rate; while there was no cap, nothing was counted.
      const before = state.dailyCaps.get(key);
      const used = before === undefined ? 0 : usedOf(before, timestamp);
      state.dailyCaps.set(key, { dailyCap: Number(args["dailyCap"]), used, usedAt: timestamp });
      return;
    }
    case "DailyCapLifted":
      state.dailyCaps.delete(capKey(brandId(), args["issuer"]));
      return;
    case "DailyCapUsed": {
      const cap = known(state.dailyCaps.get(capKey(brandId(), args["issuer"])), event);
      Object.assign(cap, { used: Number(args["used"]), usedAt: timestamp });
      return;
    }
    case "CollectionCreated":
      state.collections.set(args["collection"], {
        brandId: brandId(),
        slug: args["slug"],
        name: args["name"],
        symbol: args["symbol"],
        maxSupply: Number(args["maxSupply"]),
        burnAuth: Number(args["burnAuth"]),
        reissueDelay: Number(args["reissueDelay"]),
        highestTier: Number(args["highestTier"]),
        longestTerm: Number(args["longestTerm"]),
        issuedCount: 0,
        liveCount: 0,
        cards: new Map(),
        balances: new Map(),
        pendingReissues: new Map(),
        allowlists: new Map(),
        benefits: new Map(),
        uses: new Map(),
        benefitsFrozen: false,
        announcements: new Map(),
        contentURI: "",
        contentHash: ZeroHash,
        contentFrozen: false,
        windingDown: false,
      });
      return;
    case "CardBaseURIChanged":
      state.cardBaseURI = args["cardBaseURI"];
      return;
    case "Upgraded":
      state.implementation = args["implementation"];
      return;
    case "CollectionFactorySet":
      state.collectionFactory = args["factory"];
      return;
    // That somebody else decides now is said by AccessControl's own events.
    case "HandedOver":
      return;
    default:
      throw new Error(`The replay does not know the registry's event ${event.name}`);
  }
}

/** Numbers of `FinalAct`. */
const FREEZE_CONTENT = 0;
const FREEZE_BENEFITS = 1;
const WIND_DOWN = 2;

/** Numbers of `CardStatus`. */
const ACTIVE = 1;
const SUSPENDED = 2;
const REVOKED = 3;
const SURRENDERED = 4;

function foldCollection(state: CollectionState, event: LogDescription, timestamp: number): void {
  const { args } = event;
  const serial = () => Number(args["serial"]);
  const card = () => known(state.cards.get(serial()), event);
  const count = (account: string, cards: number) => {
    if (account === ZeroAddress) return;
    state.balances.set(account, (state.balances.get(account) ?? 0) + cards);
    state.liveCount += cards;
  };
  switch (event.name) {
    case "Transfer": {
      const { from, to } = args;
      const tokenId = Number(args["tokenId"]);
      count(from, -1);
      count(to, 1);
      // A dead card keeps the holder that it had.
      if (to === ZeroAddress) return;
      const card = state.cards.get(tokenId);
      if (card !== undefined) card.holder = to;
      // A new card: what its batch has in common follows in `BatchIssued`, in the same transaction.
      else
        state.cards.set(tokenId, {
          holder: to,
          issuedAt: timestamp,
          expiresAt: 0,
          tier: 0,
          status: ACTIVE,
          generation: 0,
          batchFirstSerial: tokenId,
          commitmentRoot: ZeroHash,
        });
      return;
    }
    case "BatchIssued": {
      const firstSerial = Number(args["firstSerial"]);
      const size = Number(args["count"]);
      state.issuedCount += size;
      for (let serial = firstSerial; serial < firstSerial + size; ++serial)
        Object.assign(known(state.cards.get(serial), event), {
          tier: Number(args["tier"]),
          expiresAt: Number(args["expiresAt"]),
          batchFirstSerial: firstSerial,
          commitmentRoot: args["commitmentRoot"],
        });
      return;
    }
    case "AllowlistOpened":
      state.allowlists.set(args["root"], {
        issuer: args["issuer"],
        appointment: Number(args["appointment"]),
        firstSerial: Number(args["firstSerial"]),
        count: Number(args["count"]),
        deadline: Number(args["deadline"]),
      });
      return;
    case "AllowlistClosed":
      state.allowlists.delete(args["root"]);
      return;
    case "CardRenewed":
      card().expiresAt = Number(args["expiresAt"]);
      return;
    case "CardTierChanged":
      card().tier = Number(args["tier"]);
      return;
    case "CardCorrected":
      Object.assign(card(), { tier: Number(args["tier"]), expiresAt: Number(args["expiresAt"]) });
      return;
    case "CardSuspended":
      card().status = SUSPENDED;
      return;
    case "CardReinstated":
      card().status = ACTIVE;
      return;
    case "CardRevoked":
      card().status = REVOKED;
      // A dead card cannot be reissued: what was pending is void.
      state.pendingReissues.delete(serial());
      return;
    case "CardSurrendered":
      card().status = SURRENDERED;
      state.pendingReissues.delete(serial());
      return;
    case "ReissueRequested":
      // Without a delay nothing is pending: the card changes hands in the same transaction.
      if (state.reissueDelay > 0)
        state.pendingReissues.set(serial(), { to: args["to"], readyAt: Number(args["readyAt"]) });
      return;
    case "ReissueCancelled":
      state.pendingReissues.delete(serial());
      return;
    case "CardReissued":
      card().generation = Number(args["generation"]);
      state.pendingReissues.delete(serial());
      return;
    case "BenefitChanged":
      state.benefits.set(benefitKey(Number(args["tier"]), Number(args["benefitId"])), {
        quota: Number(args["quota"]),
        period: Number(args["period"]),
        startsAt: Number(args["startsAt"]),
      });
      return;
    case "BenefitRedeemed": {
      const key = benefitKey(serial(), Number(args["benefitId"]));
      const before = state.uses.get(key);
      const periodStart = Number(args["periodStart"]);
      state.uses.set(key, {
        redemptions: Number(args["number"]),
        periodStart,
        used: Number(args["used"]),
        // What was undone is counted for the period that the last redemption was counted in.
        undone: before?.periodStart === periodStart ? before.undone : 0,
      });
      return;
    }
    case "RedemptionUndone": {
      const use = known(state.uses.get(benefitKey(serial(), Number(args["benefitId"]))), event);
      use.used = Number(args["used"]);
      use.undone += 1;
      return;
    }
    case "FinalActAnnounced":
      state.announcements.set(Number(args["act"]), Number(args["readyAt"]));
      return;
    case "FinalActCancelled":
      state.announcements.delete(Number(args["act"]));
      return;
    case "BenefitsFrozen":
      state.announcements.delete(FREEZE_BENEFITS);
      state.benefitsFrozen = true;
      return;
    case "ContentChanged":
      state.contentURI = args["contractURI"];
      state.contentHash = args["contentHash"];
      return;
    case "ContentFrozen":
      state.announcements.delete(FREEZE_CONTENT);
      state.contentFrozen = true;
      return;
    case "WindDownStarted":
      state.announcements.delete(WIND_DOWN);
      state.windingDown = true;
      return;
    // Standards ask for these. They say nothing that the others do not.
    case "Locked": // ERC-5192
    case "Issued": // ERC-5484
    case "MetadataUpdate": // ERC-4906
    case "BatchMetadataUpdate": // ERC-4906
    case "ContractURIUpdated": // ERC-7572
      return;
    default:
      throw new Error(`The replay does not know the collection's event ${event.name}`);
  }
}
