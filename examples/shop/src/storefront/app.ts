// The store's pages as an Express application: each request becomes calls of Vendure's services in the same process. Pages are read
// with GET, things are done with POST, and each POST ends in a page that can be read again.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { INestApplication } from "@nestjs/common";
import { SortOrder } from "@vendure/common/lib/generated-types";
import {
  CustomerService,
  type ID,
  isGraphQlErrorResult,
  Logger,
  type Order,
  OrderService,
  ProductVariantService,
  PromotionService,
  productsPercentageDiscount,
  TransactionalConnection,
  TranslatorService,
} from "@vendure/core";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import type { Checkout } from "../membership/checkout.ts";
import type { Entitlements } from "../membership/entitlements.ts";
import { claimOf } from "../membership/fields.ts";
import { MEMBERS_ONLY, MEMBERSHIP_UNKNOWN } from "../membership/interceptor.ts";
import { type ShopCard, ShopCards } from "../membership/records.ts";
import type { WebhookReceiver } from "../membership/webhooks.ts";
import { WEBHOOK_PATH } from "../mintmark/connect.ts";
import { TEST_PAYMENT } from "../payment.ts";
import { createExclusive } from "./exclusive.ts";
import { type Html, html } from "./html.ts";
import { layout, type NoticeCode, noticeOf } from "./layout.ts";
import { basketPage, checkoutPage, claimKey, type DiscountNames } from "./pages/basket-pages.ts";
import { cardPage, isOnItsWay, orderPage, ordersPage } from "./pages/order-pages.ts";
import { homePage, productPage } from "./pages/shelf-pages.ts";
import { signInPage, staffSignInPage } from "./pages/sign-in-pages.ts";
import { type SaleView, staffPage } from "./pages/staff-page.ts";
import { createShelf } from "./shelf.ts";
import { namedLanguage } from "./text/text.ts";
import { createVisitors, type Visitor } from "./visitors.ts";

const PUBLIC = join(import.meta.dirname, "..", "..", "public");
/** What the staff sees at once. */
const LATEST_ORDERS = 50;
/** How long a page waits for what is on its way, where the reader has asked for that, and how often it looks. */
const WAIT_MS = 4_000;
const LOOK_MS = 200;
/** How many cards one message tells of is one; this is plenty. */
const WEBHOOK_LIMIT = "256kb";

