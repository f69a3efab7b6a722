// The list of products, and one product.

import { drawing } from "../art.ts";
import { type Html, html } from "../html.ts";
import type { ShelfProduct } from "../shelf.ts";
import { dateTime, type Language, money, type Text } from "../text/text.ts";

interface Words {
  language: Language;
  text: Text;
}

export function homePage(
  { language, text }: Words,
  { products, member, customerName }: { products: ShelfProduct[]; member: boolean; customerName: string | undefined },
): Html {
  return html`<div class="hero">
<h1>${text.home.heading}</h1>
<p>${member && customerName !== undefined ? text.home.memberHello(customerName) : text.home.intro}</p>
</div>
<ul class="shelf">
${products.map(
  (product) => html`<li class="${product.membersOnly ? "product members" : "product"}" data-sku="${product.sku}">
<a href="/products/${product.slug}">
${drawing(product.category)}
<h2>${product.name}</h2>
</a>
${product.membersOnly && html`<p class="tag">${text.product.membersOnly}</p>`}
${price({ language, text }, product)}
${addForm(text, product)}
</li>`,
)}
</ul>`;
}

export function productPage({ language, text }: Words, product: ShelfProduct): Html {
  return html`<article class="product single" data-sku="${product.sku}">
${drawing(product.category)}
<div>
${product.membersOnly && html`<p class="tag">${text.product.membersOnly}</p>`}
<h1>${product.name}</h1>
<p>${product.description}</p>
${price({ language, text }, product)}
${addForm(text, product)}
<p><a href="/">${text.product.back}</a></p>
</div>
</article>`;
}

function price({ language, text }: Words, { price, usualPrice, memberPrice, flash }: ShelfProduct): Html {
  const reasons = [
    memberPrice !== undefined && memberPrice === price && text.product.memberPrice,
    flash !== undefined &&
      flash.price === price &&
      text.product.flashPrice(flash.until === undefined ? "…" : dateTime(flash.until, language)),
  ].filter((reason) => reason !== false);
  return html`<p class="price">
<strong>${money(price, language)}</strong>
${price < usualPrice && html`<s><span class="hidden">${text.product.usualPrice} </span>${money(usualPrice, language)}</s>`}
${reasons.map((reason) => html`<span class="reason">${reason}</span>`)}
</p>`;
}

function addForm(text: Text, { variantId, name }: ShelfProduct): Html {
  return html`<form method="post" action="/basket/lines">
<input type="hidden" name="variant" value="${variantId}">
<button aria-label="${text.product.add}: ${name}">${text.product.add}</button>
</form>`;
}
