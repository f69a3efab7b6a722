import { expect } from "chai";
import {
  type BrandEvent,
  type CardEvent,
  type CollectionEvent,
  type EventArguments,
  isBurn,
} from "../../../server/chain/events.ts";
import {
  type BrandState,
  type CardState,
  type CollectionState,
  FoldError,
  fold,
  foldBrand,
  foldCollection,
} from "../../../server/indexer/fold.ts";

const POSITION = {
  blockNumber: 9,
  blockHash: `0x${"b".repeat(64)}`,
  blockTimestamp: 1_700_000_000,
  transactionHash: `0x${"a".repeat(64)}`,
  address: `0x${"c".repeat(40)}`,
};
const ZERO = `0x${"0".repeat(40)}`;
const HOLDER = `0x${"1".repeat(40)}`;
const OTHER = `0x${"2".repeat(40)}`;
const ZERO_HASH = `0x${"0".repeat(64)}`;
const OTHER_HASH = `0x${"d".repeat(64)}`;

const transfer: CardEvent = { ...POSITION, logIndex: 0, name: "Transfer", args: { from: ZERO, to: HOLDER, serial: 5 } };
const locked: CardEvent = { ...POSITION, logIndex: 1, name: "Locked", args: { serial: 5 } };
const issued: CardEvent = {
  ...POSITION,
  logIndex: 2,
  name: "Issued",
  args: { from: HOLDER, to: HOLDER, serial: 5, burnAuth: "Both" },
};
const batch: CardEvent = {
  ...POSITION,
  logIndex: 3,
  name: "BatchIssued",
  args: {
    firstSerial: 1,
    count: 10,
    tier: 4,
    expiresAt: 1_900_000_000,
    commitmentRoot: ZERO_HASH,
    batchReference: OTHER_HASH,
  },
};

describe("fold", () => {
  it("makes a card of its four events", () => {
    const card = [transfer, locked, issued, batch].reduce<CardState | undefined>(fold, undefined);
    expect(card).to.deep.equal({
      holder: HOLDER,
      tier: 4,
      status: "Active",
      issuedAt: 1_700_000_000,
      expiresAt: 1_900_000_000,
      generation: 0,
      reissueTo: null,
      reissueReadyAt: null,
      blockNumber: 9,
      logIndex: 3,
    });
  });

  it("changes neither the card nor the event that it is given", () => {
    const card = Object.freeze(fold(undefined, Object.freeze(transfer)));
    const before = structuredClone(card);
    fold(card, Object.freeze(batch));
    expect(card).to.deep.equal(before);
  });

  it("follows a card through its life", () => {
    let logIndex = 3;
    const next = <Name extends CardEvent["name"]>(name: Name, args: Omit<EventArguments[Name], "serial">) =>
      ({ ...POSITION, blockNumber: 10, logIndex: ++logIndex, name, args: { serial: 5, ...args } }) as CardEvent;
    const life: [CardEvent, Partial<CardState>][] = [
      [next("CardRenewed", { expiresAt: 2_000_000_000 }), { expiresAt: 2_000_000_000 }],
      [next("CardTierChanged", { tier: 7 }), { tier: 7 }],
      [
        next("CardCorrected", { tier: 6, expiresAt: 1_950_000_000, reason: ZERO_HASH }),
        { tier: 6, expiresAt: 1_950_000_000 },
      ],
      [next("BenefitRedeemed", { benefitId: 1, staff: OTHER, number: 1, periodStart: 1_699_920_000, used: 1 }), {}],
      [next("CardSuspended", { reason: ZERO_HASH }), { status: "Suspended" }],
      // What was redeemed before the card was suspended can be undone nevertheless.
      [next("RedemptionUndone", { benefitId: 1, staff: OTHER, number: 1, used: 0, reason: ZERO_HASH }), {}],
      [
        next("ReissueRequested", { to: OTHER, reason: ZERO_HASH, readyAt: 1_700_600_000 }),
        { reissueTo: OTHER, reissueReadyAt: 1_700_600_000 },
      ],
      [next("ReissueCancelled", { to: OTHER, vetoed: true }), { reissueTo: null, reissueReadyAt: null }],
      [
        next("ReissueRequested", { to: OTHER, reason: ZERO_HASH, readyAt: 1_700_700_000 }),
        { reissueTo: OTHER, reissueReadyAt: 1_700_700_000 },
      ],
      [next("Transfer", { from: HOLDER, to: ZERO }), {}],
      [next("Transfer", { from: ZERO, to: OTHER }), { holder: OTHER }],
      [next("Locked", {}), {}],
      [next("Issued", { from: HOLDER, to: OTHER, burnAuth: "Both" }), {}],
      [
        next("CardReissued", { from: HOLDER, to: OTHER, generation: 1 }),
        { generation: 1, reissueTo: null, reissueReadyAt: null },
      ],
      [next("CardReinstated", {}), { status: "Active" }],
      [next("Transfer", { from: OTHER, to: ZERO }), {}],
      [next("CardSurrendered", { holder: OTHER }), { status: "Surrendered" }],
    ];
    let card = [transfer, locked, issued, batch].reduce<CardState | undefined>(fold, undefined) as CardState;
    for (const [event, change] of life) {
      const untouched = ["Locked", "Issued"].includes(event.name) || (event.name === "Transfer" && isBurn(event.args));
      const position = untouched ? {} : { blockNumber: 10, logIndex: event.logIndex };
      const expected = { ...card, ...change, ...position };
      card = fold(card, event);
      expect(card, event.name).to.deep.equal(expected);
    }
    for (const [event] of life) expect(() => fold(card, event), `${event.name} after death`).to.throw(FoldError);
  });

  it("refuses every event that cannot follow", () => {
    const card = fold(undefined, transfer);
    const suspended: CardState = { ...card, status: "Suspended" };
    const pending: CardState = { ...card, reissueTo: OTHER, reissueReadyAt: 1 };
    const of = <Name extends CardEvent["name"]>(name: Name, args: Omit<EventArguments[Name], "serial">) =>
      ({ ...POSITION, logIndex: 9, name, args: { serial: 5, ...args } }) as CardEvent;
    const impossible: [CardState | undefined, CardEvent][] = [
      [card, transfer],
      [undefined, { ...transfer, args: { ...transfer.args, from: HOLDER } }],
      [card, { ...transfer, args: { ...transfer.args, from: HOLDER } }],
      [undefined, locked],
      [undefined, issued],
      [undefined, batch],
      [card, { ...batch, blockNumber: 10 }],
      [undefined, of("CardRenewed", { expiresAt: 1 })],
      [undefined, of("CardCorrected", { tier: 1, expiresAt: 1, reason: ZERO_HASH })],
      [card, of("Transfer", { from: OTHER, to: ZERO })],
      [pending, of("Transfer", { from: ZERO, to: HOLDER })],
      [suspended, of("CardSuspended", { reason: ZERO_HASH })],
      [suspended, of("BenefitRedeemed", { benefitId: 1, staff: OTHER, number: 1, periodStart: 0, used: 1 })],
      [undefined, of("RedemptionUndone", { benefitId: 1, staff: OTHER, number: 1, used: 0, reason: ZERO_HASH })],
      [card, of("CardReinstated", {})],
      [card, of("CardSurrendered", { holder: OTHER })],
      [card, of("ReissueCancelled", { to: OTHER, vetoed: false })],
      [card, of("CardReissued", { from: OTHER, to: HOLDER, generation: 2 })],
      [card, of("CardReissued", { from: HOLDER, to: OTHER, generation: 1 })],
    ];
    for (const [before, event] of impossible) expect(() => fold(before, event)).to.throw(FoldError, "cannot happen");
  });
});

