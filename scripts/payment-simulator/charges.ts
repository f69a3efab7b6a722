// The simulator's book: charges and their refunds, as Ping++'s API shows them (https://www.pingxx.com/api).

import { randomInt } from "node:crypto";

export interface Charge {
  id: string;
  object: "charge";
  created: number;
  livemode: boolean;
  paid: boolean;
  refunded: boolean;
  app: string;
  channel: string;
  order_no: string;
  client_ip: string;
  amount: number;
  currency: string;
  subject: string;
  body: string;
  extra: Record<string, unknown>;
  time_paid: number | null;
  time_expire: number;
  transaction_no: string | null;
  amount_refunded: number;
  failure_code: string | null;
  failure_msg: string | null;
  metadata: Record<string, unknown>;
  credential: Record<string, unknown>;
}

export interface Refund {
  id: string;
  object: "refund";
  order_no: string;
  amount: number;
  created: number;
  succeed: boolean;
  status: "pending" | "succeeded" | "failed";
  time_succeed: number | null;
  description: string;
  failure_code: string | null;
  failure_msg: string | null;
  metadata: Record<string, unknown>;
  charge: string;
  charge_order_no: string;
}

/** What the API refuses, as it says it. */
export class Refusal extends Error {
  readonly status: number;
  readonly parameter: string | undefined;

  constructor(status: number, message: string, parameter?: string) {
    super(message);
    this.status = status;
    this.parameter = parameter;
  }

  get type(): string {
    return this.status === 402 ? "channel_error" : "invalid_request_error";
  }
}

export interface ChargeBook {
  create(input: Record<string, unknown>): Charge;
  /** Throws {@link Refusal}. */
  find(id: string): Charge;
  list(): Charge[];
  /** Marks it as paid. Throws {@link Refusal} if it cannot be any more. */
  pay(id: string, options?: { afterExpiry?: boolean }): Charge;
  /** Begins a refund. Throws {@link Refusal}. */
  refund(id: string, input: Record<string, unknown>): Refund;
  complete(refund: Refund, status: "succeeded" | "failed"): void;
  refundsOf(id: string): Refund[];
}

const LONGEST_SECONDS = 15 * 86_400;
const DEFAULT_SECONDS = 86_400;

export function createChargeBook(options: {
  appId: string;
  payUrl(chargeId: string): string;
  /** In milliseconds since the Unix epoch. */
  now(): number;
}): ChargeBook {
  const { appId, payUrl, now } = options;
  const charges = new Map<string, Charge>();
  const refunds = new Map<string, Refund[]>();
  const seconds = () => Math.floor(now() / 1_000);

  function find(id: string): Charge {
    const charge = charges.get(id);
    if (charge === undefined) throw new Refusal(404, `No such charge: ${id}`, "id");
    return charge;
  }

  return {
    find,
    list: () => [...charges.values()],
    create(input) {
      const channel = text(input, "channel");
      const { id: app } = hash(input, "app");
      if (app !== appId) throw new Refusal(404, `No such app: ${String(app)}`, "app");
      const orderNumber = text(input, "order_no");
      if (!/^[A-Za-z0-9]{1,64}$/.test(orderNumber)) throw new Refusal(400, "order_no: letters and digits", "order_no");
      const currency = text(input, "currency");
      if (currency !== "cny") throw new Refusal(400, "currency: only cny here", "currency");
      const subject = text(input, "subject");
      if ([...subject].length > 32) throw new Refusal(400, "subject: at most 32 characters", "subject");
      const body = text(input, "body");
      if ([...body].length > 128) throw new Refusal(400, "body: at most 128 characters", "body");
      const expiry = input["time_expire"] ?? seconds() + DEFAULT_SECONDS;
      if (typeof expiry !== "number" || expiry <= seconds() || expiry > seconds() + LONGEST_SECONDS)
        throw new Refusal(400, "time_expire: in the future, at most 15 days", "time_expire");
      if ([...charges.values()].some(({ order_no, paid }) => order_no === orderNumber && paid))
        throw new Refusal(402, `order_no ${orderNumber} was paid already`, "order_no");
      const id = `ch_${randomId()}`;
      const charge: Charge = {
        id,
        object: "charge",
        created: seconds(),
        livemode: false,
        paid: false,
        refunded: false,
        app: appId,
        channel,
        order_no: orderNumber,
        client_ip: text(input, "client_ip"),
        amount: amount(input),
        currency,
        subject,
        body,
        extra: hash(input, "extra"),
        time_paid: null,
        time_expire: expiry,
        transaction_no: null,
        amount_refunded: 0,
        failure_code: null,
        failure_msg: null,
        metadata: hash(input, "metadata"),
        credential: { object: "credential", [channel]: payUrl(id) },
      };
      charges.set(id, charge);
      refunds.set(id, []);
      return charge;
    },
    pay(id, { afterExpiry = false } = {}) {
      const charge = find(id);
      if (charge.paid) throw new Refusal(400, "It was paid already", "id");
      if (charge.time_expire <= seconds() && !afterExpiry) throw new Refusal(400, "It has expired", "id");
      charge.paid = true;
      charge.time_paid = seconds();
      charge.transaction_no = Array.from({ length: 28 }, () => randomInt(10)).join("");
      charge.credential = {};
      return charge;
    },
    refund(id, input) {
      const charge = find(id);
      if (!charge.paid) throw new Refusal(400, "It was not paid", "id");
      const description = text(input, "description");
      const here = refunds.get(id) ?? [];
      const left = here
        .filter(({ status }) => status !== "failed")
        .reduce((rest, refund) => rest - refund.amount, charge.amount);
      const wanted = input["amount"] === undefined ? left : amount(input);
      if (wanted > left || left === 0) throw new Refusal(400, `Only ${left} can be refunded`, "amount");
      const refund: Refund = {
        id: `re_${randomId()}`,
        object: "refund",
        order_no: randomId(),
        amount: wanted,
        created: seconds(),
        succeed: false,
        status: "pending",
        time_succeed: null,
        description,
        failure_code: null,
        failure_msg: null,
        metadata: hash(input, "metadata"),
        charge: id,
        charge_order_no: charge.order_no,
      };
      here.push(refund);
      charge.refunded = true;
      return refund;
    },
    complete(refund, status) {
      refund.status = status;
      if (status === "failed") {
        refund.failure_code = "refund_failed";
        refund.failure_msg = "The channel has refused.";
        return;
      }
      refund.succeed = true;
      refund.time_succeed = seconds();
      find(refund.charge).amount_refunded += refund.amount;
    },
    refundsOf(id) {
      find(id);
      return refunds.get(id) ?? [];
    },
  };
}

function text(input: Record<string, unknown>, name: string): string {
  const value = input[name];
  if (typeof value !== "string" || value === "") throw new Refusal(400, `${name} is missing`, name);
  return value;
}

function amount(input: Record<string, unknown>): number {
  const value = input["amount"];
  if (!Number.isSafeInteger(value) || (value as number) <= 0)
    throw new Refusal(400, "amount: a whole number", "amount");
  return value as number;
}

function hash(input: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = input[name] ?? {};
  if (typeof value !== "object" || Array.isArray(value)) throw new Refusal(400, `${name}: a hash`, name);
  return value as Record<string, unknown>;
}

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** 24 letters and digits, as in Ping++'s ids. */
export function randomId(): string {
  return Array.from({ length: 24 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}
