import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Contract } from "ethers";
import { ensureRegistry } from "../../scripts/lifecycle/deployment.ts";
import { StartError } from "../../scripts/lifecycle/session.ts";
import { membershipCollectionInterface } from "../../server/chain/abi.ts";
import { writeDeployment } from "../../server/chain/deployment.ts";
import { startTestChain, type TestChain } from "../support/chain.ts";

describe("the registry of a development chain", () => {
  let chain: TestChain;
  let dataFolder: string;

  beforeEach(async () => {
    chain = await startTestChain();
    dataFolder = mkdtempSync(join(tmpdir(), "mintmark-deployment-"));
  });
  afterEach(async () => {
    rmSync(dataFolder, { recursive: true, force: true });
    await chain.close();
  });

  const ensure = () => ensureRegistry({ rpcUrl: chain.rpcUrl, dataFolder, cardBaseURI: "" });

  it("is the one that the data folder names", async () => {
    writeDeployment(dataFolder, chain.deployment);
    expect(await ensure()).to.deep.equal({ deployment: chain.deployment, isNew: false });
  });

  it("is the one that admitted the first brand, where the record was lost", async () => {
    await chain.admitBrand();
    const { deployment, isNew } = await ensure();
    expect([deployment.registry, isNew]).to.deep.equal([chain.deployment.registry, false]);
  });

  it("gives collections this version's code where they have an earlier one's, which lacks a function", async () => {
    writeDeployment(dataFolder, chain.deployment);
    const brandId = await chain.admitBrand();
    const collection = await chain.createCollection({ brandId, slug: "noirance-black" });
    await chain.issue({ collection, firstSerial: 1, holders: 1 });
    const implementation = chain.registry.getFunction("implementation");
    const before = String(await implementation());
    const code = await chain.provider.getCode(before);
    const undo = membershipCollectionInterface.getFunction("undoRedemption")?.selector.slice(2) ?? "";
    expect(code).to.include(`63${undo}`);
    await chain.provider.send("hardhat_setCode", [before, code.replace(`63${undo}`, "63ffffffff")]);

    expect(await ensure()).to.deep.equal({ deployment: chain.deployment, isNew: false });
    const after = String(await implementation());
    expect(after).not.to.equal(before);
    expect(await chain.provider.getCode(after)).to.include(`63${undo}`);
    const contract = new Contract(collection, membershipCollectionInterface, chain.provider);
    expect(Number((await contract.getFunction("cardOf")(1)).status)).to.equal(1);
    await ensure();
    expect(await implementation()).to.equal(after);
  });

  it("of an earlier version is refused in one sentence that says what to do", async () => {
    // Any contract that gives collections no code; the factory is one.
    const factory = String(await chain.registry.getFunction("collectionFactory")()).toLowerCase();
    writeDeployment(dataFolder, { ...chain.deployment, registry: factory });
    const failure = await ensure().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(StartError);
    expect((failure as Error).message)
      .to.include("earlier version")
      .and.to.include(`Move ${dataFolder} away`);
  });
});
