// The basket, and the payment of what was in it.

import { AdjustmentType } from "@vendure/common/lib/generated-types";
import type { Order, OrderLine } from "@vendure/core";
import type { Claim } from "../../membership/fields.ts";
import { type Html, html } from "../html.ts";
import { type Language, localized, money, type Text } from "../text/text.ts";

interface Words {
  language: Language;
  text: Text;
}

/** What promotions are called in the reader's language; an order remembers that of the day it was reckoned. */
export type DiscountNames = ReadonlyMap<string, string>;

export interface BasketView {
  order: Order | undefined;
  discountNames: DiscountNames;
  signedIn: boolean;
  claim: Claim | undefined;
  /** What could be redeemed for what is in the basket. */
  claimable: Claim[];
}

export function basketPage(
  { language, text }: Words,
  { order, discountNames, signedIn, claim, claimable }: BasketView,
): Html {
  const words = text.basket;
  if (order === undefined || order.lines.length === 0)
    return html`<h1>${words.heading}</h1><p>${words.empty}</p><p><a class="button" href="/">${words.goShopping}</a></p>`;
  return html`<h1>${words.heading}</h1>
${linesOf({ language, text }, order, true)}
${totals({ language, text }, order, discountNames)}
<p class="hint">${words.rule}</p>
${
  (claim !== undefined || claimable.length > 0) &&
  html`<section class="panel">
<h2>${words.onYourCard}</h2>
${
  claim === undefined
    ? claimable.map(
        (one) => html`<form method="post" action="/basket/claim">
<input type="hidden" name="claim" value="${claimKey(one)}">
<button class="secondary">${words.useBenefit(localized(one.name, language))}</button>
</form>`,
      )
    : html`<p>${words.benefitChosen(localized(claim.name, language))}</p>
<form method="post" action="/basket/claim"><button class="secondary">${words.keepBenefit}</button></form>`
}
</section>`
}
<section class="panel">
<h2>${words.coupon}</h2>
${order.couponCodes.map(
  (code) => html`<form method="post" action="/basket/coupon/remove">
<input type="hidden" name="code" value="${code}">
<button class="secondary">${words.removeCoupon(code)}</button>
</form>`,
)}
<form method="post" action="/basket/coupon" class="row">
<label for="coupon">${words.coupon} <small>${words.couponHint}</small></label>
<input id="coupon" name="code" required maxlength="40" autocomplete="off" spellcheck="false">
<button class="secondary">${words.applyCoupon}</button>
</form>
</section>
${
  signedIn
    ? html`<form method="post" action="/checkout"><button class="wide">${words.checkout}</button></form>`
    : html`<p><a class="button wide" href="/sign-in?next=basket">${words.signInToPay}</a></p>`
}`;
}

export function checkoutPage(
  { language, text }: Words,
  { order, discountNames, held }: { order: Order; discountNames: DiscountNames; held: boolean },
): Html {
  const words = text.checkout;
  return html`<h1>${words.heading}</h1>
${linesOf({ language, text }, order, false)}
${totals({ language, text }, order, discountNames)}
${held && html`<p class="notice good">${words.held}</p>`}
<form method="post" action="/checkout/pay"><button class="wide">${words.pay(money(order.totalWithTax, language))}</button></form>
<p class="hint">${words.testOnly}</p>
<form method="post" action="/checkout/back"><button class="plain">${words.back}</button></form>`;
}

export function linesOf({ language, text }: Words, order: Order, changeable: boolean): Html {
  const words = text.basket;
  const after = (line: OrderLine) => line.discountedLinePriceWithTax;
  return html`<ul class="lines">
${order.lines.map(
  (line) => html`<li data-sku="${line.productVariant.sku}">
<div>
<strong>${line.productVariant.name}</strong>
<span>${line.orderPlacedQuantity || line.quantity} × ${money(line.unitPriceWithTax, language)}</span>
</div>
${
  changeable &&
  html`<form method="post" action="/basket/lines/${line.id}" class="row">
<label for="quantity-${line.id}" class="hidden">${text.product.quantity}: ${line.productVariant.name}</label>
<input id="quantity-${line.id}" type="number" name="quantity" min="0" max="99" value="${line.quantity}" inputmode="numeric">
<button class="secondary">${words.update}</button>
<button class="plain" name="remove" value="1" aria-label="${words.remove}: ${line.productVariant.name}">${words.remove}</button>
</form>`
}
${
  line.quantity > 0 &&
  html`<p class="amount">${
    after(line) < line.linePriceWithTax &&
    html`<s><span class="hidden">${text.product.usualPrice} </span>${money(line.linePriceWithTax, language)}</s> `
  }<strong>${money(after(line), language)}</strong></p>`
}
</li>`,
)}
</ul>`;
}

export function totals({ language, text }: Words, order: Order, discountNames: DiscountNames): Html {
  const before = order.lines.reduce((sum, line) => sum + line.linePriceWithTax, 0);
  // As they were taken off: those of the whole order last.
  const discounts = order.discounts.toSorted((a, b) => rankOf(a.type) - rankOf(b.type));
  return html`<dl class="totals">
${
  before !== order.totalWithTax &&
  html`<div class="sum"><dt>${text.basket.subtotal}</dt><dd>${money(before, language)}</dd></div>
${discounts.map(
  ({ adjustmentSource, description, amountWithTax }) =>
    html`<div class="sum"><dt>${discountNames.get(adjustmentSource) ?? description}</dt><dd>${money(amountWithTax, language)}</dd></div>`,
)}`
}
<div class="sum total"><dt>${text.basket.total}</dt><dd>${money(order.totalWithTax, language)}</dd></div>
</dl>`;
}

/** What a form says of a claim. */
export function claimKey({ collection, serial, benefit }: Claim): string {
  return `${collection}/${serial}/${benefit}`;
}

function rankOf(type: AdjustmentType): number {
  return type === AdjustmentType.DISTRIBUTED_ORDER_PROMOTION ? 1 : 0;
}
