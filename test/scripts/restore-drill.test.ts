// The short slice of test/long/restore.test.ts: one archive put back while orders come.

import { expect } from "chai";
import { bringDatabases } from "../../scripts/bench/world/databases.ts";
import { simulateRestores } from "../simulation/restores/run.ts";
import { seedFrom } from "../support/random.ts";

describe("an archive put back while orders come", () => {
  it("leaves no card twice, and none that has no order and is not listed", async () => {
    const seed = seedFrom("RESTORE_SEED");
    const { kinds } = await bringDatabases(["sqlite"]);
    const [kind] = kinds;
    if (kind === undefined) throw new Error("SQLite is always there");
    const { wrong } = await simulateRestores({ seed, rounds: 1, kind });
    expect(wrong, `Repeat it with RESTORE_SEED=${seed}`).to.deep.equal([]);
  });
});
