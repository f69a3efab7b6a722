// What the staff does: sees what was ordered and what went wrong, pays orders back, and starts flash sales.

import type { Order } from "@vendure/core";
import { type Html, html } from "../html.ts";
import { dateTime, type Language, money, type Text } from "../text/text.ts";
import { paidFor, stateOf } from "./order-pages.ts";

export interface SaleView {
  percent: number;
  product: string;
  until: Date | undefined;
  on: boolean;
}

export function staffPage(
  { language, text }: { language: Language; text: Text },
  { orders, sale }: { orders: Order[]; sale: SaleView | undefined },
): Html {
  const words = text.staff;
  return html`<h1>${words.heading}</h1>
<section class="panel">
<h2>${words.sale}</h2>
${
  sale?.on
    ? html`<p>${words.saleOn(sale.percent, sale.product, sale.until === undefined ? "…" : dateTime(sale.until, language))}</p>
<form method="post" action="/staff/flash-sale"><button class="secondary" name="hours" value="0">${words.endSale}</button></form>`
    : html`<p>${words.saleOff}</p>
<form method="post" action="/staff/flash-sale"><button class="secondary" name="hours" value="2">${words.startSale}</button></form>`
}
</section>
<h2>${words.orders}</h2>
${
  orders.length === 0
    ? html`<p>${words.none}</p>`
    : html`<p class="hint">${words.refundHint}</p>
<ul class="lines">${orders.map(
        (order) => html`<li data-order="${order.code}">
<div>
<strong>${order.code}</strong>
<span>${order.orderPlacedAt && dateTime(order.orderPlacedAt, language)} · ${stateOf(text, order)}</span>
<span>${order.customer && `${order.customer.firstName} ${order.customer.lastName}`.trim()} · ${order.customer?.emailAddress}</span>
<span>${order.lines.map(({ productVariant, orderPlacedQuantity }) => `${orderPlacedQuantity} × ${productVariant.name}`).join(language === "en" ? ", " : "、")}</span>
${order.customFields.mintmarkProblem !== null && html`<span class="problem">${words.problem}: ${order.customFields.mintmarkProblem}</span>`}
</div>
<p class="amount"><strong>${money(paidFor(order), language)}</strong></p>
${
  order.state === "PaymentSettled" &&
  html`<form method="post" action="/staff/orders/${order.code}/refund"><button class="secondary" aria-label="${words.refund}: ${order.code}">${words.refund}</button></form>`
}
</li>`,
      )}</ul>`
}
<form method="post" action="/staff/sign-out"><button class="plain">${text.nav.signOut}</button></form>`;
}
