import { expect } from "chai";
import { startTestChain, type TestChain } from "../support/chain.ts";
import { runCommand } from "../support/commands.ts";

describe("npm run check-handle", () => {
  let chain: TestChain;
  before(async () => {
    chain = await startTestChain();
    await chain.admitBrand();
  });
  after(() => chain.close());

  const check = (args: string) =>
    runCommand(`node scripts/check-handle.ts ${args}`, {
      RPC_URL: chain.rpcUrl,
      REGISTRY_ADDRESS: chain.deployment.registry,
    });

  it("says whether a brand may be admitted with a handle", async () => {
    expect(await check("aurelia")).to.deep.equal({ code: 0, output: `No brand's handle looks like "aurelia".\n` });
    for (const handle of ["noirance", "n0irance"]) {
      const { code, output } = await check(handle);
      expect(code).to.equal(1);
      expect(output).to.match(/looks like what is taken.*\n {2}brand 1: "noirance", /);
    }
  });

  it("says what is no handle, and how it is used", async () => {
    expect((await check("Noirance")).output).to.contain("is no handle: 2 to 20");
    expect((await check("")).code).to.equal(1);
    expect((await check("--help")).output).to.contain("npm run check-handle -- <handle>");
  });
});
