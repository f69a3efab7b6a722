// All that the store says to Mintmark over HTTP, in one place. A failure is one of two kinds: Mintmark is away, and the same
// request may be sent again; or it refuses, and says why.

export interface LocalText {
  en: string;
  "zh-CN": string | null;
}

export interface OrderedCard {
  collection: { address: string; slug: string };
  serial: number;
  tier: number;
  state: "held" | "queued" | "sent" | "done" | "failed" | "cancelled";
  /** The block that it was issued in. */
  blockNumber: number | null;
  failure: { name: string; detail: string } | null;
  verifyUrl: string;
}

export interface Order {
  id: string;
  state: "accepted" | "queued" | "sent" | "issued" | "failed" | "cancelled" | "refunding" | "refunded";
  failure: { name: string; detail: string } | null;
  cards: OrderedCard[];
}

export interface NewOrder {
  customer: { reference: string };
  items: { collection: string; tier?: number; term?: string | null; quantity: number }[];
  paid: { amount: number; currency: string };
}

/** One line of a basket, or one product of a list. Prices are in the currency's smallest unit. */
export interface CheckLine {
  id: string;
  product: string;
  categories: string[];
  quantity: number;
  unitPrice: number;
}

export interface CheckedLine {
  id: string;
  /** Whether only members may buy it, and this customer is none. */
  locked: boolean;
  reason: string | null;
  discount: { amount: number; percent: number; needsRedemption: boolean } | null;
  total: number;
}

export interface Check {
  member: boolean;
  lines: CheckedLine[];
}

export type BenefitKind = "discount" | "access" | "use";

export interface Benefit {
  id: number;
  name: LocalText | null;
  kind: BenefitKind | null;
  discountPercent: number | null;
  products: string[] | null;
  /** Whether it can be used now. */
  usable: boolean;
  /** How many uses are left in this period; null if there is no limit. */
  left: number | null;
  quota: number | null;
}

export interface MemberCard {
  collection: { slug: string; name: string; address: string };
  serial: number;
  tier: number;
  status: string;
  expiresAt: string | null;
  /** Whether it gives its benefits now. */
  usable: boolean;
  benefits: Benefit[];
}

export interface Hold {
  id: string;
  state: string;
  heldUntil: string;
}

export interface BenefitMeaning {
  name: LocalText;
  kind: BenefitKind;
  discountPercent?: number;
  products: string[];
}

export interface WebhookEndpoint {
  id: string;
  url: string;
  state: string;
}

/** Mintmark cannot be reached or cannot answer now. Nothing is known about what became of the request. */
export class MintmarkAway extends Error {
  override name = "MintmarkAway";
}

/** Mintmark has understood and refuses. The message is its own sentence. */
export class MintmarkRefusal extends Error {
  override name = "MintmarkRefusal";
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export interface Mintmark {
  readonly url: string;
  placeOrder(order: NewOrder, idempotencyKey: string): Promise<Order>;
  order(id: string): Promise<Order>;
  refundOrder(id: string, reason: string): Promise<Order>;
  cancelOrder(id: string): Promise<Order>;
  check(customer: string | null, lines: CheckLine[]): Promise<Check>;
  cards(customer: string): Promise<MemberCard[]>;
  hold(
    request: {
      customer: string;
      collection: string;
      serial: number;
      benefit: number;
      holdSeconds: number;
      note: string;
    },
    idempotencyKey: string,
  ): Promise<Hold>;
  /** Also after the hold has run out, as long as there is a use left. */
  confirm(redemption: string): Promise<Hold>;
  release(redemption: string): Promise<Hold>;
  undo(redemption: string, reason: string): Promise<Hold>;
  describeBenefit(collection: string, id: number, meaning: BenefitMeaning): Promise<void>;
  webhookEndpoints(): Promise<WebhookEndpoint[]>;
  addWebhookEndpoint(url: string, events: string[]): Promise<WebhookEndpoint & { secret: string }>;
  removeWebhookEndpoint(id: string): Promise<void>;
}

/** For questions that somebody waits for at the checkout. */
const QUESTION_MS = 2_000;
/** For what is done in the background. */
const PATIENCE_MS = 15_000;

export function createMintmark({ url, key }: { url: string; key: string }): Mintmark {
  async function ask<Data>(
    method: string,
    path: string,
    {
      body,
      idempotencyKey,
      timeoutMs = PATIENCE_MS,
    }: { body?: unknown; idempotencyKey?: string; timeoutMs?: number } = {},
  ): Promise<Data> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await response.text();
    } catch (cause) {
      throw new MintmarkAway(`Mintmark does not answer at ${url}.`, { cause });
    }
    if (response.ok) return (text === "" ? undefined : (JSON.parse(text) as { data: Data }).data) as Data;
    const detail = detailOf(text) ?? `Mintmark answered ${response.status} to ${method} ${path}.`;
    if (response.status >= 500 || response.status === 429 || response.status === 408) throw new MintmarkAway(detail);
    throw new MintmarkRefusal(detail, response.status);
  }

  const at = encodeURIComponent;
  return {
    url,
    placeOrder: (order, idempotencyKey) => ask("POST", "/v1/orders", { body: order, idempotencyKey }),
    order: (id) => ask("GET", `/v1/orders/${at(id)}`),
    refundOrder: (id, reason) => ask("POST", `/v1/orders/${at(id)}/refund`, { body: { reason } }),
    cancelOrder: (id) => ask("POST", `/v1/orders/${at(id)}/cancel`),
    check: (customer, lines) =>
      ask("POST", "/v1/entitlements/check", { body: { customer, lines }, timeoutMs: QUESTION_MS }),
    async cards(customer) {
      const path = `/v1/customers/${at(customer)}/entitlements`;
      return (await ask<{ cards: MemberCard[] }>("GET", path, { timeoutMs: QUESTION_MS })).cards;
    },
    hold: (request, idempotencyKey) =>
      ask("POST", "/v1/redemptions", { body: request, idempotencyKey, timeoutMs: 2 * QUESTION_MS }),
    confirm: (id) => ask("POST", `/v1/redemptions/${at(id)}/confirm`),
    release: (id) => ask("POST", `/v1/redemptions/${at(id)}/release`),
    undo: (id, reason) => ask("POST", `/v1/redemptions/${at(id)}/undo`, { body: { reason } }),
    describeBenefit: (collection, id, meaning) =>
      ask("PUT", `/v1/collections/${at(collection)}/benefits/${id}`, { body: meaning }),
    webhookEndpoints: () => ask("GET", "/v1/webhook-endpoints"),
    addWebhookEndpoint: (endpoint, events) => ask("POST", "/v1/webhook-endpoints", { body: { url: endpoint, events } }),
    removeWebhookEndpoint: (id) => ask("DELETE", `/v1/webhook-endpoints/${at(id)}`),
  };
}

/** The sentence of a problem document (RFC 9457). */
function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === "string" ? detail : undefined;
  } catch {
    return undefined;
  }
}
