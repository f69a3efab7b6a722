// The API described without a server: what the typed client is generated from, and what the document's linter reads. It is the same
// document as a running server's but for the address in it, because both are made of the same operations.

import { loadConfig } from "../config.ts";
import { apiOperations } from "./app.ts";
import { createOpenApiDocument } from "./openapi.ts";
import { createQueries } from "./queries.ts";
import type { Services } from "./services.ts";

/** The OpenAPI document with all operations, those too that need a payment provider. */
export function describeApi({ publicUrl }: { publicUrl: string }): ReturnType<typeof createOpenApiDocument> {
  const absent = absentService();
  const config = loadConfig({ PUBLIC_URL: publicUrl });
  // What stands in the document is there; whatever else there is of services, is absent.
  const orders = Object.assign(Object.create(absent), { timeZone: config.orderTimeZone });
  const services: Services = Object.assign(Object.create(absent), { config, orders });
  return createOpenApiDocument(apiOperations(services, createQueries(services.database)), { publicUrl });
}

/** Stands where a service would, for those who keep it until somebody asks. Whatever one takes of it is it again; it does nothing. */
function absentService(): object {
  const absent: object = new Proxy(() => {}, {
    get: (_target, name) => (typeof name === "symbol" || name === "then" ? undefined : absent),
    apply() {
      throw new Error(
        "An operation used a service while it was described. Let it do so when it is asked, see apiOperations.",
      );
    },
  });
  return absent;
}
