// What somebody's cards entitle them to, and what that means for a basket.

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type BenefitOfCard, type CheckedBasket, type CheckedLine, checkBasket } from "../membership/basket.ts";
import { type BenefitStanding, benefitStanding, obstacleOf } from "../membership/benefits.ts";
import type { HeldCard, Member, Members, Whose } from "../membership/members.ts";
import type { BenefitRule, BenefitRules, BrandRules } from "../membership/rules.ts";
import { requireMoment, single } from "./answers.ts";
import { keysOfBrand } from "./brand-lookups.ts";
import { checksummed } from "./checksum.ts";
import {
  basketSchema,
  type CheckedBasketAnswer,
  checkedBasketAnswer,
  type EntitlementsAnswer,
  entitlementsAnswer,
  MIN_BLOCK_HELP,
} from "./entitlement-schemas.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { referenceSchema } from "./order-schemas.ts";
import { addressParameter, blockNumberParameter } from "./parameters.ts";
import { isoTime, isoTimeOrNull } from "./present.ts";
import { Problem } from "./problems.ts";
import type { Services } from "./services.ts";

const minBlock = blockNumberParameter.meta({
  description: MIN_BLOCK_HELP,
});
const query = z.strictObject({ minBlock });

/** For so long an answer waits for the mirror to reach a block. */
const PATIENCE_MS = 2_000;
const LOOK_MS = 25;

const common = { tag: "membership", tagged: false, limited: true, open: false } as const;

/** Whom the shop does not know: an address that no card can be at. */
const NOBODY: Whose = { address: "" };

export function entitlementOperations(
  services: Services,
  { members, rules }: { members: Members; rules: BenefitRules },
): Operation[] {
  const { mirror, now } = services;

  /** Who that is, as of the block at least. Throws 409 if the mirror does not get there in time. */
  async function find(whose: Whose, minBlock: number | undefined): Promise<Member> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const member = await known(whose);
      const { blockNumber } = requireMoment(member).checkpoint;
      if (minBlock === undefined || blockNumber >= minBlock) return member;
      if (performance.now() >= until) {
        throw new Problem(
          "block-not-reached",
          `The registry has read the chain up to block ${blockNumber}, and not up to ${minBlock} within two seconds. Send it again, or without \`minBlock\`.`,
          { headers: { "Retry-After": "1" } },
        );
      }
      await sleep(LOOK_MS);
    }
  }

  /** A customer may have cards though no order of theirs was ever taken here: they are where the brand keeps its customers' cards. */
  async function known(whose: Whose): Promise<Member> {
    const member = await members.find(whose);
    if ("address" in whose || (member.customer !== null && member.customer.holder !== null)) return member;
    const keys = await keysOfBrand(services, whose.brandId);
    if (keys === undefined) return member;
    const kept = keys.holderAddress(whose.reference).toLowerCase();
    // Asked anew for all of it, so that it is of one moment.
    const whole = await members.find({ ...whose, kept });
    return { ...whole, customer: whole.customer === null ? null : { ...whole.customer, holder: kept } };
  }

  return [
    defineOperation({
      ...common,
      id: "getCustomerEntitlements",
      path: "/v1/customers/{reference}/entitlements",
      access: ["owner", "manager", "staff", "auditor"],
      summary: "Get what a customer is entitled to",
      description:
        "The cards of one of the brand's customers, by the brand's reference, and what is left of their benefits. Cards of other brands are not among them. Somebody whom nobody knows has none.",
      params: z.object({ reference: referenceSchema }),
      query,
      answers: { 200: { description: "The cards, and what they entitle to.", schema: entitlementsAnswer } },
      problems: [409, 503],
      async handle({ params: { reference }, query, principal: { brandId } }) {
        const member = await find({ brandId, reference }, query.minBlock);
        const cards = member.cards.filter(({ collection }) => collection.brandId === brandId);
        const data = await present({ ...member, cards }, rules, now());
        return single(data, requireMoment(member), mirror.status());
      },
    }),
    defineOperation({
      ...common,
      id: "getHolderEntitlements",
      path: "/v1/holders/{address}/entitlements",
      access: "everyone",
      open: true,
      summary: "Get what the cards of a holder entitle to",
      description:
        "The cards of one address in all collections, and what is left of their benefits. Everybody may ask: it follows from the chain, but for what is reserved at this moment.",
      params: z.object({ address: addressParameter }),
      query,
      answers: { 200: { description: "The cards, and what they entitle to.", schema: entitlementsAnswer } },
      problems: [409, 503],
      async handle({ params: { address }, query }) {
        const member = await find({ address }, query.minBlock);
        const data = await present(member, rules, now());
        return single({ ...data, holders: [checksummed(address)] }, requireMoment(member), mirror.status());
      },
    }),
    defineOperation({
      ...common,
      id: "checkBasket",
      method: "post",
      path: "/v1/entitlements/check",
      access: ["owner", "manager", "staff"],
      summary: "Check a basket",
      description:
        "Says for each line which discount the customer's cards give, and whether the product is for members only and unlocked. The largest discount of a line counts, and only that one. Reads only: what has a quota is to be reserved with POST /v1/redemptions.",
      body: basketSchema,
      answers: { 200: { description: "The basket, checked.", schema: checkedBasketAnswer } },
      problems: [409, 503],
      async handle({ body: { customer, holder, lines, minBlock }, principal: { brandId } }) {
        const named = customer == null ? undefined : { brandId, reference: customer };
        const whose = named ?? (holder === undefined ? NOBODY : { address: holder });
        const [member, brandRules] = await Promise.all([find(whose, minBlock), rules.ofBrand(brandId)]);
        const cards = member.cards
          .filter(({ collection }) => collection.brandId === brandId)
          .map((card) => ({ card, standings: standingsOf(card, now()) }));
        const basket = checkBasket(lines, cards, brandRules);
        const isMember = cards.some(({ card }) => obstacleOf(conditionOf(card), now()) === null);
        return single(presentBasket(basket, isMember), requireMoment(member), mirror.status());
      },
    }),
  ];
}

