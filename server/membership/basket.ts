// What a member's cards do for a basket: which products they unlock, and which discount applies to each line. Pure. Must hold: the
// same basket, cards and moment give the same answer, to the smallest unit of the currency; one discount per line, the largest.

import type { BenefitStanding, Obstacle } from "./benefits.ts";
import type { HeldCard } from "./members.ts";
import { type BenefitRule, type BrandRules, isAbout } from "./rules.ts";

export interface BasketLine {
  id: string;
  product: string;
  categories?: readonly string[] | undefined;
  quantity: number;
  /** In the currency's smallest unit. */
  unitPrice: number;
}

/** A card's benefit, as a line of a basket refers to it. */
export interface BenefitOfCard {
  card: HeldCard;
  standing: BenefitStanding;
  rule: BenefitRule;
}

export interface CheckedLine {
  id: string;
  /** Whether the product is for members only, and these cards do not unlock it. */
  locked: boolean;
  unlockedBy: BenefitOfCard | null;
  /** `amount`: what the line costs less, in all. */
  discount: (BenefitOfCard & { amount: number; basisPoints: number; uses: number }) | null;
  /** What the member could have had, and why not. */
  missed: (BenefitOfCard & { obstacle: Obstacle })[];
  total: number;
}

export interface CheckedBasket {
  lines: CheckedLine[];
  /** The benefits that can be used for this basket besides, each of which takes a redemption. */
  usable: BenefitOfCard[];
  subtotal: number;
  discountTotal: number;
  total: number;
}

const WHOLE = 10_000;

/**
 * @param standings How the benefits of the cards stand; of each card in the order of the benefits.
 * Of a benefit with a quota, each line that it makes cheaper takes one use; what the lines before have taken is not there for those after.
 */
export function checkBasket(
  lines: readonly BasketLine[],
  cards: readonly { card: HeldCard; standings: readonly BenefitStanding[] }[],
  rules: BrandRules,
): CheckedBasket {
  const all = cards.flatMap(({ card, standings }) =>
    standings.flatMap((standing): BenefitOfCard[] => {
      const rule = rules.find(card.collection.address, standing.benefitId);
      return rule === undefined ? [] : [{ card, standing, rule }];
    }),
  );
  const taken = new Map<BenefitStanding, number>();
  const checked = lines.map((line) => checkLine(line, all, rules, taken));
  const subtotal = lines.reduce((sum, { unitPrice, quantity }) => sum + unitPrice * quantity, 0);
  const discountTotal = checked.reduce((sum, { discount }) => sum + (discount?.amount ?? 0), 0);
  const usable = all.filter(
    ({ rule, standing }) =>
      rule.kind === "use" && standing.obstacle === null && lines.some((line) => isAbout(rule, line)),
  );
  return { lines: checked, usable, subtotal, discountTotal, total: subtotal - discountTotal };
}

function checkLine(
  line: BasketLine,
  all: readonly BenefitOfCard[],
  rules: BrandRules,
  taken: Map<BenefitStanding, number>,
): CheckedLine {
  const about = all.filter(({ rule }) => isAbout(rule, line));
  const leftOf = ({ standing }: BenefitOfCard) =>
    standing.left === null ? Number.POSITIVE_INFINITY : standing.left - (taken.get(standing) ?? 0);
  const obstacleOf = (benefit: BenefitOfCard): Obstacle | null =>
    benefit.standing.obstacle ?? (leftOf(benefit) > 0 ? null : "used-up");

  const isShut = rules.access.some((rule) => isAbout(rule, line));
  const unlockedBy =
    (isShut && about.find((benefit) => benefit.rule.kind === "access" && obstacleOf(benefit) === null)) || null;
  const price = line.unitPrice * line.quantity;
  const discounts = about.filter((benefit) => benefit.rule.kind === "discount");
  const best = discounts
    .filter((benefit) => obstacleOf(benefit) === null)
    // Of equal ones that which is not used up; otherwise the first card's.
    .toSorted(
      (left, right) =>
        (right.rule.basisPoints ?? 0) - (left.rule.basisPoints ?? 0) ||
        Number(right.standing.left === null) - Number(left.standing.left === null),
    )[0];
  const basisPoints = best?.rule.basisPoints ?? 0;
  // Rounded down, so that no discount is more than was promised; in whole numbers, because products of prices may be beyond 2^53.
  const amount = Number((BigInt(price) * BigInt(basisPoints)) / BigInt(WHOLE));
  const discount = best === undefined || amount === 0 ? null : { ...best, amount, basisPoints, uses: usesOf(best) };
  if (discount !== null) taken.set(discount.standing, (taken.get(discount.standing) ?? 0) + discount.uses);
  return {
    id: line.id,
    locked: isShut && unlockedBy === null,
    unlockedBy,
    discount,
    missed: about.flatMap((benefit) => {
      const obstacle = benefit === best ? null : obstacleOf(benefit);
      return obstacle === null ? [] : [{ ...benefit, obstacle }];
    }),
    total: price - (discount?.amount ?? 0),
  };
}

/** How many redemptions it takes to have a discount on one line: none where one may have it as often as one likes. */
function usesOf({ standing }: BenefitOfCard): number {
  return standing.left === null ? 0 : 1;
}
