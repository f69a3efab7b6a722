// How a drill is told and done at once: who signs what, in a form that an operator can repeat with a wallet, and what is read
// from the chain after it. What a drill says has happened on the chain; what does not ends it.

import { type BaseContract, getAddress, isAddress } from "ethers";
import type { Terminal } from "../../lifecycle/terminal.ts";
import { type Chain, ShowError } from "../chain.ts";
import { type Act, type Consortium, callOf, type Member, type Proposal, type Vote } from "../decisions.ts";
import { createMeeting, duration } from "../meeting.ts";
import { describeCall, type Names } from "./wording.ts";

type Account = Chain["accounts"][number];

/** Somebody with a key. */
export interface Party {
  /** As in the middle of a sentence. */
  name: string;
  account: Account;
}

/** What is read: a value, or some fields of a struct. */
type Expected = string | number | bigint | boolean | Readonly<Record<string, string | number | bigint | boolean>>;

export interface Telling {
  /** Begins a part of the drill. */
  part(title: string): void;
  say(text: string): void;
  /** Sends a call, which must succeed, and tells which events it has emitted. */
  signs(party: Party, target: BaseContract, name: string, args: readonly unknown[]): Promise<void>;
  /** Sends a call, which must fail with this error. */
  fails(party: Party, target: BaseContract, name: string, args: readonly unknown[], error: string): Promise<void>;
  /** Reads from the chain what must be so. */
  reads(target: BaseContract, name: string, args: readonly unknown[], expected: Expected, why: string): Promise<void>;
  /** The consortium decides, from the proposal to the execution. */
  decides(proposer: Member, title: string, acts: readonly Act[], votes: [Member, Vote][]): Promise<void>;
  /** Proposes what does not get its majority. Returns the operation, as the governor's functions take it. */
  isDefeated(
    proposer: Member,
    title: string,
    acts: readonly Act[],
    votes: [Member, Vote][],
  ): Promise<Proposal["operation"]>;
  /** Lets time pass. */
  waits(seconds: number, what: string): Promise<void>;
}

export interface TellingDependencies {
  chain: Chain;
  consortium: Consortium;
  names: Names;
  /** Where errors are declared. */
  contracts: readonly BaseContract[];
  /** Who queues and executes decisions. */
  anyone: Account;
  say(line: string): void;
}

const DETAIL = "     ";

export function createTelling({ chain, consortium, names, contracts, anyone, say }: TellingDependencies): Telling {
  const interfaces = contracts.map((contract) => contract.interface);
  let steps = 0;

  const begin = (text: string) => say(`${String(++steps).padStart(3)}. ${text}`);
  const detail = (text: string) => say(`${DETAIL}${text}`);

  async function refused(what: string, from: Account, { target, data }: Act, error?: string): Promise<void> {
    const address = await target.getAddress();
    const found = await chain.refusal(from, address, data, interfaces).catch((cause) => {
      throw new ShowError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`);
    });
    if (error !== undefined && found !== error)
      throw new ShowError(`${what}: reverts with ${found}, not with ${error}`);
    await chain.failed(from, address, data);
    detail(`✗ ${what}: sent, and reverted (${found})`);
  }

  const indented: Terminal = {
    say: (line) => detail(line.trimStart()),
    async step(title, work) {
      const result = await work(() => undefined);
      detail(`✓ ${title}`);
      return result;
    },
  };
  const meeting = createMeeting({ chain, consortium, terminal: indented, anyone, refused });

  async function announce(title: string, acts: readonly Act[]): Promise<void> {
    begin(`${title}. One proposal with ${acts.length === 1 ? "this call" : `these ${acts.length} calls`}:`);
    for (const act of acts) detail(`· ${await describeCall(act, names)}`);
  }

  return {
    part: (title) => say(`\n${title}`),
    say: detail,
    async signs(party, target, name, args) {
      const act = callOf(target, name, args);
      const what = `${sentence(party.name)} signs ${await describeCall(act, names)}`;
      begin(what);
      const sent = party.account.sendTransaction({ to: await target.getAddress(), data: act.data });
      const { blockNumber, logs } = await chain.mined(sent).catch((cause) => {
        throw new ShowError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`);
      });
      // A proxy that is made has an event of its own, which is nobody's here.
      const events = logs.flatMap((log) => interfaces.flatMap((known) => known.parseLog(log)?.name ?? []).slice(0, 1));
      detail(`✓ in block ${blockNumber}: ${[...new Set(events)].join(", ")}`);
    },
    async fails(party, target, name, args, error) {
      const act = callOf(target, name, args);
      await refused(`${sentence(party.name)} signs ${await describeCall(act, names)}`, party.account, act, error);
    },
    async reads(target, name, args, expected, why) {
      const call = await describeCall(callOf(target, name, args), names);
      const found = (await target.getFunction(name).staticCall(...args)) as unknown;
      const told = compared(found, expected, (problem) => {
        throw new ShowError(`It is not so that ${why}: ${call} is ${problem}`);
      });
      detail(`✓ ${sentence(why)}: ${call} = ${told}`);
    },
    async decides(proposer, title, acts, votes) {
      await announce(`The consortium decides: ${title}`, acts);
      await meeting.decide(proposer, title, acts, votes);
      // Votes count as they were a second before.
      await chain.untilAfter(await chain.now(), () => undefined);
    },
    async isDefeated(proposer, title, acts, votes) {
      await announce(`${proposer.organisation} proposes: ${title}`, acts);
      const proposal = await meeting.putToVote(proposer, title, acts, votes);
      await meeting.close(proposal, "Defeated");
      return proposal.operation;
    },
    async waits(seconds, what) {
      await chain.untilAfter((await chain.now()) + BigInt(seconds), () => undefined);
      begin(`${duration(seconds)} pass: ${what}`);
    },
  };

  /** What was found, in words; tells what is different. */
  function compared(found: unknown, expected: Expected, differs: (problem: string) => never): string {
    if (typeof expected !== "object") {
      if (String(found) !== String(expected)) differs(`${named(found)}, not ${named(expected)}`);
      return named(found);
    }
    const fields = Object.entries(expected).map(([field, value]) => {
      const actual = (found as Record<string, unknown>)[field];
      if (String(actual) !== String(value)) differs(`{${field}: ${named(actual)}}, not ${named(value)}`);
      return `${field}: ${named(actual)}`;
    });
    return `{${fields.join(", ")}}`;
  }

  function named(value: unknown): string {
    const text = String(value);
    return (isAddress(text) ? names.addresses.get(getAddress(text)) : undefined) ?? text;
  }
}

const sentence = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
