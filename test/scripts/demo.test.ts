import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Contract } from "ethers";
import { seedDemo } from "../../scripts/demo.ts";
import { membershipCollectionInterface } from "../../server/chain/abi.ts";
import { startTestChain, type TestChain } from "../support/chain.ts";

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

  const issued = async (slug: string) => {
    const address = await chain.registry.getFunction("collectionOf")(slug);
    const collection = new Contract(address, membershipCollectionInterface, chain.provider);
    return Number(await collection.getFunction("issuedCount")());
  };

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

  it("gives the brands new keys where the old ones were deleted", async () => {
    rmSync(join(dataFolder, "keys"), { recursive: true });
    expect(await seed()).to.deep.equal([
      "new administrator of brand 1",
      "issuer of brand 1 appointed",
      "steward of brand 1 appointed",
      "new administrator of brand 2",
      "issuer of brand 2 appointed",
      "steward of brand 2 appointed",
    ]);
    expect(await seed()).to.deep.equal([]);
  });
});
