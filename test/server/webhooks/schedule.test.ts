// When it is tried again.

import { expect } from "chai";
import { parseRetryAfter, RETRY_DELAYS_MS, retryDelay } from "../../../server/webhooks/schedule.ts";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 21);

describe("the schedule of webhooks", () => {
  it("takes ten attempts about three days", () => {
    const total = RETRY_DELAYS_MS.reduce((sum, delay) => sum + delay, 0);
    expect(RETRY_DELAYS_MS).to.have.length(9);
    expect(total / HOUR).to.be.within(72, 76);
    expect(RETRY_DELAYS_MS).to.deep.equal(RETRY_DELAYS_MS.toSorted((a, b) => a - b));
    expect(retryDelay(RETRY_DELAYS_MS, 10, undefined, () => 0.5)).to.equal(undefined);
  });

  it("spreads what has failed together", () => {
    expect(retryDelay([1_000], 1, undefined, () => 0)).to.equal(800);
    expect(retryDelay([1_000], 1, undefined, () => 0.5)).to.equal(1_000);
    expect(retryDelay([1_000], 1, undefined, () => 1)).to.equal(1_200);
  });

  it("waits as long as was asked for, and not less than its own wait", () => {
    expect(retryDelay([1_000], 1, 5_000, () => 0.5)).to.equal(5_000);
    expect(retryDelay([10_000], 1, 5_000, () => 0.5)).to.equal(10_000);
  });

  it("understands Retry-After within bounds, and nothing else", () => {
    const cases: [string | undefined, number | undefined][] = [
      [undefined, undefined],
      ["", undefined],
      ["soon", undefined],
      ["-5", 0],
      ["0", 0],
      ["120", 120_000],
      ["99999999", HOUR],
      [new Date(NOW + 60_000).toUTCString(), 60_000],
      [new Date(NOW - 60_000).toUTCString(), 0],
      [new Date(NOW + 9 * HOUR).toUTCString(), HOUR],
    ];
    for (const [value, expected] of cases) expect(parseRetryAfter(value, NOW), String(value)).to.equal(expected);
  });
});
