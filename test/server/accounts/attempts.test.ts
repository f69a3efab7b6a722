import { expect } from "chai";
import { createAttempts } from "../../../server/accounts/attempts.ts";
import { loadSecrets } from "../../../server/accounts/secrets.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";

const LIMIT = { max: 2, seconds: 60 };
const TWO_DAYS_MS = 2 * 86_400_000;

describeOnEachDatabase("attempts", (kind) => {
  it("are counted for their time, also where the clock was ahead and is set right", async () => {
    const created = await kind.create();
    const database = await openDatabase(created.url, { application: true });
    try {
      let now = 1_800_000_000_000 + TWO_DAYS_MS;
      const authSecret = "a secret that only tests know, and everybody else";
      const secrets = loadSecrets({ authSecret, dataKey: undefined, dataFolder: "" });
      const attempts = createAttempts({ database, secrets, now: () => now, steady: () => now });
      const count = () => attempts.count("sign-in", LIMIT);
      expect([await count(), await count(), await count()]).to.deep.equal([0, 0, 60]);
      now -= TWO_DAYS_MS;
      expect([await count(), await count(), await count()]).to.deep.equal([0, 0, 60]);
      now += 59_999;
      expect(await count()).to.equal(1);
      now += 1;
      expect(await count()).to.equal(0);
    } finally {
      await database.$disconnect();
      await created.drop();
    }
  });
});
