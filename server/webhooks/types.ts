// What can be told, and which of it an endpoint has asked for. Must hold: whoever is told of something is also told when it is taken
// back.

import type { EventName } from "../chain/events.ts";
import { ORDER_STATES } from "../issuance/orders/order.ts";

/** What events of the chain are called. Each is also told with `.reverted` when the chain takes it back. */
export const TYPE_OF_EVENT = {
  BatchIssued: "card.issued",
  CardRenewed: "card.renewed",
  CardTierChanged: "card.tier_changed",
  CardCorrected: "card.corrected",
  CardSuspended: "card.suspended",
  CardReinstated: "card.reinstated",
  CardRevoked: "card.revoked",
  CardSurrendered: "card.surrendered",
  CardReissued: "card.reissued",
  BenefitRedeemed: "benefit.redeemed",
  RedemptionUndone: "benefit.redemption_undone",
  WindDownStarted: "collection.winding_down",
} as const satisfies Partial<Record<EventName, string>>;
export type ToldEventName = keyof typeof TYPE_OF_EVENT;

const REVERTED = ".reverted";
const CHAIN_TYPES = Object.values(TYPE_OF_EVENT);

/** What a brand can be told, but for a test. */
export const WEBHOOK_TYPES: readonly string[] = [
  ...CHAIN_TYPES.flatMap((type) => [type, revertedType(type)]),
  "card.expiring",
  "card.expired",
  ...ORDER_STATES.map((state) => `order.${state}`),
  "order.gifted",
];
/** Sent on request, whatever the endpoint has asked for. */
export const TEST_TYPE = "webhook.test";

const GROUPS = new Set(WEBHOOK_TYPES.map((type) => type.slice(0, type.indexOf("."))));

export function revertedType(type: string): string {
  return `${type}${REVERTED}`;
}

/** What an endpoint may ask for: `*`, `card.*` and the like, or one type. */
export const PATTERNS: readonly string[] = ["*", ...[...GROUPS].map((group) => `${group}.*`), ...WEBHOOK_TYPES];

/** Whether one of the patterns asks for a type. Who asks for a type asks for its taking back, too. */
export function asksFor(patterns: readonly string[], type: string): boolean {
  const plain = type.endsWith(REVERTED) ? type.slice(0, -REVERTED.length) : type;
  const group = `${type.slice(0, type.indexOf("."))}.*`;
  return patterns.some((pattern) => [type, plain, group, "*"].includes(pattern));
}

export function isToldEvent(name: EventName): name is ToldEventName {
  return name in TYPE_OF_EVENT;
}
