// npm run consortium: shows how the consortium decides, on a registry of its own. Three organisations admit a brand and
// upgrade the code of all collections; one of them alone gets nowhere; the guardian suspends a brand whose keys were stolen and can do
// nothing else; one decision gives the brand new keys and reinstates it.
//
// On a chain inside this process, whose clock is moved forward. With RPC_URL in the environment, on the node there, where
// each vote takes a few seconds.

import { type BaseContract, encodeBytes32String, ZeroHash } from "ethers";
import { BRAND_ROLE, UNLIMITED_TERM } from "../server/chain/abi.ts";
import { RpcError } from "../server/chain/rpc.ts";
import { loadConfig } from "../server/config.ts";
import { describeFailure } from "../server/failures.ts";
import { type Chain, openChain, ShowError } from "./consortium/chain.ts";
import {
  type Act,
  type Consortium,
  foundConsortium,
  type Member,
  type Proposal,
  propose,
  type Vote,
} from "./consortium/decisions.ts";
import { beginCommand } from "./lifecycle/command.ts";
import { createTerminal } from "./lifecycle/terminal.ts";
import { deployCollectionLibraries } from "./solidity/libraries.ts";

type Account = Chain["accounts"][number];

const terminal = createTerminal();
const { say, step } = terminal;

const BRAND = {
  name: "Noirance",
  legalName: "Noirance Parfums (Shanghai) Co., Ltd. 诺兰香氛（上海）有限公司",
  domain: "noirance.example",
  filingNumber: "",
  profileURI: "",
  profileHash: ZeroHash,
};
const BRAND_ID = 1;
const HANDLE = "noirance";
const SLUG = `${HANDLE}-black`;
const TERMS = { tier: 1, expiresAt: 0 };

