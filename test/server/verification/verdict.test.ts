import { expect } from "chai";
import type { BrandStatus, CardStatus } from "../../../server/chain/abi.ts";
import type { MirrorStatus } from "../../../server/database/mirror-status.ts";
import { explainVerdict } from "../../../server/verification/explain.ts";
import {
  type PastVerdictInput,
  pastVerdictOf,
  VERDICT_REASONS,
  type VerdictInput,
  verdictOf,
} from "../../../server/verification/verdict.ts";

const NOW = 1_800_000_000;

function input(
  options: {
    status?: CardStatus;
    expiresAt?: number;
    noCard?: boolean;
    brandStatus?: BrandStatus;
    state?: MirrorStatus["state"];
    lagSeconds?: number | undefined;
  } = {},
): VerdictInput {
  const { status = "Active", expiresAt = 0, brandStatus = "Active", state = "following" } = options;
  return {
    card: options.noCard ? undefined : { status, expiresAt },
    brandStatus,
    now: NOW,
    mirror: { state, lagSeconds: "lagSeconds" in options ? options.lagSeconds : 1 },
    maxLagSeconds: 30,
  };
}

describe("verdict", () => {
  const table: [string, VerdictInput, string, string[]][] = [
    ["an active card", input(), "genuine", ["record-on-chain"]],
    ["one second before expiry", input({ expiresAt: NOW + 1 }), "genuine", ["record-on-chain"]],
    ["at the second of expiry", input({ expiresAt: NOW }), "expired", ["card-expired"]],
    ["a suspended card", input({ status: "Suspended" }), "suspended", ["card-suspended"]],
    ["a suspended brand", input({ brandStatus: "Suspended" }), "suspended", ["brand-suspended"]],
    [
      "both suspended",
      input({ status: "Suspended", brandStatus: "Suspended" }),
      "suspended",
      ["card-suspended", "brand-suspended"],
    ],
    ["suspended before expired", input({ status: "Suspended", expiresAt: 1 }), "suspended", ["card-suspended"]],
    ["a revoked card", input({ status: "Revoked" }), "revoked", ["card-revoked"]],
    [
      "revoked before suspended and expired",
      input({ status: "Revoked", brandStatus: "Suspended", expiresAt: 1 }),
      "revoked",
      ["card-revoked"],
    ],
    ["a surrendered card", input({ status: "Surrendered", expiresAt: 1 }), "surrendered", ["card-surrendered"]],
    ["a card of a retired brand", input({ brandStatus: "Retired" }), "genuine", ["record-on-chain", "brand-retired"]],
    ["no card", input({ noCard: true }), "not-found", ["card-not-issued"]],
    ["a card without a status", input({ status: "None" }), "not-found", ["card-not-issued"]],
    ["a starting mirror", input({ state: "starting" }), "cannot-confirm", ["mirror-starting"]],
    ["a mirror that catches up", input({ state: "catching-up" }), "cannot-confirm", ["mirror-catching-up"]],
    ["a degraded mirror", input({ state: "degraded" }), "cannot-confirm", ["mirror-degraded"]],
    ["the largest lag", input({ lagSeconds: 30 }), "genuine", ["record-on-chain"]],
    ["more than the largest lag", input({ lagSeconds: 30.5 }), "cannot-confirm", ["mirror-lagging"]],
    ["an unknown lag", input({ lagSeconds: undefined }), "cannot-confirm", ["mirror-lagging"]],
  ];
  for (const [name, given, verdict, reasons] of table) {
    it(`of ${name} is ${verdict}`, () => {
      const result = verdictOf(given);
      expect({ verdict: result.verdict, reasons: result.reasons, assurance: result.assurance }).to.deep.equal({
        verdict,
        reasons,
        assurance: "record",
      });
      expect(explainVerdict(result)).to.match(/\w.*\.$/);
    });
  }

  const past = (earliest: number, latest: number, given: Parameters<typeof input>[0] = {}): PastVerdictInput => ({
    ...input(given),
    sealed: { earliest, latest },
  });
  const pastTable: [string, PastVerdictInput, string, string[]][] = [
    ["an active card", past(NOW, NOW), "genuine", ["record-on-chain", "past-block"]],
    ["no card", past(NOW, NOW, { noCard: true }), "not-found", ["card-not-issued", "past-block"]],
    [
      "a block before expiry",
      past(NOW, NOW + 9, { expiresAt: NOW + 10 }),
      "genuine",
      ["record-on-chain", "past-block"],
    ],
    ["a block after expiry", past(NOW, NOW + 9, { expiresAt: NOW }), "expired", ["card-expired", "past-block"]],
    [
      "a block about expiry",
      past(NOW, NOW + 9, { expiresAt: NOW + 9 }),
      "cannot-confirm",
      ["block-time-unknown", "past-block"],
    ],
    [
      "a revoked card about expiry",
      past(NOW, NOW + 9, { status: "Revoked", expiresAt: NOW + 9 }),
      "revoked",
      ["card-revoked", "past-block"],
    ],
    [
      "a mirror that lags",
      past(NOW, NOW, { state: "catching-up", lagSeconds: undefined }),
      "genuine",
      ["record-on-chain", "past-block"],
    ],
    [
      "a degraded mirror",
      past(NOW, NOW, { state: "degraded" }),
      "genuine",
      ["record-on-chain", "past-block", "mirror-degraded"],
    ],
  ];
  for (const [name, given, verdict, reasons] of pastTable) {
    it(`of ${name} in the past is ${verdict}`, () => {
      const result = pastVerdictOf(given);
      expect({ verdict: result.verdict, reasons: result.reasons }).to.deep.equal({ verdict, reasons });
      expect(explainVerdict(result)).to.contain("says nothing about now");
      const confirmed = verdict !== "cannot-confirm";
      expect(result.lastKnown).to.deep.equal(
        confirmed ? undefined : { verdict: "genuine", reasons: ["record-on-chain"] },
      );
    });
  }

  it("carries what was known last when it cannot confirm, and only then", () => {
    const stale = verdictOf(input({ status: "Revoked", state: "degraded" }));
    expect(stale.lastKnown).to.deep.equal({ verdict: "revoked", reasons: ["card-revoked"] });
    expect(explainVerdict(stale)).to.contain("Last known: revoked");
    expect(verdictOf(input({ status: "Revoked" })).lastKnown).to.equal(undefined);
  });

  it("gives every reason that it knows in some case", () => {
    const seen = new Set([
      ...table.flatMap(([, given]) => verdictOf(given).reasons),
      ...pastTable.flatMap(([, given]) => pastVerdictOf(given).reasons),
    ]);
    expect([...seen].sort()).to.deep.equal([...VERDICT_REASONS].sort());
  });
});
