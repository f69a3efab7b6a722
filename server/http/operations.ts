// An operation is one GET of the API: what it takes, what it can answer, and how. The router and the OpenAPI document are
// both made of the same list, so neither can know something that the other does not.

import { hash } from "node:crypto";
import { type Request, type Response, Router } from "express";
import type { z } from "zod";
import { type ParameterError, Problem } from "./problems.ts";
import type { AsOf } from "./schemas.ts";

export const TAGS = {
  collections: "Editions of cards, and the cards in them.",
  holders: "The cards of one holder.",
  verification: "Is this card genuine?",
  metadata: "What wallets show (ERC-721).",
  operations: "For those who run the server.",
} as const;

/** An answer that is not a problem. */
export interface Reply {
  status?: number;
  /** Sent as JSON unless it is a string. */
  body: unknown;
  /** As of which block the body is; sent as its last member, and not part of the entity tag, since it moves on with each block. */
  asOf?: AsOf;
  headers?: Record<string, string>;
}

export interface AnswerDescription {
  description: string;
  /** Left out where the answer is not JSON. */
  schema?: z.ZodType;
  /** `application/json` if left out. */
  contentType?: string;
}

export interface OperationDefinition<Params extends z.ZodObject, Query extends z.ZodObject> {
  id: string;
  tag: keyof typeof TAGS;
  /** As OpenAPI writes it: parameters in braces. */
  path: string;
  summary: string;
  description: string;
  params?: Params;
  /** What may stand in the query; left out where it is ignored. */
  query?: Query;
  answers: Record<number, AnswerDescription>;
  /** The statuses of the problems that it can answer with, other than 400, 429 and 500. */
  problems: number[];
  /** Whether answers carry an entity tag. */
  tagged: boolean;
  /** Whether the rate limit counts it. */
  limited: boolean;
  /** Whether pages of other origins may read it. */
  open: boolean;
  handle(input: { params: z.output<Params>; query: z.output<Query> }): Promise<Reply> | Reply;
}

/** An operation whose own types are behind it. */
export interface Operation extends Omit<OperationDefinition<z.ZodObject, z.ZodObject>, "handle" | "params" | "query"> {
  params: z.ZodObject | undefined;
  query: z.ZodObject | undefined;
  /** Parses the request and answers it. Throws {@link Problem}. */
  answer(request: Request): Promise<Reply>;
}

export function defineOperation<Params extends z.ZodObject, Query extends z.ZodObject>(
  definition: OperationDefinition<Params, Query>,
): Operation {
  const { handle, params, query, ...rest } = definition;
  return {
    ...rest,
    params,
    query,
    async answer(request) {
      const errors: ParameterError[] = [];
      const parsedParams = parse(params, request.params, errors) as z.output<Params>;
      const parsedQuery = parse(query, request.query, errors) as z.output<Query>;
      if (errors.length > 0) throw invalidRequest(errors);
      return await handle({ params: parsedParams, query: parsedQuery });
    },
  };
}

/** 400 for what is wrong with the parameters. */
export function invalidRequest(errors: ParameterError[]): Problem {
  const detail = errors.map(({ parameter, detail }) => `\`${parameter}\` ${detail}.`).join(" ");
  return new Problem("invalid-request", detail, { errors });
}

function parse(schema: z.ZodObject | undefined, input: unknown, errors: ParameterError[]): unknown {
  if (schema === undefined) return {};
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) {
        errors.push({ parameter: shorten(key), detail: "is not a parameter that this request knows" });
      }
    } else {
      errors.push({ parameter: shorten(String(issue.path[0])), detail: issue.message });
    }
  }
  return undefined;
}

function shorten(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}

/** Serves operations at their paths. Other methods get 405. */
export function operationRouter(operations: readonly Operation[]): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const operation of operations) {
    const route = router.route(operation.path.replaceAll(/\{(\w+)\}/g, ":$1"));
    route.all((_request, response, next) => {
      response.locals["route"] = operation.path;
      next();
    });
    route.get(async (request, response) => {
      send(request, response, await operation.answer(request), operation);
    });
    route.all(refuseMethod);
  }
  return router;
}

/** For what only answers to GET and HEAD. */
export function refuseMethod(request: Request, response: Response): void {
  if (request.method === "OPTIONS") {
    response.status(204).set("Allow", "GET, HEAD, OPTIONS").end();
    return;
  }
  throw new Problem("method-not-allowed", "Use GET or HEAD here.", { headers: { Allow: "GET, HEAD, OPTIONS" } });
}

function send(request: Request, response: Response, reply: Reply, { tagged }: Pick<Operation, "tagged">): void {
  response.status(reply.status ?? 200).set("Cache-Control", tagged ? "no-cache" : "no-store");
  if (reply.headers !== undefined) response.set(reply.headers);
  if (typeof reply.body === "string") {
    response.send(reply.body);
    return;
  }
  const body = JSON.stringify(reply.body);
  if (tagged && isKnown(request, response, weakTag(body))) return;
  const text = reply.asOf === undefined ? body : `${body.slice(0, -1)},"asOf":${JSON.stringify(reply.asOf)}}`;
  response.type("application/json").send(text);
}

/**
 * Sets the entity tag, and answers 304 if the client names it (RFC 9110, 13.1.2). Express would do so itself, but not for
 * `fetch`, which adds `Cache-Control: no-cache` to each request with `If-None-Match`.
 */
export function isKnown(request: Request, response: Response, tag: string): boolean {
  response.set("ETag", tag);
  const named = request.get("If-None-Match");
  if (named === undefined) return false;
  const opaque = tag.replace(/^W\//, "");
  const matches =
    named.trim() === "*" || named.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === opaque);
  if (matches) response.status(304).end();
  return matches;
}

/** Weak, because it says that the resource is the same and not that the bytes are: `asOf` moves on with each block. */
export function weakTag(content: string | Buffer): string {
  return `W/"${hash("sha256", content, "base64url").slice(0, 27)}"`;
}