async function show(chain: Chain): Promise<void> {
  const [deployer, first, second, third, guardian, brandAdmin, newAdmin, customer] = chain.accounts;
  if (!deployer || !first || !second || !third || !guardian || !brandAdmin || !newAdmin || !customer)
    throw new Error("The chain has too few accounts");
  const bank: Member = { organisation: "Harbour Bank 港湾银行", account: first };
  const city: Member = { organisation: "City of Lanting 兰亭市", account: second };
  const retail: Member = { organisation: "Jade River Retail 玉河商业", account: third };
  const members = [bank, city, retail];
  const { ethers, times } = chain;

  say(`How the consortium decides, on ${chain.description}.`);

  heading("Three organisations found a consortium");
  const consortium = await step("The contracts are deployed, and the registry is handed over", () =>
    foundConsortium(chain, { deployer, members, guardian }),
  );
  const { registry, seat, governor, timelock } = consortium;
  for (const { organisation, account } of members) {
    say(`  seat ${await seat.seatOf(account)}: ${organisation}, ${account.address}`);
  }
  say(`  guardian: ${guardian.address}`);
  say(
    `  The timelock ${await timelock.getAddress()} owns the registry, which all collections take their code from, and the seats.`,
  );
  if (await registry.hasRole(ZeroHash, deployer)) throw new Error("The deployer has kept the registry");
  say("  The deployer owns nothing any more.");
  say(
    `  A decision: the vote opens${times.votingDelay === 0 ? " at once" : ` after ${duration(times.votingDelay)}`} and lasts ${duration(times.votingPeriod)}; more than half ` +
      `of all seats must say yes; then everybody has ${duration(times.timelockDelay)} to look at it before it is executed.`,
  );

  heading("One organisation alone gets nowhere");
  const { admitBrand, grantRole } = calls(registry);
  const grab = grantRole(await registry.GUARDIAN_ROLE(), bank.account.address);
  const admission = admitBrand(brandAdmin.address, HANDLE, BRAND);
  await refused(`${bank.organisation} admits a brand by itself`, bank.account, admission);
  const takeover = await putToVote(bank, "Make Harbour Bank a guardian", [grab], [[bank, "yes"]]);
  await step(`The vote is over${after(times.votingPeriod)}`, (progress) => takeover.untilClosed(left(progress)));
  await outcome(takeover, "Defeated");
  const queueing = governor.interface.encodeFunctionData("queue", [...takeover.operation]);
  await refused(`${bank.organisation} queues it all the same`, bank.account, { target: governor, data: queueing });

  heading("Together they admit a brand");
  await decide(
    city,
    `Admit the brand ${BRAND.name}`,
    [admission],
    [
      [city, "yes"],
      [retail, "yes"],
      [bank, "no"],
    ],
  );
  say(`  Brand ${BRAND_ID}, ${(await registry.brandOf(BRAND_ID)).profile.name}, is admitted.`);
  const asBrand = registry.connect(brandAdmin);
  const collection = await step("The brand creates a collection and issues its first card", async () => {
    await chain.mined(asBrand.grantRole(await registry.roleId(BRAND_ID, BRAND_ROLE.Issuer), brandAdmin));
    await chain.mined(
      asBrand.createCollection({
        brandId: BRAND_ID,
        slug: SLUG,
        name: "Noirance Black Card 诺兰黑卡",
        symbol: "NOIRB",
        maxSupply: 5_000,
        burnAuth: 2,
        reissueDelay: 0,
        highestTier: 3,
        longestTerm: UNLIMITED_TERM,
      }),
    );
    const created = await ethers.getContractAt("MembershipCollection", await registry.collectionOf(SLUG), brandAdmin);
    await chain.mined(created.issue(1, [customer.address], TERMS, ZeroHash, ZeroHash));
    return created;
  });

  heading("Together they upgrade the code of all collections");
  const before = await registry.implementation();
  const next = await step("The new code is deployed; nothing uses it yet", async () => {
    const libraries = await deployCollectionLibraries(async (name) => {
      const library = await ethers.getContractFactory(name, brandAdmin);
      return await chain.deployed(library.deploy());
    });
    const code = await ethers.getContractFactory("MembershipCollection", { signer: brandAdmin, libraries });
    return await chain.deployed(code.deploy(registry));
  });
  const upgrade = calls(registry).upgradeCollections(next);
  await refused(`${retail.organisation} upgrades by itself`, retail.account, upgrade);
  await decide(
    retail,
    `Upgrade all collections to ${next}`,
    [upgrade],
    [
      [retail, "yes"],
      [bank, "yes"],
      [city, "abstains"],
    ],
  );
  say(`  The beacon led to ${before} and now leads to ${await registry.implementation()}.`);
  if ((await collection.ownerOf(1)) !== customer.address) throw new Error("The card has changed hands");
  say("  Card 1 of the collection is where it was.");

  heading("A brand's keys are stolen: the guardian suspends at once, and only suspends");
  const { suspendBrand, reinstateBrand, retireBrand, replaceBrandKeys } = calls(registry);
  await step(`The guardian suspends ${BRAND.name}, in one transaction and without a vote`, () =>
    chain.mined(registry.connect(guardian).suspendBrand(BRAND_ID, encodeBytes32String("key reported stolen"))),
  );
  const another = collection.interface.encodeFunctionData("issue", [2, [customer.address], TERMS, ZeroHash, ZeroHash]);
  await refused("The brand issues another card", brandAdmin, { target: collection, data: another });
  const issuerRole = await registry.roleId(BRAND_ID, BRAND_ROLE.Issuer);
  await refused("The stolen key appoints another issuer", brandAdmin, grantRole(issuerRole, deployer.address));
  const { suspension } = await registry.brandOf(BRAND_ID);
  await refused("The guardian reinstates the brand", guardian, reinstateBrand(BRAND_ID, suspension));
  await refused("The guardian retires the brand", guardian, retireBrand(BRAND_ID, ZeroHash));
  await refused("The guardian admits a brand", guardian, admission);
  await refused(
    "The guardian appoints another guardian",
    guardian,
    grantRole(await registry.GUARDIAN_ROLE(), deployer.address),
  );
  await refused("The guardian upgrades the collections", guardian, upgrade);
  const [targets, values, data] = takeover.operation;
  const proposing = governor.interface.encodeFunctionData("propose", [
    targets,
    values,
    data,
    `Mine#proposer=${guardian.address}`,
  ]);
  await refused("The guardian proposes", guardian, { target: governor, data: proposing });
  await refused("A stranger suspends a brand", customer, suspendBrand(BRAND_ID, ZeroHash));

  heading("One decision ends all of the brand's keys, names a new one and reinstates the brand");
  await decide(
    bank,
    `Recover ${BRAND.name}: ${newAdmin.address} is its administrator, and no earlier key is anything`,
    [replaceBrandKeys(BRAND_ID, newAdmin.address), reinstateBrand(BRAND_ID, suspension)],
    [
      [bank, "yes"],
      [city, "yes"],
      [retail, "yes"],
    ],
  );
  await refused("The stolen key issues another card", brandAdmin, { target: collection, data: another });
  await refused("The stolen key appoints another issuer", brandAdmin, grantRole(issuerRole, deployer.address));
  await step("The brand appoints a new issuer and issues again", async () => {
    const recovered = registry.connect(newAdmin);
    await chain.mined(recovered.grantRole(await registry.roleId(BRAND_ID, BRAND_ROLE.Issuer), newAdmin));
    await chain.mined(collection.connect(newAdmin).issue(2, [customer.address], TERMS, ZeroHash, ZeroHash));
  });

  say("\nDone. Who decides what, and what to do when a key is lost or stolen: docs/consortium.md");

  // ---- What the parts above are told with ----

  /** Proposes, opens the vote and votes. */
  async function putToVote(proposer: Member, title: string, acts: Act[], votes: [Member, Vote][]): Promise<Proposal> {
    const proposal = await step(`${proposer.organisation} proposes: ${title}`, () =>
      propose(chain, consortium, proposer.account, title, acts),
    );
    await step(`The vote opens${after(times.votingDelay)}`, (progress) => proposal.untilOpen(left(progress)));
    await step(`They vote: ${votes.map(([{ organisation }, vote]) => `${organisation} ${vote}`).join(", ")}`, () =>
      Promise.all(votes.map(([{ account }, vote]) => proposal.vote(account, vote))),
    );
    return proposal;
  }

  async function decide(proposer: Member, title: string, acts: Act[], votes: [Member, Vote][]): Promise<void> {
    const proposal = await putToVote(proposer, title, acts, votes);
    await step(`The vote is over${after(times.votingPeriod)}`, (progress) => proposal.untilClosed(left(progress)));
    await outcome(proposal, "Succeeded");
    // Anyone may do the rest, so that a decision does not depend on who proposed it.
    await step("It is queued in the timelock", () => proposal.queue(customer as Account));
    const execution = governor.interface.encodeFunctionData("execute", [...proposal.operation]);
    await refused("Executing it before its time", customer as Account, { target: governor, data: execution });
    await step(`It has waited ${duration(times.timelockDelay)}`, (progress) => proposal.untilReady(left(progress)));
    await step("It is executed", () => proposal.execute(customer as Account));
    await outcome(proposal, "Executed");
  }

  async function outcome(proposal: Proposal, expected: string): Promise<void> {
    const [no, yes, abstained] = await proposal.votes();
    const found = await proposal.outcome();
    if (found !== expected) throw new Error(`The proposal is ${found}, not ${expected}`);
    say(`  ${found}: ${yes} yes, ${no} no, ${abstained} abstained, of ${await seat.totalSupply()} seats`);
  }

  /** Shows that the chain refuses, and why. */
  async function refused(what: string, from: Account, { target, data }: Act): Promise<void> {
    const interfaces = [registry, governor, timelock, seat].map((contract) => contract.interface);
    say(`✗ ${what}: refused (${await chain.refusal(from, await target.getAddress(), data, interfaces)})`);
  }
}

