// What the package offers.

export { createMintmarkClient, type MintmarkClient, type MintmarkClientOptions } from "./client.ts";
export type { components, operations, paths } from "./generated/schema.ts";
export { MintmarkTimeoutError } from "./patient-fetch.ts";
export { MintmarkError, type Problem, type ProblemType, unwrap } from "./problems.ts";
export { Webhook, type WebhookEvent, type WebhookEvents, WebhookVerificationError } from "./webhooks.ts";
