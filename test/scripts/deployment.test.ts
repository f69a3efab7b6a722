import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ensureRegistry } from "../../scripts/lifecycle/deployment.ts";
import { StartError } from "../../scripts/lifecycle/session.ts";
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
