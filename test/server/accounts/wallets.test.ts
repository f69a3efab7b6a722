// Wallets that are contracts, on a real chain.

import { join } from "node:path";
import { expect } from "chai";
import { ContractFactory, hashMessage, SigningKey, Wallet } from "ethers";
import hre from "hardhat";
import { createWallets } from "../../../server/accounts/wallets.ts";
import { createRpc } from "../../../server/chain/rpc.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { ROOT } from "../../support/commands.ts";

const NAME = "TestWallet";
const NOW = Date.UTC(2027, 0, 1);

describe("wallets that are contracts", () => {
  const owner = Wallet.createRandom();
  let chain: TestChain;
  let address: string;

  before(async () => {
    chain = await startTestChain();
    await hre.solidity.build([join(ROOT, "test", "contracts", "support", `${NAME}.sol`)], {
      scope: "tests",
      quiet: true,
    });
    const { abi, bytecode } = await hre.artifacts.readArtifact(NAME);
    const factory = new ContractFactory(abi, bytecode, await chain.signer(0));
    const deployed = await factory.deploy(owner.address, { gasPrice: 0 });
    await deployed.waitForDeployment();
    address = await deployed.getAddress();
  });
  after(() => chain.close());

  const walletsAt = (rpcUrl: string) =>
    createWallets({
      publicUrl: "https://cards.example.com",
      chainId: () => chain.deployment.chainId,
      rpc: createRpc({ url: rpcUrl }),
      now: () => NOW,
    });
  const messageFor = (who: string) =>
    [
      "cards.example.com wants you to sign in with your Ethereum account:",
      who,
      "",
      "",
      "URI: https://cards.example.com/sign-in",
      "Version: 1",
      `Chain ID: ${chain.deployment.chainId}`,
      "Nonce: 0123456789abcdef",
      `Issued At: ${new Date(NOW).toISOString()}`,
    ].join("\n");
  async function prove(
    who: string,
    signer: { signMessage(text: string): Promise<string> },
    wallets = walletsAt(chain.rpcUrl),
  ) {
    const message = messageFor(who);
    const statement = wallets.read(message);
    expect(statement).to.deep.equal({ address: who.toLowerCase(), nonce: "0123456789abcdef" });
    return statement && (await wallets.verify(statement, message, await signer.signMessage(message)));
  }

  it("sign in by the signature of whom they answer for, and of nobody else", async () => {
    expect(await prove(address, owner)).to.equal("right");
    expect(await prove(address, Wallet.createRandom())).to.equal("wrong");
  });

  it("do not take the place of a key whose address has come to have code (EIP-7702)", async () => {
    await chain.provider.send("hardhat_setCode", [owner.address, await chain.provider.getCode(address)]);
    expect(await prove(owner.address, owner)).to.equal("right");
    expect(await prove(owner.address, Wallet.createRandom())).to.equal("wrong");
    await chain.provider.send("hardhat_setCode", [owner.address, "0x"]);
  });

  it("do not stand for addresses without a contract, nor for contracts that are no wallets", async () => {
    expect(await prove(Wallet.createRandom().address, owner)).to.equal("wrong");
    expect(await prove(chain.deployment.registry, owner)).to.equal("wrong");
  });

  it("are not decided about while the chain cannot be asked; a key's own signature is", async () => {
    const away = walletsAt("http://127.0.0.1:1");
    expect(await prove(address, owner, away)).to.equal("unknown");
    expect(await prove(owner.address, owner, away)).to.equal("right");
  });

  it("take signatures of any length, and refuse what is none", async () => {
    const wallets = walletsAt(chain.rpcUrl);
    const message = messageFor(address);
    const statement = wallets.read(message);
    if (statement === undefined) throw new Error("The message is right");
    const compact = new SigningKey(owner.privateKey).sign(hashMessage(message)).compactSerialized;
    for (const signature of ["0x", "0x00", compact, `0x${"00".repeat(65)}`, "not hexadecimal", "0xabc"]) {
      expect(await wallets.verify(statement, message, signature), signature).to.equal("wrong");
    }
  });
});
