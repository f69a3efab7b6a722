// Gas beside what others take for the same or for less, all on one chain with one compiler. Prints Markdown.

import { artifacts } from "hardhat";
import { OPERATIONS, type Operation, perCard } from "../gas/operations.ts";
import { COUNTERPARTS, PEERS } from "../gas/peers.ts";
import { createGasWorld, FIRST_FREE, type GasWorld, holders, isolated } from "../gas/world.ts";
import { table } from "./measure.ts";

const BATCH = 100;
const LARGE_BATCH = 1_000;
/** The keys of our operations that stand beside the peers' batches. */
const OURS = { [BATCH]: ["issue 100", "issue 100, committed"], [LARGE_BATCH]: ["issue 1000"] };

export async function benchGas(): Promise<string> {
  const world = await createGasWorld();
  try {
    return [
      await setting(world),
      await batchTable(world, BATCH),
      await batchTable(world, LARGE_BATCH),
      await operationTable(world),
    ].join("\n\n");
  } finally {
    await world.connection.close();
  }
}

/** What the figures depend on besides the sources. */
async function setting({ connection }: GasWorld): Promise<string> {
  const ours = await compilerOf("contracts/collection/MembershipCollection.sol:MembershipCollection");
  const peers = await compilerOf("test/contracts/peers/PlainERC721.sol:PlainERC721");
  const { networkConfig } = connection;
  const hardfork = networkConfig.type === "edr-simulated" ? networkConfig.hardfork : "of the node";
  return (
    `Hard fork ${hardfork}, on Hardhat's own network. Compiled by ${ours}; ` +
    `${peers === ours ? "the peers likewise" : `the peers by ${peers}`}, except Unlock's contracts, which are the bytecode ` +
    "that their package brings. Whole transactions, calldata included. Holders are the same addresses in every row and " +
    "hold nothing before."
  );
}

async function compilerOf(contract: string): Promise<string> {
  const id = await artifacts.getBuildInfoId(contract);
  const path = id === undefined ? undefined : await artifacts.getBuildInfoPath(id);
  if (path === undefined) throw new Error(`${contract} is not compiled`);
  const { solcLongVersion, input } = (await import(path, { with: { type: "json" } })).default;
  const { optimizer, viaIR = false, evmVersion } = input.settings;
  const runs = optimizer?.enabled ? `${number(optimizer.runs)} runs` : "off";
  return `solc ${solcLongVersion} for ${evmVersion}, optimizer: ${runs}, IR: ${viaIR ? "on" : "off"}`;
}

/** Issues `count` cards in one transaction, everybody after a first small one, from the least gas to the most. */
async function batchTable(world: GasWorld, count: number): Promise<string> {
  const measured: { key: string; what: string; gas: number; ours: boolean }[] = [];
  for (const { key, what, deploy } of PEERS) {
    const gas = await isolated(world, async () => {
      const issue = await deploy(world);
      await issue(1, holders(2));
      return await issue(FIRST_FREE, holders(count, "new"));
    });
    measured.push({ key, what, gas, ours: false });
  }
  for (const operation of operationsOf(count)) {
    const gas = await isolated(world, async () => await operation.run(world));
    measured.push({ key: operation.key, what: operation.what, gas, ours: true });
  }
  const gasOfPeer = (key: string) => measured.find((row) => row.key === key)?.gas ?? Number.NaN;
  const rows = measured
    .sort((a, b) => a.gas - b.gas)
    .map(({ what, gas, ours }) => [
      ours ? `**Mintmark: ${what}**: tier, expiry, status; \`Transfer\`, \`Locked\`, \`Issued\`` : what,
      number(gas / count),
      number(gas),
      (gas / gasOfPeer("solady")).toFixed(3),
      (gas / gasOfPeer("plain")).toFixed(3),
    ]);
  const title = `${number(count)} cards to distinct new holders in one transaction`;
  return table([title, "gas per card", "gas", "ratio to Solady", "ratio to OpenZeppelin"], rows);
}

function operationsOf(count: number): Operation[] {
  const keys = OURS[count as keyof typeof OURS] ?? [];
  return OPERATIONS.filter(({ key }) => keys.includes(key));
}

/** Our operations one by one, with what they may take and what the like takes elsewhere. */
async function operationTable(world: GasWorld): Promise<string> {
  const unknown = COUNTERPARTS.filter(({ beside }) => !OPERATIONS.some(({ key }) => key === beside));
  if (unknown.length > 0) throw new Error(`No operation for ${unknown.map(({ what }) => what).join(", ")}`);
  const rows: string[][] = [];
  for (const operation of OPERATIONS) {
    const gas = perCard(operation, await isolated(world, async () => await operation.run(world)));
    const elsewhere: string[] = [];
    for (const { what, run } of COUNTERPARTS.filter(({ beside }) => beside === operation.key)) {
      const theirs = await isolated(world, async () => await run(world));
      elsewhere.push(`${what}: ${number(theirs)} (${(gas / theirs).toFixed(2)})`);
    }
    rows.push([
      operation.cards === undefined ? operation.what : `${operation.what}, per card`,
      number(gas),
      boundOf(operation, gas),
      elsewhere.join("; "),
    ]);
  }
  return table(["one transaction", "gas", "bound", "the like elsewhere (ours to it)"], rows);
}

function boundOf({ bound, overBound }: Operation, gas: number): string {
  if (bound === undefined) return "";
  if (gas <= bound) return `≤ ${number(bound)}`;
  return `≤ ${number(bound)}, **not held**${overBound === undefined ? "" : `: ${overBound}`}`;
}

const number = (value: number) => Math.round(value).toLocaleString("en");
