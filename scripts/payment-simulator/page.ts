// The page on which one pays: it says what for and how much, and has one button. Works without JavaScript.

import type { Charge } from "./charges.ts";

export type PageLanguage = "zh-CN" | "en";

const TEXTS = {
  "zh-CN": {
    title: "支付模拟器",
    notice: "这是模拟支付，不会产生真实扣款。",
    amount: "应付金额",
    orderNumber: "商户单号",
    payBefore: "请在此时间前支付",
    pay: "确认支付",
    paid: "支付成功",
    paidHint: "可以关闭此页面，会员卡将自动发放。",
    expired: "支付已过期",
    expiredHint: "请回到商家页面重新发起支付。",
    refunded: "已退款",
    refundedHint: "款项已原路退回。",
    other: "English",
    missing: "找不到这笔支付",
    missingHint: "请检查链接，或回到商家页面重新发起支付。",
  },
  en: {
    title: "Payment simulator",
    notice: "This is a simulated payment. No money moves.",
    amount: "Amount",
    orderNumber: "Merchant's number",
    payBefore: "Pay before",
    pay: "Pay now",
    paid: "Paid",
    paidHint: "You can close this page. Your membership card is issued by itself.",
    expired: "This payment has expired",
    expiredHint: "Go back to the shop and start again.",
    refunded: "Refunded",
    refundedHint: "The money has gone back to you.",
    other: "简体中文",
    missing: "There is no such payment",
    missingHint: "Check the link, or go back to the shop and start again.",
  },
} as const;

export type PageState = "open" | "paid" | "expired" | "refunded" | "missing";

export function renderPayPage(options: {
  charge: Charge | undefined;
  state: PageState;
  language: PageLanguage;
}): string {
  const { charge, state, language } = options;
  const text = TEXTS[language];
  const other = language === "en" ? "zh-CN" : "en";
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${text.title}</title>
<link rel="stylesheet" href="/pay.css">
</head>
<body>
<header><span>${text.title}</span><a href="?lang=${other}" hreflang="${other}" lang="${other}">${text.other}</a></header>
<main>
${charge === undefined ? "" : facts(charge, language)}
${outcome(state, language)}
</main>
<footer>${text.notice}</footer>
</body>
</html>
`;
}

function facts({ subject, amount, order_no, time_expire }: Charge, language: PageLanguage): string {
  const text = TEXTS[language];
  const money = new Intl.NumberFormat(language, { style: "currency", currency: "CNY" }).format(amount / 100);
  const time = new Date(time_expire * 1_000);
  const shown = new Intl.DateTimeFormat(language, {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: "Asia/Shanghai",
  }).format(time);
  return `<h1>${escapeHtml(subject)}</h1>
<p class="amount"><span class="label">${text.amount}</span> <strong>${escapeHtml(money)}</strong></p>
<dl>
<dt>${text.orderNumber}</dt><dd>${escapeHtml(order_no)}</dd>
<dt>${text.payBefore}</dt><dd><time datetime="${time.toISOString()}">${escapeHtml(shown)} (UTC+8)</time></dd>
</dl>`;
}

function outcome(state: PageState, language: PageLanguage): string {
  const text = TEXTS[language];
  if (state === "open")
    return `<form method="post" action="?lang=${language}"><button type="submit">${text.pay}</button></form>`;
  const heading = state === "missing" ? "h1" : "h2";
  return `<div class="outcome ${state}" role="status"><${heading}>${text[state]}</${heading}><p>${text[`${state}Hint`]}</p></div>`;
}

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

export const PAY_CSS = `:root { color-scheme: light; font-family: system-ui, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 0 1rem 2rem; background: #f3f5f9; color: #1a2233; line-height: 1.5; }
header { display: flex; justify-content: space-between; gap: 1rem; max-width: 27rem; margin: 0 auto; padding: 1rem 0; font-size: .9375rem; color: #4a5568; }
header a, header a:visited { color: #1748b8; }
main { max-width: 27rem; margin: 0 auto; padding: 1.5rem; background: #fff; border: 1px solid #dfe4ee; border-radius: 1rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 1rem; font-size: 1.25rem; line-height: 1.3; }
.amount { margin: 0 0 1.25rem; padding-bottom: 1.25rem; border-bottom: 1px solid #e8ecf3; }
.label { display: block; color: #4a5568; font-size: .9375rem; }
.amount strong { font-size: 2.25rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
dl { margin: 0 0 1.5rem; font-size: .9375rem; }
dt { color: #4a5568; }
dd { margin: 0 0 .75rem; font-variant-numeric: tabular-nums; }
button { width: 100%; min-height: 3rem; padding: .75rem 1rem; border: 0; border-radius: .75rem; background: #1748b8; color: #fff; font: inherit; font-size: 1.0625rem; font-weight: 600; cursor: pointer; }
button:hover { background: #123a94; }
button:focus-visible, a:focus-visible { outline: 3px solid #f0a500; outline-offset: 2px; }
.outcome { padding: 1rem 1.25rem; border-radius: .75rem; background: #eef1f6; }
.outcome.paid { background: #e3f5e8; color: #0f4d23; }
.outcome h1, .outcome h2 { margin: 0; font-size: 1.25rem; }
.outcome p { margin: .25rem 0 0; }
footer { max-width: 27rem; margin: 1rem auto 0; font-size: .875rem; color: #4a5568; text-align: center; }
`;
