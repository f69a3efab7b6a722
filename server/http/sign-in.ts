// The authentication library's own paths, below /v1/auth: those that we offer, with its answers as they are and its errors as problem
// documents. Must hold: where the client is, and what this site is called, the library learns from us and not from the client.

import { fromNodeHeaders } from "better-auth/node";
import { type Request, type RequestHandler, type Response, Router, raw } from "express";
import type { Accounts } from "../accounts/accounts.ts";
import { CUSTOMER_ROUTES, CUSTOMERS_PATH } from "../accounts/customer-sign-in.ts";
import { CLIENT_ADDRESS_HEADER } from "../accounts/library.ts";
import { USER_ROUTES, USERS_PATH } from "../accounts/users.ts";
import { problemOfAnswer } from "./account-problems.ts";
import { refuseOtherMethods } from "./operations.ts";

const BODY_LIMIT = "64kb";
/** What the library decides by; everything else it has no business with. */
const PASSED_HEADERS = new Set([
  "cookie",
  "content-type",
  "origin",
  "referer",
  "user-agent",
  "sec-fetch-site",
  "sec-fetch-mode",
  "sec-fetch-dest",
]);

interface Library {
  handler(request: globalThis.Request): Promise<globalThis.Response>;
}

export function signInRouter({ users, customerSignIn }: Accounts, { publicUrl }: { publicUrl: string }): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const { origin } = new URL(publicUrl);
  const serve = (library: Library, base: string, routes: ReadonlySet<string>) => {
    const known = [...routes].map((route) => route.split(" ") as [string, string]);
    for (const [path, here] of Map.groupBy(known, ([, path]) => path)) {
      const methods = here.map(([method]) => method.toLowerCase() as "get" | "post");
      const route = router.route(`${base}${path}`);
      route.all((_request, response, next) => {
        response.locals["route"] = `${base}${path}`;
        next();
      });
      for (const method of methods)
        route[method](raw({ type: () => true, limit: BODY_LIMIT }), passTo(library, origin));
      route.all(refuseOtherMethods(methods));
    }
  };
  serve(customerSignIn, CUSTOMERS_PATH, CUSTOMER_ROUTES);
  serve(users, USERS_PATH, USER_ROUTES);
  return router;
}

function passTo(library: Library, origin: string): RequestHandler {
  return async (request, response) => {
    const answer = await library.handler(asWebRequest(request, origin));
    const body = await answer.text();
    // Also with errors: they may end a session.
    for (const cookie of answer.headers.getSetCookie()) response.append("Set-Cookie", cookie);
    if (answer.status >= 400) throw problemOfAnswer(answer.status, body, answer.headers);
    send(response, answer.status, body);
  };
}

function asWebRequest(request: Request, origin: string): globalThis.Request {
  const headers = fromNodeHeaders(
    Object.fromEntries(Object.entries(request.headers).filter(([name]) => PASSED_HEADERS.has(name))),
  );
  if (request.ip !== undefined) headers.set(CLIENT_ADDRESS_HEADER, request.ip);
  const { method } = request;
  const body = Buffer.isBuffer(request.body) && request.body.length > 0 ? new Uint8Array(request.body) : null;
  return new Request(new URL(request.originalUrl, origin), {
    method,
    headers,
    body: method === "GET" || method === "HEAD" ? null : body,
  });
}

function send(response: Response, status: number, body: string): void {
  response
    .status(status)
    .set("Cache-Control", "no-store")
    .type("application/json")
    .send(body === "" ? "{}" : body);
}
