// The client: openapi-fetch with the types of Mintmark's OpenAPI document. Must hold: what may be repeated without harm is repeated,
// and nothing else; all attempts at one wish carry the same `Idempotency-Key`.

import createOpenApiClient, { type Client } from "openapi-fetch";
import { IDEMPOTENT_OPERATIONS } from "./generated/idempotent.ts";
import type { paths } from "./generated/schema.ts";
import { createPatientFetch, type Patience } from "./patient-fetch.ts";

/** Asks the API: `client.GET("/v1/collections/{collection}", { params: { path: { collection } } })`. */
export type MintmarkClient = Client<paths>;

export interface MintmarkClientOptions extends Partial<Patience> {
  /** Where the server is, `https://cards.example.com` for example. */
  baseUrl: string;
  /** A key of a brand, `mm_…`; left out, only what everybody may ask is answered. */
  apiKey?: string;
  /** How requests are sent; the platform's own `fetch` if left out. */
  fetch?: (request: Request) => Promise<Response>;
}

const IDEMPOTENCY_KEY = "Idempotency-Key";
const idempotentOperations = new Set(IDEMPOTENT_OPERATIONS);

export function createMintmarkClient({
  baseUrl,
  apiKey,
  fetch = (request) => globalThis.fetch(request),
  ...patience
}: MintmarkClientOptions): MintmarkClient {
  const client = createOpenApiClient<paths>({
    baseUrl: baseUrl.replace(/\/+$/, ""),
    fetch: createPatientFetch(fetch, patience),
    headers: apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` },
  });
  client.use({
    onRequest({ request, schemaPath }) {
      if (idempotentOperations.has(`${request.method} ${schemaPath}`)) {
        if (!request.headers.has(IDEMPOTENCY_KEY)) request.headers.set(IDEMPOTENCY_KEY, crypto.randomUUID());
      } else {
        // It would promise something that this operation does not keep, and have it repeated.
        request.headers.delete(IDEMPOTENCY_KEY);
      }
    },
  });
  return client;
}
