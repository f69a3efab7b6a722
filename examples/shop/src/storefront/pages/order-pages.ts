// A customer's orders, one of them with the cards that it brought, and what their cards give them.

import type { Order } from "@vendure/core";
import { claimOf } from "../../membership/fields.ts";
import type { ShopCard } from "../../membership/records.ts";
import type { MemberCard } from "../../mintmark/client.ts";
import { type Html, html } from "../html.ts";
import { dateTime, day, type Language, localized, money, type Text } from "../text/text.ts";
import { type DiscountNames, linesOf, totals } from "./basket-pages.ts";

interface Words {
  language: Language;
  text: Text;
}

export function ordersPage({ language, text }: Words, orders: Order[]): Html {
  const words = text.orders;
  return html`<h1>${words.heading}</h1>
${
  orders.length === 0
    ? html`<p>${words.none}</p>`
    : html`<ul class="lines">${orders.map(
        (order) => html`<li>
<div><a href="/orders/${order.code}"><strong>${words.order(order.code)}</strong></a>
<span>${order.orderPlacedAt && dateTime(order.orderPlacedAt, language)} · ${stateOf(text, order)}</span></div>
<p class="amount"><strong>${money(paidFor(order), language)}</strong></p>
</li>`,
      )}</ul>`
}`;
}

export interface OrderView {
  order: Order;
  cards: readonly ShopCard[];
  onItsWay: boolean;
  discountNames: DiscountNames;
}

/** Whether something that Mintmark has to do is not done yet. */
export function isOnItsWay(order: Order, cards: readonly ShopCard[]): boolean {
  if (order.customFields.mintmarkProblem !== null) return false;
  const waitsForCards = sellsCards(order) && (cards.length === 0 || cards.some(({ status }) => status === "Ordered"));
  const waitsForRevocation = order.state === "Cancelled" && cards.some(({ status }) => status === "Active");
  return (order.state !== "Cancelled" && waitsForCards) || waitsForRevocation || claimOf(order)?.state === "held";
}

export function orderPage({ language, text }: Words, { order, cards, onItsWay, discountNames }: OrderView): Html {
  const words = text.orders;
  const claim = claimOf(order);
  const benefit = claim === undefined ? "" : localized(claim.name, language);
  return html`<h1>${order.state === "Cancelled" ? words.states.refunded : words.thanks}</h1>
<p>${words.order(order.code)} · ${order.orderPlacedAt && dateTime(order.orderPlacedAt, language)} · <span class="state">${stateOf(text, order)}</span></p>
${sellsCards(order) && cardsOf(text, order, cards)}
${claim?.state === "held" && html`<p class="notice quiet">${words.redeeming(benefit)}</p>`}
${claim?.state === "confirmed" && html`<p class="notice good">${words.redeemed(benefit)}</p>`}
${claim?.state === "undone" && html`<p class="notice quiet">${words.undone(benefit)}</p>`}
${onItsWay && html`<p><a class="button" href="/orders/${order.code}?wait">${words.lookAgain}</a></p>`}
${linesOf({ language, text }, order, false)}
${order.state !== "Cancelled" && totals({ language, text }, order, discountNames)}
${order.state !== "Cancelled" && order.lines.some(({ productVariant }) => productVariant.customFields.cardCollection === null) && html`<p>${words.collect}</p>`}
<p><a href="/orders">${words.heading}</a></p>`;
}

function cardsOf(text: Text, order: Order, cards: readonly ShopCard[]): Html {
  const words = text.orders;
  return html`<section class="panel">
<h2>${words.yourCard}</h2>
${cards.map(
  (card) => html`<div class="card status-${card.status.toLowerCase()}">
<p class="card-name">${card.collectionName}</p>
<p class="card-number">${text.card.number(card.serial)}</p>
<p class="card-status">${text.card.statuses[card.status] ?? card.status}</p>
<p><a href="${card.verifyUrl}">${words.verify}</a></p>
</div>`,
)}
${
  order.customFields.mintmarkProblem !== null
    ? html`<p class="notice bad">${words.cardProblem}</p>`
    : cards.length === 0
      ? order.state !== "Cancelled" && html`<p>${words.cardWaiting}</p>`
      : cards.some(({ status }) => status === "Ordered") && html`<p>${words.cardOrdered}</p>`
}
</section>`;
}

export function cardPage({ language, text }: Words, cards: MemberCard[] | "away"): Html {
  const words = text.account;
  return html`<h1>${words.heading}</h1>
${
  cards === "away"
    ? html`<p>${words.unknown}</p>`
    : cards.length === 0
      ? html`<p>${words.none}</p><p><a class="button" href="/products/membership-card">${words.buy}</a></p>`
      : cards.map(
          ({ collection, serial, status, expiresAt, usable, benefits }) => html`<section class="panel">
<div class="card status-${(usable ? "Active" : status).toLowerCase()}">
<p class="card-name">${collection.name}</p>
<p class="card-number">${text.card.number(serial)}</p>
<p class="card-status">${text.card.statuses[status] ?? status}</p>
<p>${expiresAt === null ? text.card.forever : text.card.validUntil(day(new Date(expiresAt), language))}</p>
</div>
${
  usable
    ? html`<h2>${words.benefits}</h2>
<ul class="benefits">${benefits
        .filter(({ name }) => name !== null)
        .map(
          ({ name, kind, discountPercent, left, quota }) => html`<li>
<strong>${name && localized(name, language)}</strong>
<span>${
            kind === "discount"
              ? words.off(discountPercent ?? 0)
              : kind === "access"
                ? words.unlocked
                : left !== null && quota !== null && words.left(left, quota)
          }</span>
</li>`,
        )}</ul>`
    : html`<p>${words.notUsable}</p>`
}
</section>`,
        )
}`;
}

export function sellsCards(order: Order): boolean {
  return order.lines.some(({ productVariant }) => productVariant.customFields.cardCollection !== null);
}

export function stateOf(text: Text, order: Order): string {
  const { states } = text.orders;
  return order.state === "Cancelled" ? states.refunded : order.state === "PaymentSettled" ? states.paid : states.open;
}

/** What was paid, also where it was paid back. */
export function paidFor(order: Order): number {
  const payments = order.payments?.filter(({ state }) => state === "Settled") ?? [];
  return payments.length === 0 ? order.totalWithTax : payments.reduce((sum, { amount }) => sum + amount, 0);
}
