// An operation is one method of the API at one path: who may use it, what it takes, what it can answer, and how. The router and
// the OpenAPI document are both made of the same list, so neither can know something that the other does not.

import { hash } from "node:crypto";
import { json, type Request, type RequestHandler, type Response, Router } from "express";
import type { z } from "zod";
import { type Access, entrantOf, type Principal } from "../accounts/principal.ts";
import { type ParameterError, Problem } from "./problems.ts";
import type { AsOf } from "./schemas.ts";

export const TAGS = {
  collections: "Editions of cards, and the cards in them.",
  holders: "The cards of one holder.",
  verification: "Is this card genuine?",
  metadata: "What wallets show (ERC-721).",
  orders: "From what a customer has bought to a card on the chain.",
  membership: "What cards entitle to: benefits, entitlements, and their use.",
  imports: "Spreadsheets that become cards.",
  webhooks: "Being told of what happens.",
  accounts: "Who may do what: users, keys, customers, and what they have done.",
  operations: "For those who run the server.",
} as const;

/** An answer that is not a problem. */
export interface Reply {
  status?: number;
  /** Sent as JSON unless it is a string; with 204 and with a stream there is none. */
  body?: unknown;
  /** Writes the answer itself, after the status and the headers; must end it. */
  stream?: (response: Response) => Promise<void>;
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

export const METHODS = ["get", "post", "put", "patch", "delete"] as const;
export type Method = (typeof METHODS)[number];

/** What a handler is given. */
export interface OperationInput<Params, Query, Body, WhoMay extends Access> {
  params: Params;
  query: Query;
  body: Body;
  /** Who asks; nobody in particular where everyone may. */
  principal: WhoMay extends "everyone" ? undefined : Principal;
  /** The client's `Idempotency-Key`; empty where none is asked for. */
  idempotencyKey: string;
  /** For what is read as a stream. */
  request: Request;
}

export interface OperationDefinition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  WhoMay extends Access,
> {
  id: string;
  tag: keyof typeof TAGS;
  /** `get` if left out. */
  method?: Method;
  /** Who is let in. */
  access: WhoMay;
  /** As OpenAPI writes it: parameters in braces. */
  path: string;
  summary: string;
  description: string;
  params?: Params;
  /** What may stand in the query; left out where it is ignored. */
  query?: Query;
  /** The request's body, as JSON. */
  body?: Body;
  /** Whether the body may be left out, which is the same as an empty object. */
  bodyOptional?: boolean;
  /** What the body is where it is not JSON; the handler reads it from the request. */
  upload?: { contentTypes: readonly string[]; description: string };
  /** Whether the request must carry an `Idempotency-Key`, so that sending it twice does it once. */
  idempotent?: boolean;
  answers: Record<number, AnswerDescription>;
  /** The statuses of the problems that it can answer with, other than those that follow from the rest and 500. */
  problems: number[];
  /** Whether answers carry an entity tag. */
  tagged: boolean;
  /** Whether the rate limit counts it. */
  limited: boolean;
  /** Whether pages of other origins may read it. */
  open: boolean;
  handle(input: OperationInput<z.output<Params>, z.output<Query>, z.output<Body>, WhoMay>): Promise<Reply> | Reply;
}

type AnyDefinition = OperationDefinition<z.ZodObject, z.ZodObject, z.ZodType, Access>;

/** An operation whose own types are behind it. */
export interface Operation
  extends Omit<
    AnyDefinition,
    "handle" | "method" | "params" | "query" | "body" | "bodyOptional" | "upload" | "idempotent"
  > {
  method: Method;
  params: z.ZodObject | undefined;
  query: z.ZodObject | undefined;
  body: z.ZodType | undefined;
  bodyOptional: boolean;
  upload: AnyDefinition["upload"];
  idempotent: boolean;
  /** Parses the request of somebody who was let in, and answers it. Throws {@link Problem}. */
  answer(request: Request, principal: Principal | undefined): Promise<Reply>;
}

/** 1 to 255 visible characters (draft-ietf-httpapi-idempotency-key-header-07 leaves it to the server). */
const IDEMPOTENCY_KEY = /^[!-~]{1,255}$/;

export function defineOperation<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  const WhoMay extends Access,
>(definition: OperationDefinition<Params, Query, Body, WhoMay>): Operation {
  const {
    handle,
    method = "get",
    params,
    query,
    body,
    bodyOptional = false,
    upload,
    idempotent = false,
    ...rest
  } = definition;
  return {
    ...rest,
    method,
    params,
    query,
    body,
    bodyOptional,
    upload,
    idempotent,
    async answer(request, principal) {
      const errors: ParameterError[] = [];
      const parsedParams = parse(params, request.params, errors) as z.output<Params>;
      const parsedQuery = parse(query, request.query, errors) as z.output<Query>;
      const isLeftOut = bodyOptional && request.body === undefined && hasNoBody(request);
      if (body !== undefined && request.body === undefined && !isLeftOut) throw unsupportedBody(request);
      const parsedBody = parse(body, isLeftOut ? {} : request.body, errors) as z.output<Body>;
      const idempotencyKey = idempotent ? (request.get("Idempotency-Key") ?? "") : "";
      if (idempotent && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
        errors.push({
          parameter: "Idempotency-Key",
          detail: "must be a header of 1 to 255 visible ASCII characters that names this one wish, a UUID for example",
        });
      }
      if (errors.length > 0) throw invalidRequest(errors);
      return await handle({
        params: parsedParams,
        query: parsedQuery,
        body: parsedBody,
        principal: principal as OperationInput<unknown, unknown, unknown, WhoMay>["principal"],
        idempotencyKey,
        request,
      });
    },
  };
}

/** RFC 9112, 6.3: a request without either of these headers has none. */
function hasNoBody(request: Request): boolean {
  return request.get("Transfer-Encoding") === undefined && Number(request.get("Content-Length") ?? 0) === 0;
}

/** A body that no parser took: missing, or of a kind that is not JSON. */
function unsupportedBody(request: Request): Problem {
  return /^application\/json\b|^$/i.test(request.get("Content-Type") ?? "")
    ? invalidRequest([{ parameter: "body", detail: "is missing: send a JSON document" }])
    : new Problem("unsupported-media-type", "Send the body as JSON, with `Content-Type: application/json`.");
}

/** 400 for what is wrong with the parameters. */
export function invalidRequest(errors: ParameterError[]): Problem {
  const detail = errors.map(({ parameter, detail }) => `\`${parameter}\` ${detail}.`).join(" ");
  return new Problem("invalid-request", detail, { errors });
}

function parse(schema: z.ZodType | undefined, input: unknown, errors: ParameterError[]): unknown {
  if (schema === undefined) return {};
  const parsed = schema.safeParse(input);
  if (parsed.success) {
    const name = nulIn(parsed.data);
    if (name !== undefined) errors.push({ parameter: shorten(name || "body"), detail: "holds a NUL character" });
    return parsed.data;
  }
  for (const issue of parsed.error.issues) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) {
        const parameter = shorten([...issue.path, key].join("."));
        errors.push({ parameter, detail: "is not a parameter that this request knows" });
      }
    } else {
      errors.push({ parameter: shorten(issue.path.join(".") || "body"), detail: issue.message });
    }
  }
  return undefined;
}

