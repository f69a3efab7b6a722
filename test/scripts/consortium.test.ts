// npm run consortium, from the outside in: on the chain inside its process, on a node, and where there is none.

import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { startTestChain } from "../support/chain.ts";
import { runCommand } from "../support/commands.ts";
import { startHardhatNode } from "../support/hardhat-node.ts";

const COMMAND = "npm run consortium";

/** What must be read, in this order, wherever it is shown. */
const STORY = [
  "The deployer owns nothing any more",
  /✗ Harbour Bank.* admits a brand by itself: refused \(AccessControlUnauthorizedAccount\)/,
  "Defeated: 1 yes, 0 no, 0 abstained, of 3 seats",
  /✗ Harbour Bank.* queues it all the same: refused \(GovernorUnexpectedProposalState\)/,
  "Succeeded: 2 yes, 1 no, 0 abstained, of 3 seats",
  "✗ Executing it before its time: refused (TimelockUnexpectedOperationState)",
  "Brand 1, Noirance, is admitted",
  /✗ Jade River Retail.* upgrades by itself: refused/,
  "Succeeded: 2 yes, 0 no, 1 abstained, of 3 seats",
  "Card 1 of the collection is where it was",
  "✓ The guardian suspends Noirance",
  "✗ The brand issues another card: refused (BrandNotActive)",
  "✗ The stolen key appoints another issuer: refused (BrandNotActive)",
  "✗ The guardian reinstates the brand: refused",
  "✗ The guardian retires the brand: refused",
  "✗ The guardian admits a brand: refused",
  "✗ The guardian appoints another guardian: refused",
  "✗ The guardian upgrades the collections: refused",
  "✗ The guardian proposes: refused (GovernorInsufficientProposerVotes)",
  "✗ The stolen key issues another card: refused (BrandRoleMissing)",
  "✗ The stolen key appoints another issuer: refused",
  "✓ The brand appoints a new issuer and issues again",
  "docs/consortium.md",
];

function expectStory(output: string): void {
  let from = 0;
  for (const part of STORY) {
    const rest = output.slice(from);
    const found = typeof part === "string" ? rest.indexOf(part) : rest.search(part);
    expect(found, `${part} in what follows of\n${output}`).to.be.greaterThan(-1);
    from += found;
  }
}

describe("npm run consortium", () => {
  it("shows it on a chain inside its process", async () => {
    const { code, output } = await runCommand(COMMAND, { RPC_URL: "" });
    expect(code, output).to.equal(0);
    expectStory(output);
  });

  it("shows it on a node, where it leaves everybody's accounts alone", async () => {
    const chain = await startTestChain();
    try {
      const accounts = (await chain.provider.send("eth_accounts", [])) as string[];
      const nonces = () => Promise.all(accounts.map((account) => chain.provider.getTransactionCount(account)));
      const before = await nonces();
      const { code, output } = await runCommand(COMMAND, { RPC_URL: chain.rpcUrl });
      expect(code, output).to.equal(0);
      expectStory(output);
      expect(await nonces()).to.deep.equal(before);
      expect(Number(await chain.registry.getFunction("brandCount")())).to.equal(0);
    } finally {
      await chain.close();
    }
  });

  it("says what to do where there is no node", async () => {
    const { code, output } = await runCommand(COMMAND, { RPC_URL: `http://127.0.0.1:${await freePort()}` });
    expect(code).to.equal(1);
    expect(output).to.match(/cannot be reached.*npm start.*leave RPC_URL out/);
    expect(output).not.to.match(/^\s+at /m);
  });

  it("says what to do where gas costs something", async () => {
    const node = await startHardhatNode({ override: { initialBaseFeePerGas: 1_000_000_000 } });
    try {
      const { code, output } = await runCommand(COMMAND, { RPC_URL: node.url });
      expect(code).to.equal(1);
      expect(output).to.match(/wants to be paid for gas.*leave RPC_URL out/);
      expect(output).not.to.match(/^\s+at /m);
    } finally {
      await node.close();
    }
  });

  it("says what is wrong with an address that is none", async () => {
    const { code, output } = await runCommand(COMMAND, { RPC_URL: "nonsense" });
    expect(code).to.equal(1);
    expect(output).to.match(/RPC_URL: must be an http/);
    expect(output).not.to.match(/^\s+at /m);
  });
});
