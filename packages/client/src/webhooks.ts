// What receives webhooks: verified by the library of Standard Webhooks itself.

import type { webhooks } from "./generated/schema.ts";

export { Webhook, WebhookVerificationError } from "standardwebhooks";

/** The events by name, as the OpenAPI document describes them. */
export type WebhookEvents = {
  [Name in keyof webhooks]: webhooks[Name] extends {
    post: { requestBody?: { content: { "application/json": infer Payload } } };
  }
    ? Payload
    : never;
};
/** What `new Webhook(secret).verify(body, headers)` returns. */
export type WebhookEvent = WebhookEvents[keyof WebhookEvents];