/** Where a NUL character is, which no text of PostgreSQL can hold; nothing if there is none. */
function nulIn(value: unknown, path = ""): string | undefined {
  if (typeof value === "string") return value.includes("\0") ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const here = path === "" ? key : `${path}.${key}`;
    const found = key.includes("\0") ? path : nulIn(member, here);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shorten(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}

/** Finds out who sends a request. Nobody if it carries nothing that says so. Throws {@link Problem}. */
export type Authenticate = (request: Request) => Promise<Principal | undefined>;

/** The largest JSON body. */
const JSON_LIMIT = "256kb";
const parseJson: RequestHandler = json({ limit: JSON_LIMIT, strict: true });

/** Serves operations at their paths. Other methods get 405. */
export function operationRouter(operations: readonly Operation[], authenticate: Authenticate): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const [path, here] of Map.groupBy(operations, (operation) => operation.path)) {
    const route = router.route(path.replaceAll(/\{(\w+)\}/g, ":$1"));
    route.all((_request, response, next) => {
      response.locals["route"] = path;
      next();
    });
    for (const operation of here) {
      // First who, then what: what somebody sends who is not let in is not even read.
      route[operation.method](
        async (request, response, next) => {
          response.locals["principal"] = await admit(request, operation.access, authenticate);
          next();
        },
        ...(operation.body === undefined ? [] : [parseJson]),
        async (request, response) => {
          await send(request, response, await operation.answer(request, response.locals["principal"]), operation);
        },
      );
    }
    route.all(refuseOtherMethods(here.map(({ method }) => method)));
  }
  return router;
}

/** Who asks, if they may. Throws 401 or 403. */
async function admit(request: Request, access: Access, authenticate: Authenticate): Promise<Principal | undefined> {
  if (access === "everyone") return undefined;
  const principal = await authenticate(request);
  if (principal === undefined) {
    throw new Problem(
      "unauthenticated",
      "Say who you are: sign in, or send an API key as `Authorization: Bearer mm_…`. A key that was revoked or has expired does not count.",
      { headers: { "WWW-Authenticate": 'Bearer realm="Mintmark"' } },
    );
  }
  if (!access.includes(entrantOf(principal))) {
    throw new Problem(
      "forbidden",
      `This is for ${access.join(", ")}, and you ask as ${entrantOf(principal)}. Ask an owner of the brand for the role, or use another key.`,
    );
  }
  return principal;
}

/** For what only answers to GET and HEAD. */
export const refuseMethod: RequestHandler = refuseOtherMethods(["get"]);

export function refuseOtherMethods(methods: readonly Method[]): RequestHandler {
  const known = methods.flatMap((method) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]));
  const allow = [...known, "OPTIONS"].join(", ");
  return (request, response) => {
    if (request.method === "OPTIONS") {
      response.status(204).set("Allow", allow).end();
      return;
    }
    throw new Problem("method-not-allowed", `Use ${known.join(" or ")} here.`, { headers: { Allow: allow } });
  };
}

async function send(
  request: Request,
  response: Response,
  reply: Reply,
  { tagged, access }: Pick<Operation, "tagged" | "access">,
): Promise<void> {
  response.status(reply.status ?? 200).set("Cache-Control", cacheControl(tagged, access));
  if (reply.headers !== undefined) response.set(reply.headers);
  if (reply.stream !== undefined) {
    await reply.stream(response);
    return;
  }
  if (reply.body === undefined) {
    response.end();
    return;
  }
  if (typeof reply.body === "string") {
    response.send(reply.body);
    return;
  }
  const body = JSON.stringify(reply.body);
  if (tagged && isKnown(request, response, weakTag(body))) return;
  const text = reply.asOf === undefined ? body : `${body.slice(0, -1)},"asOf":${JSON.stringify(reply.asOf)}}`;
  response.type("application/json").send(text);
}

/** What is for somebody in particular is kept by nobody between us and them. */
function cacheControl(tagged: boolean, access: Access): string {
  if (!tagged) return "no-store";
  return access === "everyone" ? "no-cache" : "private, no-cache";
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
