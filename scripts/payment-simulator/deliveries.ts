// Tells a server what has happened, as Ping++'s webhooks do: signed, and again until it is answered with 2xx. How long Ping++ waits
// between its attempts is told here as a service that copies its API documents it (10 times within 25 hours); its own page on
// webhooks was not at hand to compare.

import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Charge, type Refund, randomId } from "./charges.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  10 * SECOND,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  15 * HOUR,
];
const TIMEOUT_MS = 10 * SECOND;

/** How the next event is told, where not as it should be. */
export interface Misbehaviour {
  /** How often it is told from the beginning; 1 if left out. */
  times?: number;
  /** Made with somebody else's key, over other bytes, or left out. */
  signature?: "other-key" | "other-body" | "missing";
  /** What it says was paid. */
  amount?: number;
  currency?: string;
  /** Which charge it says it is about. */
  chargeId?: string;
  livemode?: boolean;
  app?: string;
  /** Not told until `release()`. */
  hold?: boolean;
  delayMs?: number;
}

export interface Attempt {
  eventId: string;
  type: string;
  /** Nothing where nobody answered. */
  status: number | undefined;
  body: string;
}

export interface Deliveries {
  /** How the next events are told, one each. */
  misbehave(misbehaviour: Misbehaviour): void;
  tell(type: "charge.succeeded" | "refund.succeeded", object: Charge | Refund): void;
  /** Tells what was held, in the order that is given or in that in which it happened. */
  release(order?: "last-first"): void;
  /** Every attempt so far that has ended. */
  attempts: Attempt[];
  /** Resolves once nothing is under way but waiting for the next attempt. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export function createDeliveries(options: {
  webhookUrl(): string;
  privateKey: string;
  /** Some other key, for wrong signatures. */
  otherPrivateKey: string;
  retryDelaysMs: readonly number[];
  /** In milliseconds since the Unix epoch. */
  now(): number;
}): Deliveries {
  const { webhookUrl, retryDelaysMs, now } = options;
  const key = createPrivateKey(options.privateKey);
  const otherKey = createPrivateKey(options.otherPrivateKey);
  const misbehaviours: Misbehaviour[] = [];
  const held: (() => void)[] = [];
  const attempts: Attempt[] = [];
  const closing = new AbortController();
  const sending = new Set<Promise<unknown>>();
  const waiting = new Set<Promise<unknown>>();

  async function send(eventId: string, type: string, body: string, signature: string | undefined): Promise<boolean> {
    let status: number | undefined;
    let answer = "";
    try {
      const response = await fetch(webhookUrl(), {
        method: "POST",
        headers: {
          "Content-Type": "application/json; charset=UTF-8",
          ...(signature === undefined ? {} : { "X-Pingplusplus-Signature": signature }),
        },
        body,
        redirect: "manual",
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      status = response.status;
      answer = await response.text();
    } catch {
      // Whoever is not there now may be there at the next attempt.
    }
    attempts.push({ eventId, type, status, body: answer });
    return status !== undefined && status >= 200 && status < 300;
  }

  async function deliver(eventId: string, type: string, body: string, signature: string | undefined): Promise<void> {
    for (const delay of [...retryDelaysMs, undefined]) {
      const attempt = send(eventId, type, body, signature);
      sending.add(attempt);
      const taken = await attempt.finally(() => sending.delete(attempt));
      if (taken || delay === undefined || closing.signal.aborted) return;
      await sleep(delay, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  function start(eventId: string, type: string, body: string, signature: string | undefined): void {
    const delivery = deliver(eventId, type, body, signature);
    waiting.add(delivery);
    void delivery.finally(() => waiting.delete(delivery));
  }

  return {
    attempts,
    misbehave: (misbehaviour) => misbehaviours.push(misbehaviour),
    tell(type, object) {
      const how = misbehaviours.shift() ?? {};
      const eventId = `evt_${randomId()}`;
      const told = {
        ...object,
        ...(how.amount === undefined ? {} : { amount: how.amount }),
        ...(how.currency === undefined ? {} : { currency: how.currency }),
        ...(how.chargeId === undefined ? {} : { id: how.chargeId }),
        ...(how.livemode === undefined ? {} : { livemode: how.livemode }),
        ...(how.app === undefined ? {} : { app: how.app }),
      };
      const body = JSON.stringify({
        id: eventId,
        created: Math.floor(now() / 1_000),
        livemode: how.livemode ?? false,
        type,
        data: { object: told },
        object: "event",
        pending_webhooks: 0,
        request: `iar_${randomId()}`,
      });
      const signature = signatureFor(body, how.signature, key, otherKey);
      const begin = () => {
        for (let time = 0; time < (how.times ?? 1); time++) start(eventId, type, body, signature);
      };
      if (how.hold === true) held.push(begin);
      else if (how.delayMs === undefined) begin();
      else {
        const late = sleep(how.delayMs, undefined, { signal: closing.signal }).then(begin, () => {});
        sending.add(late);
        void late.finally(() => sending.delete(late));
      }
    },
    release(order) {
      const begins = held.splice(0);
      for (const begin of order === "last-first" ? begins.reverse() : begins) begin();
    },
    async settled() {
      while (sending.size > 0) await Promise.all(sending);
    },
    async close() {
      closing.abort();
      await Promise.all([...sending, ...waiting]);
    },
  };
}

function signatureFor(
  body: string,
  wrong: Misbehaviour["signature"],
  key: KeyObject,
  otherKey: KeyObject,
): string | undefined {
  if (wrong === "missing") return undefined;
  const bytes = Buffer.from(wrong === "other-body" ? `${body} ` : body);
  return sign("RSA-SHA256", bytes, wrong === "other-key" ? otherKey : key).toString("base64");
}
