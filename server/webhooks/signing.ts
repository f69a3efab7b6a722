// Secrets of endpoints, and what is signed with them, as Standard Webhooks says
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

import { hash, randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";

const SECRET_BYTES = 32;
const ID_CHARACTERS = 32;

/** A new secret, as its owner gets it. */
export function makeSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
}

/** What is sent beside a body, signed with each of the secrets. `at` in milliseconds. */
export function signedHeaders(
  secrets: readonly string[],
  { id, at, body }: { id: string; at: number; body: string },
): Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string> {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at / 1000)),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, new Date(at), body)).join(" "),
  };
}

/** The id of something that happened: the same for the same facts. */
export function eventId(...facts: readonly (string | number)[]): string {
  return `evt_${digest(facts.join(" "))}`;
}

/** The id of a message: the same for each attempt to tell an endpoint of an event. */
export function messageId(endpointId: string, eventId: string): string {
  return `msg_${digest(`${endpointId} ${eventId}`)}`;
}

function digest(text: string): string {
  return hash("sha256", text, "base64url").slice(0, ID_CHARACTERS);
}
