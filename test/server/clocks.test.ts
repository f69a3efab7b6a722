import { expect } from "chai";
import { createSetBackWatch } from "../../server/clocks.ts";

const DAY = 86_400_000;

describe("the watch for a clock that is set back", () => {
  let wall: number;
  let passed: number;
  let looks: number;
  let ask: () => Promise<void>;
  beforeEach(() => {
    wall = 1_000_000;
    passed = 5;
    looks = 0;
    ask = createSetBackWatch({ now: () => wall + passed, steady: () => passed }, async () => void looks++);
  });

  it("looks at first, and then once a minute", async () => {
    for (const [ms, expected] of [
      [0, 1],
      [0, 1],
      [59_999, 1],
      [1, 2],
      [59_999, 2],
      [1, 3],
    ] as const) {
      passed += ms;
      await ask();
      expect(looks).to.equal(expected);
    }
  });

  it("looks at once when the clock was set back, and not when it was set ahead", async () => {
    await ask();
    wall += 2 * DAY;
    await ask();
    expect(looks).to.equal(1);
    wall -= 2 * DAY;
    await ask();
    expect(looks).to.equal(2);
    await ask();
    expect(looks).to.equal(2);
  });

  it("looks again if that has failed", async () => {
    let failing = true;
    const asked = createSetBackWatch({ now: () => wall + passed, steady: () => passed }, async () => {
      looks++;
      if (failing) throw new Error("the database is away");
    });
    for (let round = 0; round < 2; round++) {
      const error = await asked().catch((reason: unknown) => reason);
      expect(error).to.have.property("message", "the database is away");
    }
    failing = false;
    await asked();
    await asked();
    expect(looks).to.equal(3);
  });
});
