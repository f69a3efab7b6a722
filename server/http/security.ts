// What browsers are told: no inline code, nothing from elsewhere, no framing.

import type { NextFunction, Request, RequestHandler, Response } from "express";
import { rateLimit } from "express-rate-limit";
import helmet from "helmet";
import type { Authenticate } from "./operations.ts";
import { Problem } from "./problems.ts";
import { createRequestCounts } from "./request-counts.ts";

export function securityHeaders({ publicUrl }: { publicUrl: string }): RequestHandler {
  const encrypted = publicUrl.startsWith("https:");
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        ...(encrypted ? { "upgrade-insecure-requests": [] } : {}),
      },
    },
    // Only where people reach us over TLS; a browser would otherwise refuse the plain server for a year.
    strictTransportSecurity: encrypted,
    xFrameOptions: { action: "deny" },
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: "strict-origin-when-cross-origin" },
  }) as RequestHandler;
}

/** Lets pages of other origins read what is public anyway. */
export function allowOtherOrigins(_request: Request, response: Response, next: NextFunction): void {
  response.set({
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "If-None-Match, X-Request-Id",
    "Access-Control-Expose-Headers": "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id",
    "Access-Control-Max-Age": "86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
  });
  next();
}

/** Of the last ones, an aggregator tells of hundreds of payments from one address; what is not signed costs nothing much. */
const UNLIMITED = /^\/(health|ready|metrics|v1\/payments\/[a-z0-9-]+\/callback)$/;

const WINDOW_MS = 60_000;

export interface RateLimits {
  /** For each address that asks without a valid API key; 0 for no limit. */
  perMinute: number;
  /** For each API key; 0 for no limit. */
  perMinuteAndKey: number;
  authenticate: Authenticate;
  /** The steady clock. */
  steady(): number;
}

/** How often one client may ask. A shop's server has one address and asks for all of its customers. */
export function limitRate({ perMinute, perMinuteAndKey, authenticate, steady }: RateLimits): RequestHandler {
  const byAddress = limiter(perMinute, steady);
  const byKey = limiter(perMinuteAndKey, steady, (request) => keyIds.get(request) ?? "");
  const keyIds = new WeakMap<Request, string>();
  return async (request, response, next) => {
    if (request.get("Authorization") === undefined) return byAddress(request, response, next);
    const principal = await authenticate(request);
    if (principal?.kind !== "api-key") return byAddress(request, response, next);
    keyIds.set(request, principal.id);
    return byKey(request, response, next);
  };
}

function limiter(limit: number, steady: () => number, keyOf?: (request: Request) => string): RequestHandler {
  if (limit === 0) return (_request, _response, next) => next();
  return rateLimit({
    windowMs: WINDOW_MS,
    store: createRequestCounts(WINDOW_MS, steady),
    limit,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    identifier: "requests",
    ...(keyOf === undefined ? {} : { keyGenerator: keyOf }),
    // A proxy's header without TRUST_PROXY is ignored on purpose: anybody can send it.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    skip: (request) => UNLIMITED.test(request.path),
    handler: (_request, _response, next) => {
      next(
        new Problem(
          "too-many-requests",
          "You have sent too many requests. Wait as long as `Retry-After` says, then go on.",
        ),
      );
    },
  });
}