export function createStorefront(
  vendure: INestApplication,
  dependencies: {
    entitlements: Entitlements;
    checkout: Checkout;
    webhooks: WebhookReceiver;
    /** Where browsers reach the store. */
    url: string;
  },
): Express {
  const { entitlements, checkout, webhooks, url } = dependencies;
  const visitors = createVisitors(vendure, { secure: url.startsWith("https:") });
  const shelf = createShelf(vendure, { entitlements });
  const orders = vendure.get(OrderService);
  const customers = vendure.get(CustomerService);
  const promotions = vendure.get(PromotionService);
  const variants = vendure.get(ProductVariantService);
  const translator = vendure.get(TranslatorService);
  const connection = vendure.get(TransactionalConnection);
  const exclusive = createExclusive();

  const app = express();
  app.disable("x-powered-by");
  app.use((_request, response, next) => {
    // Set by Vendure's own application, which this one is part of.
    response.removeHeader("X-Powered-By");
    response.set({
      "Content-Security-Policy":
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      "Referrer-Policy": "same-origin",
      "X-Content-Type-Options": "nosniff",
    });
    next();
  });

  app.get("/health", (_request, response) => void response.json({ status: "ok" }));
  for (const [path, type] of [
    ["/shop.css", "text/css"],
    ["/icon.svg", "image/svg+xml"],
  ] as const) {
    const body = readFileSync(join(PUBLIC, path));
    app.get(path, (_request, response) => void response.type(type).set("Cache-Control", "no-cache").send(body));
  }

  app.post(WEBHOOK_PATH, express.raw({ type: () => true, limit: WEBHOOK_LIMIT }), async (request, response) => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : (value ?? ""),
      ]),
    );
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    response.sendStatus(await exclusive(() => webhooks.receive(body, headers)));
  });

  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  // A form of another site would act for whoever is signed in here.
  app.use((request, response, next) => {
    const from = request.get("Origin");
    if (request.method === "POST" && from !== undefined && from !== url && from !== `http://${request.get("Host")}`)
      return void response.status(403).type("text").send("This form did not come from this store.");
    next();
  });
  app.use((request, response, next) => {
    const language = namedLanguage(request.query["lang"]);
    if (request.method !== "GET" || language === undefined) return next();
    visitors.keepLanguage(response, language);
    response.redirect(303, pathOf(request));
  });

  /** A page for everybody. */
  function page(
    path: string,
    show: (visitor: Visitor, request: Request, response: Response) => Promise<Page | undefined>,
  ) {
    app.get(path, (request, response) =>
      entitlements.inRequest(async () => {
        const visitor = await visitors.visitor(request);
        const found = await show(visitor, request, response);
        if (response.headersSent) return;
        await send(request, response, visitor, found);
      }),
    );
  }

  /** Something that a visitor does; resolves to where they read on. */
  function action(path: string, act: (visitor: Visitor, request: Request, response: Response) => Promise<string>) {
    app.post(path, (request, response) =>
      entitlements.inRequest(() =>
        exclusive(async () => {
          response.redirect(303, await act(await visitors.visitor(request), request, response));
        }),
      ),
    );
  }

  async function send(request: Request, response: Response, visitor: Visitor, found: Page | undefined): Promise<void> {
    const { text, language, customer } = visitor;
    const basket = await visitors.basket(visitor);
    if (found === undefined) response.status(404);
    const page = found ?? {
      title: text.nav.shop,
      content: html`<p class="notice bad">${text.notice["not-found"]}</p><p><a href="/">${text.product.back}</a></p>`,
    };
    const { title, content } = page;
    response
      .set("Cache-Control", "no-store")
      .type("html")
      .send(
        layout(
          {
            language,
            text,
            title,
            path: pathOf(request),
            basketSize: basket?.totalQuantity ?? 0,
            customerName: customer && `${customer.firstName} ${customer.lastName}`.trim(),
            away: entitlements.wasAway(),
            notice: noticeOf(request.query["notice"], text),
          },
          content,
        ),
      );
  }

  async function discountNames({ ctx }: Visitor): Promise<DiscountNames> {
    const { items } = await promotions.findAll(ctx, { take: 100 });
    return new Map(items.map((promotion) => [promotion.getSourceId(), promotion.name]));
  }

  /** The basket, taken back from the payment if it was there already. */
  async function openBasket(visitor: Visitor): Promise<Order | undefined> {
    const basket = await visitors.basket(visitor);
    if (basket?.state !== "ArrangingPayment") return basket;
    await checkout.backToBasket(visitor.ctx, basket);
    return await visitors.basket(visitor);
  }

  // ---- What there is ----

  page("/", async (visitor) => {
    const { products, member } = await shelf.products(visitor);
    const customerName = visitor.customer?.firstName;
    return { title: visitor.text.nav.shop, content: homePage(visitor, { products, member, customerName }) };
  });

  page("/products/:slug", async (visitor, request) => {
    const { products } = await shelf.products(visitor);
    const product = products.find(({ slug }) => slug === request.params["slug"]);
    return product && { title: product.name, content: productPage(visitor, product) };
  });

  // ---- The basket ----

  action("/basket/lines", async (visitor, request, response) => {
    const known = await visitors.withSession(visitor, response);
    const variant = await variants.findOne(known.ctx, field(request, "variant"));
    if (variant === undefined) return notice("/", "not-found");
    await openBasket(known);
    const basket = await visitors.basketForWriting(known);
    return notice("/basket", refusalOf(await orders.addItemToOrder(known.ctx, basket.id, variant.id, 1)) ?? "added");
  });

  action("/basket/lines/:line", async (visitor, request) => {
    const basket = await openBasket(visitor);
    const line = basket?.lines.find(({ id }) => id === request.params["line"]);
    const quantity = field(request, "remove") === "1" ? 0 : Number(field(request, "quantity"));
    if (basket === undefined || line === undefined || !Number.isInteger(quantity) || quantity < 0 || quantity > 99)
      return "/basket";
    return notice("/basket", refusalOf(await orders.adjustOrderLine(visitor.ctx, basket.id, line.id, quantity)));
  });

  action("/basket/coupon", async (visitor, request) => {
    const basket = await openBasket(visitor);
    if (basket === undefined) return "/basket";
    const applied = await orders.applyCouponCode(visitor.ctx, basket.id, field(request, "code").trim());
    return notice("/basket", isGraphQlErrorResult(applied) ? "coupon-unknown" : undefined);
  });

  action("/basket/coupon/remove", async (visitor, request) => {
    const basket = await openBasket(visitor);
    if (basket !== undefined) await orders.removeCouponCode(visitor.ctx, basket.id, field(request, "code"));
    return "/basket";
  });

  action("/basket/claim", async (visitor, request) => {
    const basket = await openBasket(visitor);
    if (basket === undefined) return "/basket";
    const key = field(request, "claim");
    if (key === "") {
      await checkout.claim(visitor.ctx, basket, undefined);
      return "/basket";
    }
    const claimable = await checkout.claimable(basket);
    if (claimable === "away") return notice("/basket", "benefit-unavailable");
    const claim = claimable.find((one) => claimKey(one) === key);
    if (claim === undefined) return notice("/basket", "benefit-used-up");
    await checkout.claim(visitor.ctx, basket, claim);
    return "/basket";
  });

  page("/basket", async (visitor) =>
    exclusive(async () => {
      const found = await openBasket(visitor);
      // Prices are those of now: a card may have been revoked, and a sale have ended, since it was filled.
      const order = found && (await checkout.reprice(visitor.ctx, found));
      const claim = order && claimOf(order);
      const claimable = order === undefined || claim !== undefined ? [] : await checkout.claimable(order);
      const view = {
        order,
        discountNames: await discountNames(visitor),
        signedIn: visitor.customer !== undefined,
        claim,
        claimable: claimable === "away" ? [] : claimable,
      };
      return { title: visitor.text.basket.heading, content: basketPage(visitor, view) };
    }),
  );

  // ---- The payment ----

  action("/checkout", async (visitor) => {
    const basket = await openBasket(visitor);
    if (basket === undefined) return notice("/basket", "empty");
    if (visitor.customer === undefined) return notice("/sign-in?next=basket", "sign-in-first");
    const problem = await checkout.begin(visitor.ctx, basket);
    return problem === undefined ? "/checkout" : notice("/basket", problem);
  });

  page("/checkout", async (visitor, _request, response) => {
    const order = await visitors.basket(visitor);
    if (order?.state !== "ArrangingPayment") {
      response.redirect(303, "/basket");
      return undefined;
    }
    const held = claimOf(order)?.state === "held";
    return {
      title: visitor.text.checkout.heading,
      content: checkoutPage(visitor, { order, held, discountNames: await discountNames(visitor) }),
    };
  });

  action("/checkout/back", async (visitor) => {
    await openBasket(visitor);
    return "/basket";
  });

  action("/checkout/pay", async (visitor) => {
    const order = await visitors.basket(visitor);
    // Paid a moment ago, from another window or by a second click.
    if (order?.state !== "ArrangingPayment") return visitor.customer === undefined ? "/basket" : "/orders";
    const problem = await checkout.pay(visitor.ctx, order, TEST_PAYMENT);
    if (problem === undefined) return `/orders/${order.code}?wait`;
    return notice(problem === "hold-ran-out" ? "/basket" : "/checkout", problem);
  });

  // ---- What the customer has ----

  page("/orders", async (visitor, _request, response) => {
    if (visitor.customer === undefined) return toSignIn(response, "orders");
    const { items } = await orders.findByCustomerId(
      visitor.ctx,
      visitor.customer.id,
      { filter: { active: { eq: false } }, sort: { orderPlacedAt: SortOrder.DESC }, take: LATEST_ORDERS },
      ["lines", "lines.productVariant", "customer", "payments"],
    );
    return { title: visitor.text.orders.heading, content: ordersPage(visitor, items) };
  });

  page("/orders/:code", async (visitor, request, response) => {
    if (visitor.customer === undefined) return toSignIn(response, "orders");
    const code = String(request.params["code"]);
    const until = request.query["wait"] === undefined ? 0 : Date.now() + WAIT_MS;
    for (;;) {
      const order = await orders.findOneByCode(visitor.ctx, code);
      if (order === undefined || order.active || order.customer?.id !== visitor.customer.id) return undefined;
      const cards = await cardsOf(visitor, order);
      const onItsWay = isOnItsWay(order, cards);
      if (!onItsWay || Date.now() >= until) {
        const view = { order, cards, onItsWay, discountNames: await discountNames(visitor) };
        return { title: visitor.text.orders.order(code), content: orderPage(visitor, view) };
      }
      await sleep(LOOK_MS);
    }
  });

  async function cardsOf({ ctx }: Visitor, { customFields: { mintmarkOrder } }: Order): Promise<ShopCard[]> {
    if (mintmarkOrder === null) return [];
    return (await connection.getRepository(ctx, ShopCards).findBy({ mintmarkOrder })).sort(
      (a, b) => a.serial - b.serial,
    );
  }

  page("/card", async (visitor, _request, response) => {
    if (visitor.customer === undefined) return toSignIn(response, "card");
    const cards = await entitlements.cards(String(visitor.customer.id));
    return { title: visitor.text.account.heading, content: cardPage(visitor, cards) };
  });

  // ---- Who the customer is ----

  page("/sign-in", async ({ text }, request) => {
    return {
      title: text.signIn.heading,
      content: signInPage(text, { next: nextOf(String(request.query["next"] ?? "")) }),
    };
  });

  action("/sign-in", async (visitor, request, response) => {
    const next = nextOf(field(request, "next"));
    const signedIn = await visitors.signIn(
      "shop",
      visitor,
      response,
      field(request, "email"),
      field(request, "password"),
    );
    return signedIn ? `/${next}` : notice(`/sign-in?next=${next}`, "signed-in-wrong");
  });

  action("/register", async (visitor, request, response) => {
    const next = nextOf(field(request, "next"));
    const [name, emailAddress, password] = ["name", "email", "password"].map((key) => field(request, key).trim());
    const again = (code: NoticeCode) => notice(`/sign-in?next=${next}`, code);
    if (!name || name.length > 60 || !emailAddress || !/^[^@\s]+@[^@\s]+$/.test(emailAddress))
      return again("register-invalid");
    if (!password || password.length < 8 || Buffer.byteLength(password) > 72) return again("register-invalid");
    const taken = await customers.findAll(visitor.ctx, { filter: { emailAddress: { eq: emailAddress } }, take: 1 });
    if (taken.totalItems > 0) return again("register-taken");
    const made = await customers.registerCustomerAccount(visitor.ctx, {
      emailAddress,
      password,
      firstName: name,
      lastName: "",
    });
    if (isGraphQlErrorResult(made)) return again("register-invalid");
    await visitors.signIn("shop", visitor, response, emailAddress, password);
    return `/${next}`;
  });

  action("/sign-out", async (_visitor, request, response) => {
    await visitors.signOut("shop", request, response);
    return "/";
  });

  // ---- The staff ----

  page("/staff/sign-in", async ({ text }) => ({ title: text.staff.signIn, content: staffSignInPage(text) }));

  action("/staff/sign-in", async (visitor, request, response) => {
    const [name, password] = [field(request, "name"), field(request, "password")];
    const signedIn = await visitors.signIn("admin", visitor, response, name, password);
    return signedIn ? "/staff" : notice("/staff/sign-in", "signed-in-wrong");
  });

  action("/staff/sign-out", async (_visitor, request, response) => {
    await visitors.signOut("admin", request, response);
    return "/";
  });

  page("/staff", async (visitor, request, response) => {
    const ctx = await visitors.staff(request);
    if (ctx === undefined) {
      response.redirect(303, "/staff/sign-in");
      return undefined;
    }
    const { items } = await orders.findAll(
      ctx,
      { filter: { active: { eq: false } }, sort: { orderPlacedAt: SortOrder.DESC }, take: LATEST_ORDERS },
      ["lines", "lines.productVariant", "customer", "payments"],
    );
    for (const line of items.flatMap(({ lines }) => lines))
      line.productVariant = translator.translate(line.productVariant, ctx);
    return {
      title: visitor.text.staff.heading,
      content: staffPage(visitor, { orders: items, sale: await saleView(ctx) }),
    };
  });

  action("/staff/orders/:code/refund", async (_visitor, request) => {
    const ctx = await visitors.staff(request);
    if (ctx === undefined) return "/staff/sign-in";
    const order = await orders.findOneByCode(ctx, String(request.params["code"]));
    if (order?.state !== "PaymentSettled") return notice("/staff", "refund-refused");
    // The money and the cards go back together; what Mintmark has to do is written down with them.
    await connection.withTransaction(ctx, async (transaction) => {
      for (const payment of await orders.getOrderPayments(transaction, order.id)) {
        if (payment.state !== "Settled" || payment.amount === 0) continue;
        must(
          await orders.refundOrder(transaction, {
            ...{ paymentId: payment.id, amount: payment.amount, reason: "refund" },
            // By the amount alone; its columns want these even so.
            ...{ lines: [], shipping: 0, adjustment: 0 },
          }),
        );
      }
      must(await orders.cancelOrder(transaction, { orderId: order.id, reason: "refund" }));
    });
    return notice("/staff", "refunded");
  });

  action("/staff/flash-sale", async (_visitor, request) => {
    const ctx = await visitors.staff(request);
    if (ctx === undefined) return "/staff/sign-in";
    const sale = await flashSale(ctx);
    const hours = Math.min(24, Number(field(request, "hours")) || 0);
    if (sale === undefined) return "/staff";
    const now = Date.now();
    const startsAt = new Date(now - 1_000);
    must(await promotions.updatePromotion(ctx, { id: sale.id, startsAt, endsAt: new Date(now + hours * 3_600_000) }));
    return notice("/staff", hours > 0 ? "sale-started" : "sale-ended");
  });

  /** The promotion that is switched on and off for a while. */
  async function flashSale(ctx: Visitor["ctx"]) {
    const { items } = await promotions.findAll(ctx, { take: 100 });
    return items.find(
      ({ couponCode, actions }) => !couponCode && actions.some(({ code }) => code === productsPercentageDiscount.code),
    );
  }

  async function saleView(ctx: Visitor["ctx"]): Promise<SaleView | undefined> {
    const sale = await flashSale(ctx);
    if (sale === undefined) return undefined;
    const args = sale.actions[0]?.args ?? [];
    const argument = (name: string) => args.find((arg) => arg.name === name)?.value ?? "";
    const [variant] = await variants.findByIds(ctx, JSON.parse(argument("productVariantIds") || "[]") as ID[]);
    const now = new Date();
    return {
      percent: Number(argument("discount")),
      product: variant?.name ?? "",
      until: sale.endsAt ?? undefined,
      on: (!sale.startsAt || sale.startsAt <= now) && (!sale.endsAt || sale.endsAt > now),
    };
  }

  // Nothing else has a way in: Vendure's own APIs know nothing of what members alone may see.
  app.use((request, response) =>
    entitlements.inRequest(async () => {
      if (request.method !== "GET") return void response.sendStatus(404);
      await send(request, response, await visitors.visitor(request), undefined);
    }),
  );
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    const status = (error as { status?: number }).status ?? 500;
    if (status >= 500)
      Logger.error(
        `${request.method} ${request.path}: ${error instanceof Error ? error.message : String(error)}`,
        "Store",
        error instanceof Error ? error.stack : undefined,
      );
    response
      .status(status)
      .type("text")
      .send(
        status >= 500
          ? "Something went wrong here; please try again. 出错了，请重试。"
          : "This request cannot be understood.",
      );
  });
  return app;
}