describe("foldBrand", () => {
  const profile = {
    name: "N",
    legalName: "N Ltd.",
    domain: "n.example",
    filingNumber: "",
    profileUri: "",
    profileHash: "",
  };
  const at = { ...POSITION, logIndex: 0 };
  const admitted: BrandEvent = {
    ...at,
    name: "BrandAdmitted",
    args: { brandId: 1, admin: HOLDER, handle: "n-n", ...profile },
  };
  const { blockNumber, transactionHash } = POSITION;

  it("follows a brand through its life", () => {
    const events: BrandEvent[] = [
      admitted,
      { ...at, name: "BrandStatusChanged", args: { brandId: 1, status: "Active", suspension: 0, reason: ZERO_HASH } },
      { ...at, name: "BrandProfileChanged", args: { brandId: 1, ...profile, name: "M" } },
      {
        ...at,
        name: "BrandStatusChanged",
        args: { brandId: 1, status: "Suspended", suspension: 1, reason: ZERO_HASH },
      },
      { ...at, name: "BrandKeysReplaced", args: { brandId: 1, keyEpoch: 1, admin: OTHER } },
    ];
    const brand = events.reduce<BrandState | undefined>(foldBrand, undefined);
    expect(brand).to.deep.equal({
      ...profile,
      name: "M",
      status: "Suspended",
      handle: "n-n",
      keyEpoch: 1,
      suspension: 1,
      blockNumber,
      transactionHash,
    });
  });

  it("refuses every event that cannot follow", () => {
    const brand = foldBrand(undefined, admitted);
    const changed: BrandEvent = { ...at, name: "BrandProfileChanged", args: { brandId: 1, ...profile } };
    expect(() => foldBrand(brand, admitted)).to.throw(FoldError, "cannot happen");
    expect(() => foldBrand(undefined, changed)).to.throw(FoldError, "cannot happen");
  });
});

describe("foldCollection", () => {
  const at = { ...POSITION, logIndex: 0 };
  const terms = {
    brandId: 1,
    slug: "s",
    name: "S",
    symbol: "S",
    maxSupply: 9,
    reissueDelay: 60,
    highestTier: 3,
    longestTerm: 60,
  };
  const created: CollectionEvent = {
    ...at,
    name: "CollectionCreated",
    args: { collection: POSITION.address, burnAuth: "Both", ...terms },
  };

  it("follows a collection through its life", () => {
    const events: CollectionEvent[] = [
      created,
      { ...at, name: "ContentChanged", args: { contractUri: "ipfs://x", contentHash: OTHER_HASH } },
      { ...at, name: "ContentFrozen", args: {} },
      { ...at, name: "BenefitsFrozen", args: {} },
      { ...at, name: "WindDownStarted", args: {} },
    ];
    expect(events.reduce<CollectionState | undefined>(foldCollection, undefined)).to.deep.equal({
      ...terms,
      burnAuth: "Both",
      contractUri: "ipfs://x",
      contentHash: OTHER_HASH,
      contentFrozen: true,
      benefitsFrozen: true,
      windingDown: true,
      blockNumber: POSITION.blockNumber,
      transactionHash: POSITION.transactionHash,
    });
  });

  it("refuses every event that cannot follow", () => {
    const collection = foldCollection(undefined, created);
    expect(() => foldCollection(collection, created)).to.throw(FoldError, "cannot happen");
    expect(() => foldCollection(undefined, { ...at, name: "ContentFrozen", args: {} })).to.throw(FoldError);
  });
});
