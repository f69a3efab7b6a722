// Asks contracts as of the mirror's block: in requests of bounded size, each of a bounded number of calls, each of bounded work.

import { setTimeout as sleep } from "node:timers/promises";
import type { Interface, ParamType } from "ethers";
import { brandRegistryInterface, membershipCollectionInterface } from "../../chain/abi.ts";
import { decodeValues } from "../../chain/decoding.ts";
import { type Rpc, type RpcCall, RpcError } from "../../chain/rpc.ts";
import { decodeMulticall, decodeStruct, EncodingError, type Struct } from "../../chain/structs.ts";
import type { CheckpointRow } from "../../database/snapshot.ts";

/** Where and as of which block questions are asked. */
export interface Witness {
  rpc: Rpc;
  at: Pick<CheckpointRow, "blockHash" | "blockTimestamp" | "registry">;
}

export interface Question {
  /** Whose function it is, for reading the answer. */
  contract: Interface;
  method: string;
  to: string;
  args: readonly unknown[];
}

const AGAIN_MS = 200;
/** Calls in one request. A node's own interpreter may need a tenth of a second for one that asks for {@link CARDS_PER_CALL} cards. */
const CALLS_PER_REQUEST = 16;
/** Questions in one call of `multicall`: some 6,000 gas each. */
const QUESTIONS_PER_CALL = 200;
/** Cards in one call of `cardsOf`: some 3,000 gas each, far below what nodes let a call use. */
export const CARDS_PER_CALL = 500;

export function ofCollection(to: string, method: string, ...args: unknown[]): Question {
  return { contract: membershipCollectionInterface, method, to, args };
}

export function ofRegistry({ at }: Witness, method: string, ...args: unknown[]): Question {
  return { contract: brandRegistryInterface, method, to: at.registry, args };
}

/** The decoded answers. */
export async function ask(witness: Witness, questions: readonly Question[]): Promise<unknown[][]> {
  return await askAnd(witness, questions, (answer, { contract, method }) =>
    decodeValues(contract.getFunction(method)?.outputs ?? [], answer),
  );
}

/** The same, with what reads an answer. */
export async function askAnd<Answer>(
  { rpc, at }: Witness,
  questions: readonly Question[],
  read: (answer: string, question: Question) => Answer,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < questions.length; start += CALLS_PER_REQUEST) {
    const some = questions.slice(start, start + CALLS_PER_REQUEST);
    const calls = some.map(({ contract, method, to, args }): RpcCall => {
      const data = contract.encodeFunctionData(method, args);
      // By hash (EIP-1898): the same block, whatever the chain does meanwhile.
      return { method: "eth_call", params: [{ to, data }, { blockHash: at.blockHash }] };
    });
    const results = await askAgain(() => rpc.batch(calls));
    for (const [index, question] of some.entries())
      answers.push(reading(question, () => read(String(results[index]), question)));
  }
  return answers;
}

/** A question to a collection that is asked together with others. */
export interface PackedQuestion {
  method: string;
  args: readonly unknown[];
  /** How many cards the answer tells of. */
  cards: number;
}

/** What a collection answers to many small questions: as many in one call as one may ask. */
export async function askPacked<Answer>(
  witness: Witness,
  collection: string,
  questions: readonly PackedQuestion[],
  read: (answer: string, question: PackedQuestion) => Answer,
): Promise<Answer[]> {
  const packs = packed(questions);
  const calls = packs.map((pack) => {
    const data = pack.map(({ method, args }) => membershipCollectionInterface.encodeFunctionData(method, args));
    return ofCollection(collection, "multicall", data);
  });
  let next = 0;
  const answers = await askAnd(witness, calls, (answer) => {
    const pack = packs[next++] ?? [];
    const results = decodeMulticall(answer);
    if (results.length !== pack.length) throw new EncodingError("Some answers are missing");
    return pack.map((question, index) => read(results[index] ?? "", question));
  });
  return answers.flat();
}

function packed(questions: readonly PackedQuestion[]): PackedQuestion[][] {
  const packs: PackedQuestion[][] = [];
  let cards = 0;
  for (const question of questions) {
    const pack = packs.at(-1);
    cards += question.cards;
    if (pack !== undefined && pack.length < QUESTIONS_PER_CALL && cards <= CARDS_PER_CALL) pack.push(question);
    else {
      packs.push([question]);
      cards = question.cards;
    }
  }
  return packs;
}

/** The same with questions of one kind, each about one card, whose answers are structs of fixed length. */
export async function askStructs(
  witness: Witness,
  collection: string,
  method: string,
  argsOfEach: readonly (readonly unknown[])[],
): Promise<Struct[]> {
  const struct = structOf(method);
  const questions = argsOfEach.map((args) => ({ method, args, cards: 1 }));
  return await askPacked(witness, collection, questions, (answer) => decodeStruct(struct, answer));
}

/** The struct that a function of collections answers with. */
export function structOf(method: string): ParamType {
  const struct = membershipCollectionInterface.getFunction(method)?.outputs[0];
  if (struct?.baseType !== "tuple")
    throw new TypeError(`Collections have no function ${method} that answers with a struct`);
  return struct;
}

/** A node may close a connection just when it is used again: that is no reason to give up what has taken minutes. */
async function askAgain<Answer>(question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof RpcError && error.kind === "unreachable")) throw error;
    await sleep(AGAIN_MS);
    return await question();
  }
}

/** Where nothing or something else is deployed, the answer fits no interface. */
function reading<Answer>({ to, method }: Question, read: () => Answer): Answer {
  try {
    return read();
  } catch (cause) {
    throw new RpcError(`The contract at ${to} does not answer ${method} as it should: is it another chain's address?`, {
      kind: "malformed",
      retryable: false,
      cause,
    });
  }
}
