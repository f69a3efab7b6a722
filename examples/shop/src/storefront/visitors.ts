// Who is at the door: the session in the cookie, the customer and the basket behind it, and the language they read. Customers and
// staff have cookies of their own, so that who is both is never taken for the other.

import type { INestApplication } from "@nestjs/common";
import {
  ActiveOrderService,
  type ActiveOrderService as ActiveOrders,
  type AuthenticatedSession,
  AuthService,
  ChannelService,
  type Customer,
  CustomerService,
  isGraphQlErrorResult,
  NATIVE_AUTH_STRATEGY_NAME,
  type Order,
  OrderService,
  RequestContext,
  SessionService,
} from "@vendure/core";
import type { CookieOptions, Request, Response } from "express";
import { acceptedLanguage, type Language, namedLanguage, TEXTS, type Text, VENDURE_LANGUAGE } from "./text/text.ts";

export type Role = "shop" | "admin";

const COOKIES: Record<Role, string> = { shop: "shop_session", admin: "shop_staff" };
const LANGUAGE_COOKIE = "shop_language";
const YEAR_MS = 365 * 86_400_000;

export interface Visitor {
  ctx: RequestContext;
  language: Language;
  text: Text;
  customer: Customer | undefined;
}

export interface Visitors {
  visitor(request: Request): Promise<Visitor>;
  /** The staff member who asks; nobody if they have not signed in. */
  staff(request: Request): Promise<RequestContext | undefined>;
  /** The same visitor with a session, which the first thing in a basket needs. */
  withSession(visitor: Visitor, response: Response): Promise<Visitor>;
  basket(visitor: Visitor): Promise<Order | undefined>;
  basketForWriting(visitor: Visitor): Promise<Order>;
  /** Whether name and password were right. */
  signIn(role: Role, visitor: Visitor, response: Response, name: string, password: string): Promise<boolean>;
  signOut(role: Role, request: Request, response: Response): Promise<void>;
  keepLanguage(response: Response, language: Language): void;
}

export function createVisitors(app: INestApplication, { secure }: { secure: boolean }): Visitors {
  const sessions = app.get(SessionService);
  const channels = app.get(ChannelService);
  const customers = app.get(CustomerService);
  const authentication = app.get(AuthService);
  const activeOrders: ActiveOrders = app.get(ActiveOrderService);
  const orders = app.get(OrderService);
  const cookie: CookieOptions = { httpOnly: true, sameSite: "lax", secure, path: "/", maxAge: YEAR_MS };

  async function contextOf(role: Role, token: string | undefined, language: Language): Promise<RequestContext> {
    const session = token === undefined ? undefined : await sessions.getSessionFromToken(token);
    const channel = await channels.getDefaultChannel();
    return new RequestContext({
      apiType: role,
      channel,
      languageCode: VENDURE_LANGUAGE[language],
      currencyCode: channel.defaultCurrencyCode,
      isAuthorized: true,
      authorizedAsOwnerOnly: role === "shop",
      ...(session === undefined ? {} : { session }),
    });
  }

  const visitors: Visitors = {
    async visitor(request) {
      const language =
        namedLanguage(cookieOf(request, LANGUAGE_COOKIE)) ?? acceptedLanguage(request.get("Accept-Language"));
      const ctx = await contextOf("shop", cookieOf(request, COOKIES.shop), language);
      const userId = ctx.activeUserId;
      const customer = userId === undefined ? undefined : await customers.findOneByUserId(ctx, userId);
      return { ctx, language, text: TEXTS[language], customer };
    },

    async staff(request) {
      const token = cookieOf(request, COOKIES.admin);
      if (token === undefined) return undefined;
      const { language } = await visitors.visitor(request);
      const ctx = await contextOf("admin", token, language);
      return ctx.activeUserId === undefined ? undefined : ctx;
    },

    async withSession(visitor, response) {
      if (visitor.ctx.session !== undefined) return visitor;
      const { token } = await sessions.createAnonymousSession();
      response.cookie(COOKIES.shop, token, cookie);
      return { ...visitor, ctx: await contextOf("shop", token, visitor.language) };
    },

    async basket({ ctx }) {
      if (ctx.session === undefined) return undefined;
      const found = await activeOrders.getActiveOrder(ctx, undefined);
      return found && (await orders.findOne(ctx, found.id));
    },

    async basketForWriting({ ctx }) {
      const { id } = await activeOrders.getActiveOrder(ctx, undefined, true);
      const order = await orders.findOne(ctx, id);
      if (order === undefined) throw new Error(`The basket ${id} is gone`);
      return order;
    },

    async signIn(role, { ctx, language }, response, username, password) {
      const context = role === "shop" ? ctx : await contextOf("admin", undefined, language);
      const result = await authentication.authenticate(context, role, NATIVE_AUTH_STRATEGY_NAME, {
        username,
        password,
      });
      if (isGraphQlErrorResult(result)) return false;
      response.cookie(COOKIES[role], (result as AuthenticatedSession).token, cookie);
      return true;
    },

    async signOut(role, request, response) {
      const token = cookieOf(request, COOKIES[role]);
      if (token !== undefined)
        await authentication.destroyAuthenticatedSession(await contextOf(role, token, "en"), token);
      response.clearCookie(COOKIES[role], { path: "/" });
    },

    keepLanguage(response, language) {
      response.cookie(LANGUAGE_COOKIE, language, cookie);
    },
  };
  return visitors;
}

function cookieOf(request: Request, name: string): string | undefined {
  for (const pair of (request.get("Cookie") ?? "").split(";")) {
    const [key = "", value = ""] = pair.trim().split("=", 2);
    if (key === name && value !== "") return decodeURIComponent(value);
  }
  return undefined;
}
