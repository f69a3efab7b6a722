// A brand's API keys.

import { z } from "zod";
import type { ApiKey } from "../accounts/api-keys.ts";
import { asBrandPrincipal } from "../accounts/roles.ts";
import {
  idParameter,
  name,
  one,
  pageOf,
  pageQuery,
  readPage,
  role,
  time,
  timeOf,
  timeOrNull,
} from "./account-schemas.ts";
import { defineOperation, type Operation } from "./operations.ts";
import type { Services } from "./services.ts";

const DEFAULT_GRACE_SECONDS = 86_400;
const LONGEST_GRACE_SECONDS = 30 * 86_400;

const keySchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role,
    prefix: z.string().meta({ description: "How the key begins, to tell keys apart by." }),
    createdAt: time,
    createdBy: z.string().meta({ description: "Who has made it: `user:…` or `api-key:…`." }),
    lastUsedAt: time.nullable().meta({ description: "To the minute; null if never." }),
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
    formerKeyValidUntil: time
      .nullable()
      .meta({ description: "Until when the key's text from before its rotation counts." }),
  })
  .meta({ id: "ApiKey", description: "An API key, without its text." });
const newKeySchema = keySchema
  .extend({ key: z.string().meta({ description: "The key. Keep it: it is shown this once.", example: "mm_…" }) })
  .meta({ id: "NewApiKey", description: "An API key with its text." });
const params = z.object({ key: idParameter("key", "an API key") });

const common = { tag: "accounts", tagged: false, limited: true, open: false } as const;

export function apiKeyOperations({ accounts: { apiKeys } }: Services): Operation[] {
  return [
    defineOperation({
      ...common,
      id: "listApiKeys",
      path: "/v1/api-keys",
      access: ["owner", "manager", "auditor"],
      summary: "List the brand's API keys",
      description: "Keys of all roles, those that have ended too, oldest first.",
      query: pageQuery,
      answers: { 200: { description: "A page of keys.", schema: pageOf(keySchema) } },
      problems: [],
      async handle({ principal: { brandId }, query }) {
        const read = (page: Parameters<typeof apiKeys.list>[1]) => apiKeys.list(brandId, page);
        return { body: await readPage(query, read, ({ id }) => id, present) };
      },
    }),
    defineOperation({
      ...common,
      id: "createApiKey",
      method: "post",
      path: "/v1/api-keys",
      access: ["owner", "manager"],
      summary: "Make an API key",
      description: "The role may be your own or one below it. Keys of owners are made by owners who have signed in.",
      body: z.strictObject({
        name,
        role,
        expiresAt: z.iso
          .datetime("must be a time in UTC, for example 2027-01-31T00:00:00Z")
          .transform((text) => Date.parse(text))
          .optional()
          .meta({ description: "When it ends; left out, it does not." }),
      }),
      answers: { 201: { description: "The key.", schema: one(newKeySchema) } },
      problems: [],
      async handle({ principal, body: { name, role, expiresAt } }) {
        const made = await apiKeys.create(asBrandPrincipal(principal), { name, role, expiresAt });
        return { status: 201, body: { data: { ...present(made), key: made.key } } };
      },
    }),
    defineOperation({
      ...common,
      id: "rotateApiKey",
      method: "post",
      path: "/v1/api-keys/{key}/rotate",
      access: ["owner", "manager"],
      summary: "Give an API key a new text",
      description: `The former text counts for \`graceSeconds\` more (${DEFAULT_GRACE_SECONDS} if left out), so that programs can change over; the one before that ends now. A key may rotate itself.`,
      params,
      body: z.strictObject({
        graceSeconds: z
          .int("must be a whole number of seconds")
          .min(0, "must not be negative")
          .max(LONGEST_GRACE_SECONDS, `must be ${LONGEST_GRACE_SECONDS} (30 days) at most`)
          .default(DEFAULT_GRACE_SECONDS),
      }),
      answers: { 200: { description: "The key with its new text.", schema: one(newKeySchema) } },
      problems: [404, 409],
      async handle({ principal, params: { key }, body: { graceSeconds } }) {
        const rotated = await apiKeys.rotate(asBrandPrincipal(principal), key, graceSeconds * 1000);
        return { body: { data: { ...present(rotated), key: rotated.key } } };
      },
    }),
    defineOperation({
      ...common,
      id: "revokeApiKey",
      method: "delete",
      path: "/v1/api-keys/{key}",
      access: ["owner", "manager"],
      summary: "Revoke an API key",
      description: "It ends now, here at once and in other server processes within five seconds. It stays in the list.",
      params,
      answers: { 204: { description: "It has ended." } },
      problems: [404],
      async handle({ principal, params: { key } }) {
        await apiKeys.revoke(asBrandPrincipal(principal), key);
        return { status: 204 };
      },
    }),
  ];
}

function present({ id, name, role, prefix, createdAt, createdBy, ...times }: ApiKey) {
  return {
    id,
    name,
    role,
    prefix,
    createdAt: timeOf(createdAt),
    createdBy,
    lastUsedAt: timeOrNull(times.lastUsedAt),
    expiresAt: timeOrNull(times.expiresAt),
    revokedAt: timeOrNull(times.revokedAt),
    formerKeyValidUntil: timeOrNull(times.formerUntil),
  };
}
