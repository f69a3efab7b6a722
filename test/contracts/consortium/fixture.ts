// A consortium of three organisations that governs a registry, on a chain of the test's own.

import type { BaseContract, BytesLike } from "ethers";
import { network } from "hardhat";
import consortiumModule from "../../../scripts/ignition/modules/Consortium.ts";

const connection = await network.create();
export const { ethers, networkHelpers, ignition } = connection;
export const { time } = networkHelpers;

export const DAY = 86_400;
export const SETTINGS = {
  votingDelay: DAY,
  votingPeriod: 5 * DAY,
  proposalThreshold: 1,
  quorumPercent: 51,
  timelockDelay: 2 * DAY,
};
export const ORGANISATIONS = [
  "Harbour Bank 港湾银行",
  "Lanting Tourism 兰亭文旅",
  "Noirance Parfums 诺兰香氛",
] as const;
export const VOTE = { Against: 0, For: 1, Abstain: 2 } as const;
export const STATE = {
  Pending: 0n,
  Active: 1n,
  Canceled: 2n,
  Defeated: 3n,
  Succeeded: 4n,
  Queued: 5n,
  Expired: 6n,
  Executed: 7n,
} as const;

async function deployConsortium() {
  const [deployer, alpha, beta, gamma, guardian, newcomer, stranger] = await ethers.getSigners();
  if (!deployer || !alpha || !beta || !gamma || !guardian || !newcomer || !stranger)
    throw new Error("too few accounts");
  const members = [alpha, beta, gamma] as const;
  const seats = members.map(({ address }, index) => ({ account: address, organisation: ORGANISATIONS[index] ?? "" }));
  const deployed = await ignition.deploy(consortiumModule, {
    parameters: { Consortium: { ...SETTINGS, seats, guardian: guardian.address } },
  });
  const contracts = {
    registry: await ethers.getContractAt("BrandRegistry", await deployed.registry.getAddress()),
    timelock: await ethers.getContractAt("ConsortiumTimelock", await deployed.timelock.getAddress()),
    seat: await ethers.getContractAt("ConsortiumSeat", await deployed.seat.getAddress()),
    governor: await ethers.getContractAt("ConsortiumGovernor", await deployed.governor.getAddress()),
  };
  return { deployer, alpha, beta, gamma, members, guardian, newcomer, stranger, ...contracts };
}

/** The consortium, its registry, and nothing decided yet. */
export const consortiumFixture = () => networkHelpers.loadFixture(deployConsortium);

export type Consortium = Awaited<ReturnType<typeof deployConsortium>>;
export type Account = Consortium["alpha"];

export interface Call {
  target: BaseContract;
  data: string;
}

/** What a proposal does: calls of the timelock, in their order. */
export function call(target: BaseContract, method: string, args: readonly unknown[]): Call {
  return { target, data: target.interface.encodeFunctionData(method, args) };
}

/** A proposal as the governor takes it, all but the description. */
export async function actions(...calls: Call[]): Promise<[string[], bigint[], BytesLike[]]> {
  const targets = await Promise.all(calls.map(({ target }) => target.getAddress()));
  return [targets, calls.map(() => 0n), calls.map(({ data }) => data)];
}

/** A proposal and the steps that it takes. */
export async function propose(consortium: Consortium, proposer: Account, what: string, ...calls: Call[]) {
  const { governor, timelock } = consortium;
  const description = `${what}#proposer=${proposer.address}`;
  const proposed = await actions(...calls);
  const hash = ethers.id(description);
  const id = await governor.hashProposal(...proposed, hash);
  await governor.connect(proposer).propose(...proposed, description);
  const snapshot = await governor.proposalSnapshot(id);
  const deadline = await governor.proposalDeadline(id);
  // As the governor forms it, so that two governors of one timelock never mean the same operation.
  const salt = ethers.toBeHex(BigInt(ethers.zeroPadBytes(await governor.getAddress(), 32)) ^ BigInt(hash), 32);
  return {
    id,
    snapshot,
    deadline,
    description,
    /** What `queue`, `execute` and `cancel` of the governor take. */
    operation: [...proposed, hash] as const,
    /** What the timelock knows it by once it is queued. */
    timelockId: await timelock.hashOperationBatch(...proposed, ethers.ZeroHash, salt),
    /** Executes it at the timelock, past the governor. */
    executeDirectly: (caller: Account) => timelock.connect(caller).executeBatch(...proposed, ethers.ZeroHash, salt),
    state: () => governor.state(id),
    untilOpen: () => time.increaseTo(snapshot + 1n),
    untilClosed: () => time.increaseTo(deadline + 1n),
    untilReady: async () => await time.increaseTo(await governor.proposalEta(id)),
    vote: (voter: Account, support: number = VOTE.For) => governor.connect(voter).castVote(id, support),
    queue: (caller: Account = proposer) => governor.connect(caller).queue(...proposed, hash),
    execute: (caller: Account = proposer) => governor.connect(caller).execute(...proposed, hash),
    cancel: (caller: Account = proposer) => governor.connect(caller).cancel(...proposed, hash),
  };
}

export type Proposal = Awaited<ReturnType<typeof propose>>;

/** Brings a proposal to the end of its wait in the timelock. */
export async function pass(proposal: Proposal, voters: readonly Account[]): Promise<void> {
  await proposal.untilOpen();
  for (const voter of voters) await proposal.vote(voter);
  await proposal.untilClosed();
  await proposal.queue();
  await proposal.untilReady();
}

let decisions = 0;

/** Has the consortium decide and do something; all three organisations agree unless others are named. */
export async function decide(consortium: Consortium, calls: Call[], voters: readonly Account[] = consortium.members) {
  const proposal = await propose(consortium, voters[0] ?? consortium.alpha, `Decision ${++decisions}`, ...calls);
  await pass(proposal, voters);
  return await proposal.execute();
}

/** An organisation's name as long as asked for, in bytes. */
export function nameOf(length: number): string {
  return "n".repeat(length);
}

export const HANDLE = "noirance";

export const PROFILE = {
  name: "Noirance",
  legalName: "Noirance Parfums (Shanghai) Co., Ltd.",
  domain: "noirance.example",
  filingNumber: "",
  profileURI: "",
  profileHash: ethers.ZeroHash,
};

/** The ERC-165 identifier of an interface: the exclusive or of its functions' selectors. */
export function interfaceId(...signatures: string[]): string {
  const id = signatures.reduce((value, signature) => value ^ BigInt(ethers.id(signature).slice(0, 10)), 0n);
  return ethers.toBeHex(id, 4);
}
