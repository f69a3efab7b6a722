import { expect } from "chai";
import type { CardEvent } from "../../../server/chain/events.ts";
import { type CardState, FoldError, fold } from "../../../server/indexer/fold.ts";

const POSITION = {
  blockNumber: 9,
  blockHash: `0x${"b".repeat(64)}`,
  blockTimestamp: 1_700_000_000,
  transactionHash: `0x${"a".repeat(64)}`,
  address: `0x${"c".repeat(40)}`,
};
const ZERO = `0x${"0".repeat(40)}`;
const HOLDER = `0x${"1".repeat(40)}`;

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
  args: { firstSerial: 1, count: 10, tier: 4, expiresAt: 1_900_000_000, commitmentRoot: `0x${"0".repeat(64)}` },
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

  it("refuses every event that cannot follow", () => {
    const card = fold(undefined, transfer);
    const impossible: [CardState | undefined, CardEvent][] = [
      [card, transfer],
      [undefined, { ...transfer, args: { ...transfer.args, from: HOLDER } }],
      [card, { ...transfer, args: { ...transfer.args, from: HOLDER } }],
      [undefined, locked],
      [undefined, issued],
      [undefined, batch],
      [card, { ...batch, blockNumber: 10 }],
    ];
    for (const [before, event] of impossible) expect(() => fold(before, event)).to.throw(FoldError, "cannot happen");
  });
});