export function conditionOf({ status, expiresAt, brand }: HeldCard) {
  return { status, expiresAt, brandStatus: brand.status };
}

/** How the benefits of a card stand. `now` in milliseconds. */
export function standingsOf(card: HeldCard, now: number): BenefitStanding[] {
  const condition = conditionOf(card);
  return card.benefits.map(({ terms, use }) => benefitStanding(terms, use, card.pending, condition, now));
}

async function present(
  { customer, cards, more }: Member,
  rules: BenefitRules,
  now: number,
): Promise<EntitlementsAnswer> {
  const brandIds = [...new Set(cards.map(({ collection }) => collection.brandId))];
  const brands = new Map(
    await Promise.all(brandIds.map(async (id): Promise<[number, BrandRules]> => [id, await rules.ofBrand(id)])),
  );
  const presented = cards.map((card) => presentCard(card, brands.get(card.collection.brandId), now));
  const holders = [customer?.holder, customer?.wallet].flatMap((address) => address ?? []);
  return {
    customer: customer === null ? null : { id: customer.id, reference: customer.reference },
    holders: [...new Set(holders)].map(checksummed),
    member: presented.some(({ usable }) => usable),
    cards: presented,
    more,
  };
}

function presentCard(card: HeldCard, rules: BrandRules | undefined, now: number): EntitlementsAnswer["cards"][number] {
  const { collection, brand, serial, holder, tier, status, expiresAt } = card;
  const reason = obstacleOf(conditionOf(card), now);
  return {
    collection: { address: checksummed(collection.address), slug: collection.slug, name: collection.name },
    serial,
    tier,
    brand: { id: collection.brandId, name: brand.name, status: brand.status },
    holder: checksummed(holder),
    status: status as EntitlementsAnswer["cards"][number]["status"],
    expiresAt: isoTimeOrNull(expiresAt),
    usable: reason === null,
    reason,
    // What was taken away from the tier is none of its benefits any more.
    benefits: standingsOf(card, now)
      .filter(({ quota }) => quota !== 0)
      .map((standing) => presentStanding(standing, rules?.find(collection.address, standing.benefitId))),
  };
}

function presentStanding(
  standing: BenefitStanding,
  rule: BenefitRule | undefined,
): EntitlementsAnswer["cards"][number]["benefits"][number] {
  const { benefitId, quota, period, used, held, left, obstacle } = standing;
  return {
    id: benefitId,
    ...presentRule(rule),
    quota,
    period:
      period === null
        ? null
        : { startsAt: isoTime(period.startsAt), endsAt: period.endsAt === null ? null : isoTime(period.endsAt) },
    used,
    held,
    left,
    usable: obstacle === null,
    reason: obstacle,
  };
}

export function presentRule(rule: BenefitRule | undefined) {
  return {
    name: rule?.name ?? null,
    kind: rule?.kind ?? null,
    discountPercent: rule?.basisPoints == null ? null : rule.basisPoints / 100,
    products: rule?.products ?? null,
  };
}

function presentBasket(
  { lines, usable, subtotal, discountTotal, total }: CheckedBasket,
  member: boolean,
): CheckedBasketAnswer {
  return {
    member,
    lines: lines.map(presentLine),
    usable: usable.map((benefit) => ({ ...applied(benefit), left: benefit.standing.left })),
    ...{ subtotal, discountTotal, total },
  };
}

function presentLine({
  id,
  locked,
  unlockedBy,
  discount,
  missed,
  total,
}: CheckedLine): CheckedBasketAnswer["lines"][number] {
  const barred = missed.find(({ rule }) => rule.kind === "access");
  return {
    id,
    locked,
    reason: locked ? (barred?.obstacle ?? "members-only") : null,
    unlockedBy: unlockedBy === null ? null : applied(unlockedBy),
    discount:
      discount === null
        ? null
        : {
            ...applied(discount),
            percent: discount.basisPoints / 100,
            amount: discount.amount,
            needsRedemption: discount.uses > 0,
          },
    missed: missed.map((benefit) => ({ ...applied(benefit), reason: benefit.obstacle })),
    total,
  };
}

function applied({ card, standing, rule }: BenefitOfCard) {
  return { collection: card.collection.slug, serial: card.serial, benefit: standing.benefitId, name: rule.name };
}
