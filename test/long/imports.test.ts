// The server is killed at random moments while it checks an uploaded spreadsheet and issues its cards; in the end each line is one
// card on the chain. A failure prints the seed: IMPORT_SEED=<seed> npm test -- test/long/imports.test.ts

import { expect } from "chai";
import { runImport } from "../../scripts/bench/import.ts";
import { describeOnEachDatabase, sqlite } from "../support/databases.ts";
import { seedFrom } from "../support/random.ts";

describeOnEachDatabase("an import whose server is killed again and again", (kind) => {
  it("loses no line and issues none twice", async () => {
    const seed = seedFrom("IMPORT_SEED");
    const { faults, kills } = await runImport({
      kind: { create: () => kind.createEmpty() },
      lines: 3_000,
      kills: kind === sqlite ? 6 : 3,
      killWithinMs: 1_500,
      seed,
      blockSeconds: 0,
    });
    expect(faults, `IMPORT_SEED=${seed}, killed ${kills} times`).to.deep.equal([]);
    expect(kills).to.be.at.least(2);
  });
});
