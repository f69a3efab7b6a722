// The OpenAPI document, made of the operations that the router serves.

import { z } from "zod";
import { createDocument, type ZodOpenApiPathsObject, type ZodOpenApiResponsesObject } from "zod-openapi";
import { CUSTOMER_COOKIES } from "../accounts/customer-sign-in.ts";
import { sessionCookie } from "../accounts/library.ts";
import { USER_COOKIES } from "../accounts/users.ts";
import { type Operation, TAGS } from "./operations.ts";
import { PROBLEMS } from "./problems.ts";
import { problemSchema } from "./schemas.ts";
import { describeWebhooks } from "./webhook-messages.ts";

const DESCRIPTION = `The Mintmark registry of membership cards. What is read of the chain says as of which block it is (\`asOf\`).

Everyone may read what is on the chain. Whatever belongs to a brand needs one of its API keys (\`Authorization: Bearer mm_…\`) or a
signed-in user of it, and says which roles are let in.

Errors are problem documents (RFC 9457). Their \`type\` is one of:

${Object.entries(PROBLEMS)
  .map(([name, { status, title }]) => `- \`/problems/${name}\` (${status}): ${title}.`)
  .join("\n")}

Lists are read page by page: send the \`nextCursor\` of one answer as the \`cursor\` of the next request until it is null.
A list that is read with \`atBlock\` may have pages with fewer items than \`limit\` before its end, even empty ones: only null ends it.

Cards, collections, holders and verdicts can be asked for as of any block that the registry has read (\`atBlock\`). Such an
answer says \`"historical": true\` in its \`asOf\`, and is not refused while the registry lags behind the chain: that changes
nothing about the past. It is the past of the chain that the registry follows: where a chain can reorganise, its youngest blocks
may still be replaced, and the answer with them; \`blockHash\` tells which block it is.

Answers carry an \`ETag\` that changes only when the resource does; send it as \`If-None-Match\` and a 304 says that nothing is new.`;

const requestId = z.string().meta({
  description: "Names this request in our logs.",
  header: { id: "RequestId" },
});
const entityTag = z.string().meta({
  description: "Changes only when the resource does.",
  header: { id: "EntityTag" },
});
const rateLimit = z.string().meta({
  description:
    "How much is left in this minute; missing if there is no limit (draft-ietf-httpapi-ratelimit-headers-08).",
  header: { id: "RateLimitState" },
});
const rateLimitPolicy = z.string().meta({
  description: "What the limit is; missing if there is none.",
  header: { id: "RateLimitPolicy" },
});
const retryAfter = z.string().meta({
  description: "After how many seconds to try again.",
  header: { id: "RetryAfter" },
});

const idempotencyKey = z
  .string()
  .regex(/^[!-~]{1,255}$/)
  .meta({
    description:
      "Names this one wish, chosen by you. Sent again with the same body, the answer is the same and nothing is done twice; with another body it is a 422.",
    example: "8e03978e-40d5-43e8-bc93-6894a57f9324",
  });

const PROBLEM_DESCRIPTIONS: Record<number, string> = {
  400: "The request is not valid; `errors` says which parameter is wrong.",
  401: "It is not known who asks.",
  403: "Who asks may not do this.",
  404: "There is no such resource.",
  409: "The state of things does not allow this; the problem's `type` and `detail` say why.",
  413: "The body is too large.",
  415: "The body is not JSON.",
  422: "The `Idempotency-Key` was used for another request.",
  429: "Too many requests.",
  500: "Something went wrong on our side.",
  503: "The registry has nothing to answer from yet, cannot reach its database or the chain, or has too much to do.",
};