/** The registry's functions that decisions are about, as acts. */
function calls(registry: Consortium["registry"]) {
  const act = (data: string): Act => ({ target: registry as BaseContract, data });
  const { interface: functions } = registry;
  return {
    admitBrand: (admin: string, handle: string, profile: typeof BRAND) =>
      act(functions.encodeFunctionData("admitBrand", [admin, handle, profile])),
    grantRole: (role: string, account: string) => act(functions.encodeFunctionData("grantRole", [role, account])),
    upgradeCollections: (implementation: string) =>
      act(functions.encodeFunctionData("upgradeCollections", [implementation])),
    suspendBrand: (brandId: number, reason: string) =>
      act(functions.encodeFunctionData("suspendBrand", [brandId, reason])),
    reinstateBrand: (brandId: number, suspension: bigint) =>
      act(functions.encodeFunctionData("reinstateBrand", [brandId, suspension])),
    replaceBrandKeys: (brandId: number, admin: string) =>
      act(functions.encodeFunctionData("replaceBrandKeys", [brandId, admin])),
    retireBrand: (brandId: number, reason: string) =>
      act(functions.encodeFunctionData("retireBrand", [brandId, reason])),
  };
}

function heading(title: string): void {
  say(`\n${title}`);
}

const left = (progress: (text: string) => void) => (seconds: number) => progress(`${seconds} s left`);

const after = (seconds: number) => (seconds === 0 ? "" : `, after ${duration(seconds)}`);

function duration(seconds: number): string {
  const [amount, unit] = seconds >= 86_400 ? [seconds / 86_400, "day"] : [seconds, "second"];
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}

/** What Hardhat itself complains about, for example a node that is gone in the middle. */
function isHardhatError(error: unknown): error is Error {
  return error instanceof Error && error.name === "HardhatError";
}

let rpcUrl: string | undefined;
beginCommand();
try {
  const config = loadConfig();
  // The default of RPC_URL is for those who started a node; this needs none.
  rpcUrl = process.env["RPC_URL"] ? config.rpcUrl : undefined;
  const chain = await openChain(rpcUrl, 8);
  try {
    await show(chain);
  } finally {
    await chain.close();
  }
} catch (error) {
  if (error instanceof RpcError && rpcUrl !== undefined) {
    console.error(
      `${error.message}. Start one there (npm start, or npm run hardhat -- node --network node), ` +
        "or leave RPC_URL out: then a chain inside this process is used.",
    );
  } else {
    const expected = error instanceof ShowError || isHardhatError(error);
    console.error(expected ? error.message : describeFailure(error));
  }
  process.exitCode = 1;
}
