// How a decision is told, step by step: who signs what, how long it takes, how the vote ends.

import type { Terminal } from "../lifecycle/terminal.ts";
import type { Chain } from "./chain.ts";
import { type Act, type Consortium, callOf, type Member, type Proposal, propose, type Vote } from "./decisions.ts";

type Account = Chain["accounts"][number];

export interface Meeting {
  /** Proposes, opens the vote and votes. */
  putToVote(proposer: Member, title: string, acts: readonly Act[], votes: [Member, Vote][]): Promise<Proposal>;
  /** Waits for the end of the vote and for its outcome. Throws if it is another one. */
  close(proposal: Proposal, expected: "Defeated" | "Succeeded"): Promise<void>;
  /** All of it, to the execution. */
  decide(proposer: Member, title: string, acts: readonly Act[], votes: [Member, Vote][]): Promise<void>;
}

export interface MeetingDependencies {
  chain: Chain;
  consortium: Consortium;
  terminal: Terminal;
  /** Who queues and executes, so that a decision does not depend on who proposed it. */
  anyone: Account;
  /** Shows that the chain refuses. */
  refused(what: string, from: Account, act: Act): Promise<void>;
}

export function createMeeting({ chain, consortium, terminal, anyone, refused }: MeetingDependencies): Meeting {
  const { say, step } = terminal;
  const { times } = chain;
  const { governor, seat } = consortium;

  async function outcome(proposal: Proposal, expected: string): Promise<void> {
    const [no, yes, abstained] = await proposal.votes();
    const found = await proposal.outcome();
    if (found !== expected) throw new Error(`The proposal is ${found}, not ${expected}`);
    say(`  ${found}: ${yes} yes, ${no} no, ${abstained} abstained, of ${await seat.totalSupply()} seats`);
  }

  const meeting: Meeting = {
    async putToVote(proposer, title, acts, votes) {
      const proposal = await step(`${proposer.organisation} proposes (governor.propose): ${title}`, () =>
        propose(chain, consortium, proposer.account, title, acts),
      );
      await step(`The vote opens${after(times.votingDelay)}`, (progress) => proposal.untilOpen(left(progress)));
      const told = votes.map(([{ organisation }, vote]) => `${organisation} ${vote}`).join(", ");
      await step(`They vote (governor.castVote): ${told}`, () =>
        Promise.all(votes.map(([{ account }, vote]) => proposal.vote(account, vote))),
      );
      return proposal;
    },
    async close(proposal, expected) {
      await step(`The vote is over${after(times.votingPeriod)}`, (progress) => proposal.untilClosed(left(progress)));
      await outcome(proposal, expected);
    },
    async decide(proposer, title, acts, votes) {
      const proposal = await meeting.putToVote(proposer, title, acts, votes);
      await meeting.close(proposal, "Succeeded");
      await step("Anyone queues it in the timelock (governor.queue)", () => proposal.queue(anyone));
      await refused("Executing it before its time", anyone, callOf(governor, "execute", [...proposal.operation]));
      await step(`It has waited ${duration(times.timelockDelay)}`, (progress) => proposal.untilReady(left(progress)));
      await step("Anyone executes it (governor.execute)", () => proposal.execute(anyone));
      await outcome(proposal, "Executed");
    },
  };
  return meeting;
}

const left = (progress: (text: string) => void) => (seconds: number) => progress(`${seconds} s left`);

const after = (seconds: number) => (seconds === 0 ? "" : `, after ${duration(seconds)}`);

const DAY = 86_400;

/** For a person, in days or seconds. */
export function duration(seconds: number): string {
  const [amount, unit] = seconds >= DAY ? [seconds / DAY, "day"] : [seconds, "second"];
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}
