// The frame around every page. Works without JavaScript: there is none.

import { type Html, html } from "./html.ts";
import { LANGUAGES, type Language, TEXTS, type Text } from "./text/text.ts";

export interface Frame {
  language: Language;
  text: Text;
  path: string;
  title: string;
  /** Pieces in the basket. */
  basketSize: number;
  customerName: string | undefined;
  /** Whether a question to Mintmark stayed without an answer. */
  away: boolean;
  notice: Notice | undefined;
}

export type NoticeCode = keyof Text["notice"];

export interface Notice {
  code: NoticeCode;
  good: boolean;
}

const GOOD_NOTICES: readonly NoticeCode[] = ["added", "refunded", "sale-started", "sale-ended"];

export function noticeOf(code: unknown, text: Text): Notice | undefined {
  const known = (Object.keys(text.notice) as NoticeCode[]).find((key) => key === code);
  return known === undefined ? undefined : { code: known, good: GOOD_NOTICES.includes(known) };
}

export function layout(frame: Frame, content: Html): string {
  const { language, text, path, title, basketSize, customerName, away, notice } = frame;
  const link = (href: string, label: string) =>
    html`<li><a href="${href}"${path === href ? html` aria-current="page"` : ""}>${label}</a></li>`;
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · ${text.store}</title>
<link rel="stylesheet" href="/shop.css">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">${text.skip}</a>
<header>
<a class="brand" href="/"><strong>${text.store}</strong> <span>${text.storeTagline}</span></a>
<nav aria-label="${text.store}">
<ul>
${link("/", text.nav.shop)}
${link("/basket", basketSize > 0 ? `${text.nav.basket} (${basketSize})` : text.nav.basket)}
${
  customerName === undefined
    ? link("/sign-in", text.nav.signIn)
    : [link("/card", text.nav.account), link("/orders", text.nav.orders)]
}
</ul>
</nav>
</header>
<main id="content">
${notice !== undefined && html`<p class="notice ${notice.good ? "good" : "bad"}" role="status">${text.notice[notice.code]}</p>`}
${away && html`<p class="notice quiet" role="status">${text.notice.away}</p>`}
${content}
</main>
<footer>
<p>${text.footer}</p>
<ul>
${LANGUAGES.map(
  (other) =>
    other !== language &&
    html`<li><a href="${path}?lang=${other}" lang="${other}" hreflang="${other}">${TEXTS[other].languageName}</a></li>`,
)}
<li><a href="/staff">${text.nav.staff}</a></li>
${
  customerName !== undefined &&
  html`<li><form method="post" action="/sign-out"><button class="plain">${text.nav.signOut} (${customerName})</button></form></li>`
}
</ul>
</footer>
</body>
</html>
`.text;
}
