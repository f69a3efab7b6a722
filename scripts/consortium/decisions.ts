// A consortium of three organisations on a chain, and how it decides: propose, vote, queue, execute.

import { type BaseContract, id } from "ethers";
import { deployModule } from "../ignition/deploy-module.ts";
import consortiumModule from "../ignition/modules/Consortium.ts";
import type { Chain } from "./chain.ts";

type Account = Chain["accounts"][number];

export interface Member {
  organisation: string;
  account: Account;
}

/** A call, by itself or in a decision. */
export interface Act {
  target: BaseContract;
  data: string;
}

/** The call of a contract's function. */
export function callOf(target: BaseContract, name: string, args: readonly unknown[]): Act {
  return { target, data: target.interface.encodeFunctionData(name, args) };
}

export const SUPPORT = { no: 0, yes: 1, abstains: 2 } as const;
export type Vote = keyof typeof SUPPORT;

const OUTCOMES = ["Pending", "Active", "Canceled", "Defeated", "Succeeded", "Queued", "Expired", "Executed"];

/** Deploys a registry of its own and hands it to a consortium of these members. */
export async function foundConsortium(
  chain: Chain,
  parties: { deployer: Account; members: readonly Member[]; guardian: Account },
) {
  const { ethers, connection, times } = chain;
  const addresses = await deployModule({
    connection,
    module: consortiumModule,
    parameters: {
      Consortium: {
        ...times,
        seats: parties.members.map(({ account, organisation }) => ({ account: account.address, organisation })),
        guardian: parties.guardian.address,
      },
    },
    accounts: [parties.deployer.address],
  });
  // A seat's vote counts from the second after its admission on, and a chain may make many blocks in a second.
  await chain.untilAfter(await chain.now(), () => undefined);
  return {
    registry: await ethers.getContractAt("BrandRegistry", addresses.registry),
    seat: await ethers.getContractAt("ConsortiumSeat", addresses.seat),
    governor: await ethers.getContractAt("ConsortiumGovernor", addresses.governor),
    timelock: await ethers.getContractAt("ConsortiumTimelock", addresses.timelock),
  };
}

export type Consortium = Awaited<ReturnType<typeof foundConsortium>>;

/** Proposes, and returns the steps that follow. */
export async function propose(
  chain: Chain,
  { governor }: Consortium,
  proposer: Account,
  description: string,
  acts: readonly Act[],
) {
  const targets = await Promise.all(acts.map(({ target }) => target.getAddress()));
  const values = acts.map(() => 0);
  const data = acts.map((act) => act.data);
  // Whose it is, so that nobody else can propose it first.
  const signed = `${description}#proposer=${proposer.address}`;
  const operation = [targets, values, data, id(signed)] as const;
  await chain.mined(governor.connect(proposer).propose(targets, values, data, signed));
  const proposalId = await governor.hashProposal(...operation);
  return {
    operation,
    outcome: async () => OUTCOMES[Number(await governor.state(proposalId))] ?? "unknown",
    votes: async () => await governor.proposalVotes(proposalId),
    untilOpen: async (onWait: (secondsLeft: number) => void) =>
      await chain.untilAfter(await governor.proposalSnapshot(proposalId), onWait),
    untilClosed: async (onWait: (secondsLeft: number) => void) =>
      await chain.untilAfter(await governor.proposalDeadline(proposalId), onWait),
    untilReady: async (onWait: (secondsLeft: number) => void) =>
      await chain.untilAfter(await governor.proposalEta(proposalId), onWait),
    vote: async (voter: Account, vote: Vote) =>
      await chain.mined(governor.connect(voter).castVote(proposalId, SUPPORT[vote])),
    queue: async (caller: Account) => await chain.mined(governor.connect(caller).queue(...operation)),
    execute: async (caller: Account) => await chain.mined(governor.connect(caller).execute(...operation)),
  };
}

export type Proposal = Awaited<ReturnType<typeof propose>>;

/** Lets all members agree on something, without telling it. */
export async function agree(
  chain: Chain,
  consortium: Consortium,
  members: readonly [Member, ...Member[]],
  description: string,
  acts: readonly Act[],
): Promise<void> {
  const [{ account }] = members;
  const proposal = await propose(chain, consortium, account, description, acts);
  await proposal.untilOpen(() => undefined);
  for (const member of members) await proposal.vote(member.account, "yes");
  await proposal.untilClosed(() => undefined);
  await proposal.queue(account);
  await proposal.untilReady(() => undefined);
  await proposal.execute(account);
}
