// npm run consortium: shows how the consortium decides, on a registry of its own. Three organisations admit a brand and
// upgrade the code of all collections; one of them alone gets nowhere; the guardian suspends a brand whose keys were stolen and can do
// nothing else; one decision gives the brand new keys and reinstates it.
//
// On a chain inside this process, whose clock is moved forward. With RPC_URL in the environment, on the node there, where
// each vote takes a few seconds.

import { encodeBytes32String, ZeroHash } from "ethers";
import { BRAND_ROLE } from "../server/chain/abi.ts";
import { RpcError } from "../server/chain/rpc.ts";
import { loadConfig } from "../server/config.ts";
import { BRAND, BRAND_ID, COLLECTION, HANDLE, membersWith } from "./consortium/cast.ts";
import { type Chain, openChain } from "./consortium/chain.ts";
import { type Act, callOf, foundConsortium } from "./consortium/decisions.ts";
import { describeShowFailure } from "./consortium/failure.ts";
import { createMeeting, duration } from "./consortium/meeting.ts";
import { beginCommand } from "./lifecycle/command.ts";
import { createTerminal } from "./lifecycle/terminal.ts";
import { deployCollectionLibraries } from "./solidity/libraries.ts";

type Account = Chain["accounts"][number];

const terminal = createTerminal();
const { say, step } = terminal;

const TERMS = { tier: 1, expiresAt: 0 };

async function show(chain: Chain): Promise<void> {
  const [deployer, first, second, third, guardian, brandAdmin, newAdmin, customer] = chain.accounts;
  if (!deployer || !first || !second || !third || !guardian || !brandAdmin || !newAdmin || !customer)
    throw new Error("The chain has too few accounts");
  const members = membersWith([first, second, third]);
  const [bank, city, retail] = members;
  const { ethers, times } = chain;

  say(`How the consortium decides, on ${chain.description}.`);

  heading("Three organisations found a consortium");
  const consortium = await step("The contracts are deployed, and the registry is handed over", () =>
    foundConsortium(chain, { deployer, members, guardian }),
  );
  const { registry, seat, governor, timelock } = consortium;
  const { putToVote, close, decide } = createMeeting({ chain, consortium, terminal, anyone: customer, refused });
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
  const guardianRole = await registry.GUARDIAN_ROLE();
  const grantRole = (role: string, account: Account) => callOf(registry, "grantRole", [role, account.address]);
  const grab = grantRole(guardianRole, bank.account);
  const admission = callOf(registry, "admitBrand", [brandAdmin.address, HANDLE, BRAND]);
  await refused(`${bank.organisation} admits a brand by itself`, bank.account, admission);
  const takeover = await putToVote(bank, "Make Harbour Bank a guardian", [grab], [[bank, "yes"]]);
  await close(takeover, "Defeated");
  const queueing = callOf(governor, "queue", [...takeover.operation]);
  await refused(`${bank.organisation} queues it all the same`, bank.account, queueing);

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
    await chain.mined(asBrand.createCollection(COLLECTION));
    const created = await ethers.getContractAt(
      "MembershipCollection",
      await registry.collectionOf(COLLECTION.slug),
      brandAdmin,
    );
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
  const upgrade = callOf(registry, "upgradeCollections", [next]);
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
  await step(`The guardian suspends ${BRAND.name}, in one transaction and without a vote`, () =>
    chain.mined(registry.connect(guardian).suspendBrand(BRAND_ID, encodeBytes32String("key reported stolen"))),
  );
  const another = callOf(collection, "issue", [2, [customer.address], TERMS, ZeroHash, ZeroHash]);
  await refused("The brand issues another card", brandAdmin, another);
  const issuerRole = await registry.roleId(BRAND_ID, BRAND_ROLE.Issuer);
  await refused("The stolen key appoints another issuer", brandAdmin, grantRole(issuerRole, deployer));
  const { suspension } = await registry.brandOf(BRAND_ID);
  const reinstatement = callOf(registry, "reinstateBrand", [BRAND_ID, suspension]);
  await refused("The guardian reinstates the brand", guardian, reinstatement);
  await refused("The guardian retires the brand", guardian, callOf(registry, "retireBrand", [BRAND_ID, ZeroHash]));
  await refused("The guardian admits a brand", guardian, admission);
  await refused("The guardian appoints another guardian", guardian, grantRole(guardianRole, deployer));
  await refused("The guardian upgrades the collections", guardian, upgrade);
  const [targets, values, data] = takeover.operation;
  const proposing = callOf(governor, "propose", [targets, values, data, `Mine#proposer=${guardian.address}`]);
  await refused("The guardian proposes", guardian, proposing);
  await refused("A stranger suspends a brand", customer, callOf(registry, "suspendBrand", [BRAND_ID, ZeroHash]));

  heading("One decision ends all of the brand's keys, names a new one and reinstates the brand");
  await decide(
    bank,
    `Recover ${BRAND.name}: ${newAdmin.address} is its administrator, and no earlier key is anything`,
    [callOf(registry, "replaceBrandKeys", [BRAND_ID, newAdmin.address]), reinstatement],
    [
      [bank, "yes"],
      [city, "yes"],
      [retail, "yes"],
    ],
  );
  await refused("The stolen key issues another card", brandAdmin, another);
  await refused("The stolen key appoints another issuer", brandAdmin, grantRole(issuerRole, deployer));
  await step("The brand appoints a new issuer and issues again", async () => {
    const recovered = registry.connect(newAdmin);
    await chain.mined(recovered.grantRole(await registry.roleId(BRAND_ID, BRAND_ROLE.Issuer), newAdmin));
    await chain.mined(collection.connect(newAdmin).issue(2, [customer.address], TERMS, ZeroHash, ZeroHash));
  });

  say("\nDone. Who decides what, and what to do when a key is lost or stolen: docs/consortium.md");

  /** Shows that the chain refuses, and why. */
  async function refused(what: string, from: Account, { target, data }: Act): Promise<void> {
    const interfaces = [registry, governor, timelock, seat].map((contract) => contract.interface);
    say(`✗ ${what}: refused (${await chain.refusal(from, await target.getAddress(), data, interfaces)})`);
  }
}

function heading(title: string): void {
  say(`\n${title}`);
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
    console.error(describeShowFailure(error));
  }
  process.exitCode = 1;
}
