// Names each request, measures it, and writes a line about it where somebody may want to know: all of them at the level "debug", at
// "info" those that failed, were slow, or wanted to change something and were refused. Query strings are not logged: they can hold secrets.

import { randomUUID } from "node:crypto";
import type { NextFunction, Request, Response } from "express";
import type { Logger } from "pino";
import type { HttpMetrics } from "./metrics.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]);
const LONGEST_PATH = 200;
const SLOW_MS = 1_000;
/** A client that is told to slow down would fill the log. */
const TOO_MANY_REQUESTS = 429;

/** Must stand before everything that answers. Routes set `response.locals.route`. */
export function logRequests({ logger, metrics }: { logger: Logger; metrics: HttpMetrics }) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const start = process.hrtime.bigint();
    const given = request.get("X-Request-Id");
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
    const path = request.path.slice(0, LONGEST_PATH);
    response.locals["requestId"] = requestId;
    response.set("X-Request-Id", requestId);
    response.once("close", () => {
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      const route: string = response.locals["route"] ?? "unmatched";
      const status = response.statusCode;
      const line = {
        requestId,
        method: request.method,
        route,
        path,
        status,
        durationMs: Math.round(seconds * 1e5) / 100,
        ...(response.writableFinished ? {} : { aborted: true }),
      };
      // The label must not be a client's to choose: each value is a series for ever.
      metrics.observe({ method: KNOWN_METHODS.has(request.method) ? request.method : "OTHER", route, status }, seconds);
      logger[levelOf(request.method, line)](line, "request");
    });
    next();
  };
}

function levelOf(
  method: string,
  { status, durationMs, aborted = false }: { status: number; durationMs: number; aborted?: boolean },
): "error" | "info" | "debug" {
  if (status >= 500) return status === 503 ? "info" : "error";
  const isRefusedChange = status >= 400 && status !== TOO_MANY_REQUESTS && !["GET", "HEAD", "OPTIONS"].includes(method);
  return isRefusedChange || aborted || durationMs >= SLOW_MS ? "info" : "debug";
}
