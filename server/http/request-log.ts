// Names each request, writes one line about it and measures it. Query strings are not logged: they can hold secrets.

import { randomUUID } from "node:crypto";
import type { NextFunction, Request, Response } from "express";
import type { Logger } from "pino";
import type { HttpMetrics } from "./metrics.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]);
const LONGEST_PATH = 200;

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
      if (status >= 500 && status !== 503) logger.error(line, "request");
      else logger.info(line, "request");
    });
    next();
  };
}
