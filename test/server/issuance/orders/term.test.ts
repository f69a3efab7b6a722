import { expect } from "chai";
import { expiryOfTerm, TERM_PATTERN } from "../../../../server/issuance/orders/term.ts";

const SHANGHAI = "Asia/Shanghai";

/** When a card expires that is sold at a moment, as text. */
function expiry(term: string | null, soldAt: string, timeZone = SHANGHAI): string | undefined {
  const expiresAt = expiryOfTerm(term, Date.parse(soldAt), timeZone);
  return expiresAt === undefined ? undefined : new Date(expiresAt * 1000).toISOString().replace(".000Z", "Z");
}

describe("terms of cards", () => {
  it("for ever are 0", () => {
    expect(expiryOfTerm(null, Date.parse("2026-11-20T08:30:00Z"), SHANGHAI)).to.equal(0);
  });

  it("end with the last day, where the brand is", () => {
    // Until the end of 20 November 2027 in Shanghai.
    expect(expiry("P1Y", "2026-11-20T08:30:00Z")).to.equal("2027-11-20T16:00:00Z");
    expect(expiry("P1Y", "2026-11-20T08:30:00Z", "Europe/Paris")).to.equal("2027-11-20T23:00:00Z");
    expect(expiry("P6M", "2026-11-20T08:30:00Z")).to.equal("2027-05-20T16:00:00Z");
    expect(expiry("P4W", "2026-11-20T08:30:00Z")).to.equal("2026-12-18T16:00:00Z");
    expect(expiry("P1D", "2026-11-20T08:30:00Z")).to.equal("2026-11-21T16:00:00Z");
  });

  it("begin with the day that it is where the brand is", () => {
    // 16:00 in UTC is midnight in Shanghai, and still the day before in Honolulu.
    expect(expiry("P1D", "2026-11-20T15:59:59.999Z")).to.equal("2026-11-21T16:00:00Z");
    expect(expiry("P1D", "2026-11-20T16:00:00Z")).to.equal("2026-11-22T16:00:00Z");
    expect(expiry("P1D", "2026-11-20T09:59:59Z", "Pacific/Honolulu")).to.equal("2026-11-21T10:00:00Z");
    expect(expiry("P1D", "2026-11-20T10:00:00Z", "Pacific/Honolulu")).to.equal("2026-11-22T10:00:00Z");
    expect(expiry("P1D", "2026-12-31T16:00:00Z")).to.equal("2027-01-02T16:00:00Z");
  });

  it("that are sold on one day end at one moment, so that one batch can issue them", () => {
    expect(expiry("P1Y", "2026-11-19T16:00:00Z")).to.equal(expiry("P1Y", "2026-11-20T15:59:59.999Z"));
  });

  it("of a day that the month does not have end with the month", () => {
    expect(expiry("P1M", "2027-01-31T04:00:00Z")).to.equal("2027-02-28T16:00:00Z");
    expect(expiry("P1M", "2028-01-31T04:00:00Z")).to.equal("2028-02-29T16:00:00Z");
    expect(expiry("P3M", "2026-11-30T04:00:00Z")).to.equal("2027-02-28T16:00:00Z");
    expect(expiry("P1M", "2026-10-31T04:00:00Z")).to.equal("2026-11-30T16:00:00Z");
    expect(expiry("P1Y", "2028-02-29T04:00:00Z")).to.equal("2029-02-28T16:00:00Z");
    expect(expiry("P4Y", "2028-02-29T04:00:00Z")).to.equal("2032-02-29T16:00:00Z");
    expect(expiry("P12M", "2026-12-31T04:00:00Z")).to.equal("2027-12-31T16:00:00Z");
    // 2100 is no leap year.
    expect(expiry("P4Y", "2096-02-29T04:00:00Z")).to.equal("2100-02-28T16:00:00Z");
  });

  it("end at midnight by the clock of that day, whatever the clock is on the first", () => {
    expect(expiry("P6M", "2026-11-20T08:30:00Z", "Europe/Paris")).to.equal("2027-05-20T22:00:00Z");
    expect(expiry("P6M", "2026-05-20T08:30:00Z", "Europe/Paris")).to.equal("2026-11-20T23:00:00Z");
    // Where the clocks are put forward at midnight, the day after begins at one.
    expect(expiry("P1D", "2018-11-02T12:00:00Z", "America/Sao_Paulo")).to.equal("2018-11-04T03:00:00Z");
  });

  it("end in February 2106 at the latest, which is all that a card can say", () => {
    expect(expiry("P79Y", "2027-02-06T04:00:00Z")).to.equal("2106-02-06T16:00:00Z");
    expect(expiry("P79Y", "2027-02-07T04:00:00Z")).to.equal(undefined);
    expect(expiry("P9999Y", "2026-11-20T08:30:00Z")).to.equal(undefined);
    expect(expiry("P9999M", "2026-11-20T08:30:00Z")).to.equal(undefined);
    expect(expiry("P9999W", "2026-11-20T08:30:00Z")).to.equal(undefined);
    expect(expiry("P9999D", "2026-11-20T08:30:00Z")).to.equal("2054-04-06T16:00:00Z");
  });

  it("are of one unit and at least one", () => {
    for (const term of ["P1Y", "P12M", "P52W", "P365D", "P9999D"]) expect(TERM_PATTERN.test(term), term).to.equal(true);
    for (const term of [
      "",
      "P",
      "P0D",
      "P01Y",
      "P1",
      "1Y",
      "p1y",
      "P1Y6M",
      "P-1Y",
      "P1.5Y",
      "P10000D",
      "PT1H",
      "P1Y\n",
    ])
      expect(TERM_PATTERN.test(term), JSON.stringify(term)).to.equal(false);
  });
});
