// Asks Mintmark what a customer is entitled to. Nothing is remembered longer than one request of a browser, so a card that was
// revoked a moment ago gives nothing any more; and Mintmark being away is an answer, never an error: the store goes on without.

import { AsyncLocalStorage } from "node:async_hooks";
import { Logger } from "@vendure/core";
import { type Check, type CheckLine, type MemberCard, type Mintmark, MintmarkAway } from "../mintmark/client.ts";

/** For how long nobody asks again after Mintmark did not answer, so that not every page waits for it. */
const PAUSE_MS = 3_000;

export interface Entitlements {
  check(customer: string | undefined, lines: CheckLine[]): Promise<Check | "away">;
  /** The customer's cards, with what is left of their benefits. */
  cards(customer: string): Promise<MemberCard[] | "away">;
  /** Does the work of one request, in which the same question is asked once. */
  inRequest<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Whether a question of this request stayed without an answer. */
  wasAway(): boolean;
}

export function createEntitlements({
  mintmark,
  now = Date.now,
}: {
  mintmark: Mintmark;
  now?: () => number;
}): Entitlements {
  const requests = new AsyncLocalStorage<{ answers: Map<string, Promise<unknown>>; away: boolean }>();
  let pauseUntil = 0;

  async function ask<Answer>(question: () => Promise<Answer>): Promise<Answer | "away"> {
    if (now() < pauseUntil) return noteAway();
    try {
      return await question();
    } catch (error) {
      pauseUntil = now() + PAUSE_MS;
      // A refusal here means that the store is set up wrongly. Customers are no worse off than without Mintmark.
      const log = error instanceof MintmarkAway ? Logger.warn : Logger.error;
      log.call(Logger, `Membership is unknown: ${error instanceof Error ? error.message : String(error)}`, "Mintmark");
      return noteAway();
    }
  }

  function noteAway(): "away" {
    const request = requests.getStore();
    if (request !== undefined) request.away = true;
    return "away";
  }

  async function once<Answer>(key: string, question: () => Promise<Answer>): Promise<Answer | "away"> {
    const request = requests.getStore();
    if (request === undefined) return await ask(question);
    const known = request.answers.get(key) as Promise<Answer | "away"> | undefined;
    const answer = known ?? ask(question);
    request.answers.set(key, answer);
    return await answer;
  }

  return {
    async check(customer, lines) {
      if (lines.length === 0) return { member: false, lines: [] };
      const key = JSON.stringify(["check", customer, lines]);
      return await once(key, () => mintmark.check(customer ?? null, lines));
    },
    cards: (customer) => once(JSON.stringify(["cards", customer]), () => mintmark.cards(customer)),
    inRequest: (work) => requests.run({ answers: new Map(), away: false }, work),
    wasAway: () => requests.getStore()?.away ?? false,
  };
}