/** Makes the document. `publicUrl` is where the server is reached. */
export function createOpenApiDocument(operations: readonly Operation[], { publicUrl }: { publicUrl: string }) {
  const paths: ZodOpenApiPathsObject = {};
  for (const operation of operations) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method]: {
        operationId: operation.id,
        tags: [operation.tag],
        summary: operation.summary,
        description: operation.description,
        security: securityOf(operation),
        ...requestOf(operation),
        responses: responsesOf(operation),
      },
    };
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Mintmark API",
      version: "1.0.0",
      summary: "A registry of membership cards on a permissioned chain.",
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
      contact: { name: "Mintmark", url: publicUrl },
    },
    servers: [{ url: publicUrl, description: "This server." }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [],
    components: {
      securitySchemes: {
        apiKey: { type: "http", scheme: "bearer", description: "An API key of a brand: `mm_…`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: sessionCookie(USER_COOKIES, publicUrl),
          description: "A user who has signed in below `/v1/auth`.",
        },
        customerSession: {
          type: "apiKey",
          in: "cookie",
          name: sessionCookie(CUSTOMER_COOKIES, publicUrl),
          description: "A customer who has signed in below `/v1/auth/customers`.",
        },
      },
    },
    paths,
    webhooks: describeWebhooks(),
  });
}

function securityOf({ access }: Operation): Record<string, string[]>[] {
  if (access === "everyone") return [];
  const forBrand = access.some((entrant) => entrant !== "customer") ? [{ apiKey: [] }, { session: [] }] : [];
  return [...forBrand, ...(access.includes("customer") ? [{ customerSession: [] }] : [])];
}

/** What a request may carry. */
function requestOf({ params, query, body, bodyOptional, upload, idempotent }: Operation) {
  const requestParams = {
    ...(params === undefined ? {} : { path: params }),
    ...(query === undefined || Object.keys(query.shape).length === 0 ? {} : { query }),
    ...(idempotent ? { header: z.object({ "Idempotency-Key": idempotencyKey }) } : {}),
  };
  const content =
    upload === undefined
      ? body && { "application/json": { schema: body } }
      : Object.fromEntries(
          upload.contentTypes.map((type) => [
            type,
            { schema: { type: "string" as const, format: "binary", description: upload.description } },
          ]),
        );
  return {
    ...(Object.keys(requestParams).length === 0 ? {} : { requestParams }),
    ...(content === undefined ? {} : { requestBody: { required: !bodyOptional, content } }),
  };
}

function responsesOf(operation: Operation): ZodOpenApiResponsesObject {
  const limitHeaders = operation.limited
    ? { RateLimit: rateLimit.optional(), "RateLimit-Policy": rateLimitPolicy.optional() }
    : {};
  const responses: ZodOpenApiResponsesObject = {};
  for (const [status, { description, schema, contentType = "application/json" }] of Object.entries(operation.answers)) {
    responses[status as `${1 | 2 | 3 | 4 | 5}${string}`] = {
      description,
      headers: z.object({
        "X-Request-Id": requestId,
        ...(operation.tagged ? { ETag: entityTag } : {}),
        ...limitHeaders,
      }),
      ...(status === "204" ? {} : { content: { [contentType]: { schema: schema ?? z.string() } } }),
    };
  }
  if (operation.tagged) {
    responses["304"] = {
      description: "Nothing has changed since the answer with the tag in `If-None-Match`.",
      headers: z.object({ "X-Request-Id": requestId, ETag: entityTag, ...limitHeaders }),
    };
  }
  const takesInput =
    operation.params !== undefined ||
    operation.query !== undefined ||
    operation.body !== undefined ||
    operation.upload !== undefined ||
    operation.idempotent;
  const problems = new Set([
    ...(takesInput ? [400] : []),
    // Who belongs to several brands must name one.
    ...(operation.access === "everyone" ? [] : [400, 401, 403]),
    ...(operation.body === undefined && operation.upload === undefined ? [] : [413, 415]),
    ...(operation.idempotent ? [422] : []),
    ...(operation.limited ? [429] : []),
    ...operation.problems,
    500,
  ]);
  for (const status of [...problems].sort()) {
    responses[String(status) as `${4 | 5}${string}`] = {
      description: PROBLEM_DESCRIPTIONS[status] ?? "A problem.",
      headers: z.object({
        "X-Request-Id": requestId,
        ...(status === 429 || status === 503 ? { "Retry-After": retryAfter } : {}),
        ...limitHeaders,
      }),
      content: { "application/problem+json": { schema: problemSchema } },
    };
  }
  return responses;
}
