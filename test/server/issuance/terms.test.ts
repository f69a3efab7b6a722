import { expect } from "chai";
import { UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import { termTooLong, undeclaredTier } from "../../../server/issuance/terms.ts";

const DAY = 86_400;
const NOW = Date.UTC(2026, 0, 1) / 1000;
const terms = { highestTier: 3, longestTerm: 365 * DAY };

describe("what a collection has declared", () => {
  it("are its tiers, from 0 to the highest", () => {
    for (const tier of [0, 1, 3]) expect(undeclaredTier(tier, terms)).to.equal(undefined);
    expect(undeclaredTier(4, terms)).to.equal("is not a tier of this collection, whose cards have the tiers 0 to 3");
    expect(undeclaredTier(1, { ...terms, highestTier: 0 })).to.contain("only the tier 0");
  });

  it("is how long a card may be valid from now, to the second", () => {
    for (const expiresAt of [NOW + 1, NOW + 365 * DAY]) expect(termTooLong(expiresAt, terms, NOW)).to.equal(undefined);
    expect(termTooLong(NOW + 365 * DAY + 1, terms, NOW)).to.equal(
      "is too late: a card of this collection is valid for at most 365 days, now until 2027-01-01T00:00:00Z",
    );
    expect(termTooLong(0, terms, NOW)).to.contain("has no end");
    expect(termTooLong(0, { ...terms, longestTerm: 90 }, NOW)).to.contain("at most 90 seconds");
    for (const expiresAt of [0, 2 ** 32 - 1])
      expect(termTooLong(expiresAt, { ...terms, longestTerm: UNLIMITED_TERM }, NOW)).to.equal(undefined);
  });
});