interface Page {
  title: string;
  content: Html;
}

/** Two slashes at the beginning would lead to another site. */
function pathOf(request: Request): string {
  return request.path.replace(/^\/+/, "/");
}

function field(request: Request, name: string): string {
  const value: unknown = (request.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === "string" ? value.slice(0, 1_000) : "";
}

function notice(path: string, code: NoticeCode | undefined): string {
  return code === undefined ? path : `${path}${path.includes("?") ? "&" : "?"}notice=${code}`;
}

function nextOf(wanted: string): string {
  return ["basket", "orders", "card"].find((known) => known === wanted) ?? "";
}

function toSignIn(response: Response, next: string): undefined {
  response.redirect(303, `/sign-in?next=${next}`);
  return undefined;
}

/** Why something could not be put into the basket. */
function refusalOf(result: object): NoticeCode | undefined {
  if (!isGraphQlErrorResult(result as never)) return undefined;
  const { interceptorError } = result as { interceptorError?: string };
  if (interceptorError === MEMBERS_ONLY) return "members-only";
  if (interceptorError === MEMBERSHIP_UNKNOWN) return "membership-unknown";
  throw new Error(JSON.stringify(result));
}

function must(result: object): void {
  if (isGraphQlErrorResult(result as never)) throw new Error(JSON.stringify(result));
}
