// npm run deploy, from the outside in: deployed, handed over to a consortium at once or later, and refused.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Contract, Interface, JsonRpcProvider, Wallet, ZeroHash } from "ethers";
import { brandRegistryInterface } from "../../server/chain/abi.ts";
import { readDeployment } from "../../server/chain/deployment.ts";
import { runCommand } from "../support/commands.ts";
import { type HardhatNode, startHardhatNode } from "../support/hardhat-node.ts";

const DEPLOYER = new Wallet(`0x${"01".repeat(32)}`);
const MEMBERS = ["Harbour Bank", "City of Lanting", "Jade River Retail"];

describe("npm run deploy", () => {
  let folder: string;
  let provider: JsonRpcProvider;
  let settings: Record<string, string>;
  let node: HardhatNode;
  const file = () => join(folder, "consortium.json");

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-deploy-"));
    node = await startHardhatNode();
    const rpcUrl = node.url;
    provider = new JsonRpcProvider(rpcUrl, undefined, { cacheTimeout: -1 });
    settings = { RPC_URL: rpcUrl, DATA_DIR: folder, DEPLOYER_PRIVATE_KEY: DEPLOYER.privateKey, PUBLIC_URL: "" };
    describeConsortium({});
  });

  afterEach(async () => {
    provider.destroy();
    await node.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function describeConsortium(change: object): void {
    const seats = MEMBERS.map((organisation) => ({ organisation, account: Wallet.createRandom().address }));
    writeFileSync(file(), JSON.stringify({ guardian: Wallet.createRandom().address, seats, ...change }));
  }

  const deploy = (options = "") => runCommand(`npm run deploy${options === "" ? "" : ` -- ${options}`}`, settings);

  async function registry(): Promise<Contract> {
    const deployment = readDeployment(folder, 31337);
    return new Contract(deployment?.registry ?? "", brandRegistryInterface, provider);
  }

  /** Who administers the registry, by its events. */
  async function administrators(): Promise<Set<string>> {
    const found = new Set<string>();
    const contract = await registry();
    for (const log of await provider.getLogs({ address: await contract.getAddress(), fromBlock: 0 })) {
      const event = brandRegistryInterface.parseLog(log);
      if (event?.args[0] !== ZeroHash) continue;
      if (event.name === "RoleGranted") found.add(event.args["account"]);
      if (event.name === "RoleRevoked") found.delete(event.args["account"]);
    }
    return found;
  }

  async function expectHandedOver(): Promise<void> {
    const [timelock, ...others] = await administrators();
    expect(others).to.deep.equal([]);
    expect(timelock).not.to.equal(DEPLOYER.address);
    const delay = new Contract(
      timelock ?? "",
      new Interface(["function getMinDelay() view returns (uint256)"]),
      provider,
    );
    expect(await delay.getFunction("getMinDelay")()).to.equal(172_800n);
  }

  it("hands the registry over at once", async () => {
    const { code, output } = await deploy(`--consortium ${file()}`);
    expect(code, output).to.equal(0);
    expect(output).to.match(/belongs to a consortium of 3 seats/);
    await expectHandedOver();
  });

  it("hands the registry over later, and does nothing when asked again", async () => {
    const first = await deploy();
    expect(first.code, first.output).to.equal(0);
    expect([...(await administrators())]).to.deep.equal([DEPLOYER.address]);
    const address = await (await registry()).getAddress();

    for (const time of [1, 2]) {
      const { code, output } = await deploy(`--consortium ${file()}`);
      expect(code, `${time}: ${output}`).to.equal(0);
      expect(await (await registry()).getAddress()).to.equal(address);
      await expectHandedOver();
    }
    const again = await deploy();
    expect(again.output).to.match(/is on chain 31337 already/);
  });

  it("says that it cannot hand over what another folder deployed", async () => {
    expect((await deploy()).code).to.equal(0);
    const deployments = join(folder, "deployments");
    for (const name of readdirSync(deployments)) {
      if (name.startsWith("ignition-")) rmSync(join(deployments, name), { recursive: true });
    }
    const { code, output } = await deploy(`--consortium ${file()}`);
    expect(code).to.equal(1);
    expect(output).to.match(/cannot be handed over from here/);
  });

  it("names what is wrong with the consortium's file, before it sends anything", async () => {
    describeConsortium({
      guardian: "nobody",
      seats: [{ account: "0x1", organisation: "" }],
      quorumPercent: 50,
      extra: 1,
    });
    const { code, output } = await deploy(`--consortium ${file()}`);
    expect(code).to.equal(1);
    for (const part of [
      "guardian: must be an address",
      "seats.0.account: must be",
      "seats.0.organisation: must not be empty",
    ])
      expect(output).to.include(part);
    expect(output).to.match(/quorumPercent: must be at least 51[\s\S]*extra/);
    expect(output).not.to.match(/^\s+at /m);
    expect((await deploy("--consortium nowhere.json")).output).to.match(/nowhere.json cannot be read as JSON/);
    expect(await provider.getBlockNumber()).to.equal(0);
  });
});
