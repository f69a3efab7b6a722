import { expect } from "chai";
import { addresses, collectionFixture, ethers, NO_REFERENCE, networkHelpers } from "./fixture.ts";

const DAY = 24 * 60 * 60;

describe("BrandRegistry, a daily cap that was lifted for a while", () => {
  it("comes back over the day, whether a cap stands or not", async () => {
    const { registry, collection, admin, issuer } = await collectionFixture();
    await registry.connect(admin).setDailyCap(1, issuer, 10);
    await collection.connect(issuer).issue(1, addresses(10), { tier: 1, expiresAt: 0 }, ethers.ZeroHash, NO_REFERENCE);
    await registry.connect(admin).liftDailyCap(1, issuer);
    await networkHelpers.time.increase(7 * DAY);
    await registry.connect(admin).setDailyCap(1, issuer, 10);
    // What was used a week ago has come back long since.
    expect(await registry.dailyCapOf(1, issuer)).to.deep.equal([true, 10n, 10n]);
  });
});
