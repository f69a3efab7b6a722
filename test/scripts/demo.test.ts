import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Contract } from "ethers";
import { seedDemo } from "../../scripts/demo.ts";
import { membershipCollectionInterface } from "../../server/chain/abi.ts";
import { DEMO_PASSPHRASE, openKeystore } from "../../server/issuance/keystore.ts";
import { startTestChain, type TestChain } from "../support/chain.ts";

const FREE = { maxFeePerGas: 0, maxPriorityFeePerGas: 0 };

describe("the demo data", () => {
  let chain: TestChain;
  let dataFolder: string;

  before(async () => {
    dataFolder = mkdtempSync(join(tmpdir(), "mintmark-demo-"));
    chain = await startTestChain();
  });

  after(async () => {
    await chain.close();
    rmSync(dataFolder, { recursive: true, force: true });
  });

  const seed = (onProgress?: (text: string) => void) =>
    seedDemo({
      rpcUrl: chain.rpcUrl,
      deployment: chain.deployment,
      dataFolder,
      cardBaseURI: "http://127.0.0.1:3000/metadata/",
      ...(onProgress === undefined ? {} : { onProgress }),
    });

  const collectionOf = async (slug: string) => {
    const address = await chain.registry.getFunction("collectionOf")(slug);
    return new Contract(address, membershipCollectionInterface, chain.provider);
  };
  const issued = async (slug: string) => Number(await (await collectionOf(slug)).getFunction("issuedCount")());

  it("is complete however often it was broken off, and is not seeded twice", async () => {
    const steps: string[] = [];
    for (;;) {
      try {
        await seed((text) => {
          steps.push(text);
          throw new Error("broken off");
        });
        break;
      } catch (error) {
        expect(error).to.have.property("message", "broken off");
      }
    }
    expect(new Set(steps)).to.have.property("size", steps.length);
    const head = await chain.provider.getBlockNumber();
    expect(await seed()).to.deep.equal([]);
    expect(await chain.provider.getBlockNumber()).to.equal(head);
    expect(Number(await chain.registry.getFunction("brandCount")())).to.equal(2);
    expect(
      await Promise.all(["noirance-preview", "noirance-black", "lanting-river", "lanting-garden"].map(issued)),
    ).to.deep.equal([12, 0, 0, 0]);
  });

  it("gives every tier its benefits, and keeps what a brand has set otherwise", async () => {
    const black = await collectionOf("noirance-black");
    const remaining = async (serial: number, benefitId: number) =>
      Number(await (await collectionOf("noirance-preview")).getFunction("remainingUses")(serial, benefitId));
    // Card 1 is of tier 1, card 7 of tier 2.
    expect(await Promise.all([1, 2, 3].map((benefitId) => remaining(1, benefitId)))).to.deep.equal([
      ...[4_294_967_295, 4_294_967_295, 2],
    ]);
    expect(await remaining(7, 3)).to.equal(4);
    const { period, startsAt } = await black.getFunction("benefitOf")(3, 3);
    const terms = { quota: 0, period, startsAt };
    const { admin } = await openKeystore(join(dataFolder, "keys", "noirance.json"), DEMO_PASSPHRASE);
    await (
      await (black.connect(admin.connect(chain.provider)) as Contract).getFunction("setBenefit")(3, 3, terms, FREE)
    ).wait();
    expect(await seed()).to.deep.equal([]);
    expect(Number((await black.getFunction("benefitOf")(3, 3)).quota)).to.equal(0);
  });

  it("gives the brands new keys where the old ones were deleted", async () => {
    rmSync(join(dataFolder, "keys"), { recursive: true });
    expect(await seed()).to.deep.equal([
      "new administrator of brand 1",
      "issuer of brand 1 appointed",
      "steward of brand 1 appointed",
      "staff of brand 1 appointed",
      "new administrator of brand 2",
      "issuer of brand 2 appointed",
      "steward of brand 2 appointed",
      "staff of brand 2 appointed",
    ]);
    expect(await seed()).to.deep.equal([]);
  });
});
