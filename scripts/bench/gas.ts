// Gas per card in a batch of 100 to holders that have no card yet, beside plain OpenZeppelin ERC-721 in the same run.

import { randomBytes } from "node:crypto";
import { hexlify, ZeroHash } from "ethers";
import { network } from "hardhat";
import registryModule from "../ignition/modules/Registry.ts";
import { table } from "./measure.ts";

const BATCH = 100;
const ISSUER_ROLE = 1;

export async function benchGas(): Promise<string> {
  const { ethers, ignition } = await network.create();
  const [, admin, issuer] = await ethers.getSigners();
  if (admin === undefined || issuer === undefined) throw new Error("The node has too few accounts");
  const holders = () => Array.from({ length: BATCH }, () => hexlify(randomBytes(20)));

  const deployed = await ignition.deploy(registryModule);
  const registry = await ethers.getContractAt("BrandRegistry", await deployed.registry.getAddress());
  const text = { name: "Bench", legalName: "Bench", domain: "bench.example", filingNumber: "", profileURI: "" };
  await registry.admitBrand(admin, { ...text, profileHash: ZeroHash });
  await registry.connect(admin).grantRole(await registry.roleId(1, ISSUER_ROLE), issuer);
  const created = await registry
    .connect(admin)
    .createCollection({ brandId: 1, slug: "bench", name: "Bench", symbol: "BENCH", maxSupply: 10_000, burnAuth: 2 });
  const address = await registry.collectionOf("bench");
  const collection = (await ethers.getContractAt("MembershipCollection", address)).connect(issuer);
  const plain = await ethers.deployContract("PlainERC721");

  const gasOf = async (sent: Promise<{ wait(): Promise<{ gasUsed: bigint } | null> }>) =>
    Number((await (await sent).wait())?.gasUsed ?? 0n);
  const terms = { tier: 1, expiresAt: 2_000_000_000 };
  // The first batch also pays for the slots that all later ones share.
  await collection.issue(1, holders(), terms, ZeroHash);
  await plain.mintBatch(1, holders());
  const ours = await gasOf(collection.issue(1_001, holders(), terms, ZeroHash));
  const committed = await gasOf(collection.issue(2_001, holders(), terms, hexlify(randomBytes(32))));
  const floor = await gasOf(plain.mintBatch(1_001, holders()));

  const row = (what: string, gas: number) => [
    what,
    Math.round(gas / BATCH).toLocaleString("en"),
    (gas / floor).toFixed(3),
  ];
  return [
    table(
      [`batch of ${BATCH}, distinct new holders`, "gas per card", "ratio"],
      [
        row("OpenZeppelin ERC721, `_mint` in a loop: Transfer", floor),
        row("MembershipCollection: record of tier, expiry and status; Transfer + Locked + Issued", ours),
        row("the same, with a commitment root", committed),
      ],
    ),
    `\nCreating a collection: ${(await gasOf(Promise.resolve(created))).toLocaleString("en")} gas.`,
  ].join("\n");
}
