import { expect } from "chai";
import { runCommand } from "../support/commands.ts";
import { describeOnEachDatabase } from "../support/databases.ts";
import { addressOf, COLLECTIONS, createMirrorFixture, type MirrorFixture } from "../support/mirror-fixture.ts";

describeOnEachDatabase("npm run reconcile", (kind) => {
  let mirror: MirrorFixture;
  beforeEach(async () => {
    mirror = await createMirrorFixture(kind);
  });
  afterEach(() => mirror.close());
  const reconcile = (options = "") => runCommand(`node scripts/reconcile.ts ${options}`, { DATABASE_URL: mirror.url });

  it("has nothing to say of a database that knows all that the chain has", async () => {
    const { code, output } = await reconcile();
    expect(output)
      .to.match(/^0 cards without an order$/m)
      .and.match(/^0 redemptions without a reservation$/m);
    expect(code).to.equal(0);
  });

  it("lists what nobody here has asked for, and is told what was settled otherwise", async () => {
    const { address, slug } = COLLECTIONS.atelier;
    const holder = addressOf("someone");
    await mirror.database.customer.create({
      data: { id: "cus_1", brandId: 1, reference: "CRM-1", holder, createdAt: 0 },
    });
    for (const [serial, of] of [
      [41, holder],
      [42, addressOf("nobody we know")],
    ] as const) {
      await mirror.database.adoptedCard.create({
        data: {
          ...{ collectionAddress: address, serial, brandId: 1, holder: of, tier: 2, expiresAt: 0 },
          ...{ source: "order", state: "unclaimed", issuedAt: 1_790_000_000, blockNumber: 7 },
          ...{ transactionHash: "0x00", adoptedAt: Date.now() },
        },
      });
    }
    await mirror.database.restore.create({
      data: { at: Date.now(), archiveAt: Date.now() - 3_600_000, blockNumber: 1, details: "{}" },
    });
    const { code, output } = await reconcile();
    expect(output)
      .to.match(/An archive of .* was put back on/)
      .and.match(/^2 cards without an order$/m)
      .and.match(new RegExp(`^  ${slug}/41: customer CRM-1, tier 2, for ever`, "m"))
      .and.match(new RegExp(`^  ${slug}/42: holder 0x[0-9a-f]{40}, no customer of this database`, "m"));
    expect(code).to.equal(1);

    expect((await reconcile(`--release ${slug}/41`)).output)
      .to.match(/^Released: 1\./m)
      .and.match(/^1 cards without/m);
    expect((await reconcile(`--release ${slug}/41`)).output).to.match(/Nothing like that was unclaimed/);
    const all = await reconcile("--release-all --json");
    expect(all.code).to.equal(0);
    expect(all.output).to.match(/"state": "released"/);
    expect((await reconcile("--release 41")).code).to.equal(2);
  });
});
