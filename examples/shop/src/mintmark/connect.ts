// What the store arranges with Mintmark before it opens: what the benefits of its cards mean in this store, and where Mintmark
// tells it what happens. Doing it again changes nothing.

import { BENEFITS } from "../catalogue/benefits.ts";
import type { Keeper } from "../kept.ts";
import type { Mintmark } from "./client.ts";

export const WEBHOOK_PATH = "/webhooks/mintmark";
const EVENTS = ["card.*", "order.*"];

/** Returns the secret that webhooks are signed with. */
export async function connect(
  mintmark: Mintmark,
  { keeper, shopUrl, collection }: { keeper: Keeper; shopUrl: string; collection: string },
): Promise<string> {
  for (const { id, ...meaning } of BENEFITS) await mintmark.describeBenefit(collection, id, meaning);

  const url = `${shopUrl}${WEBHOOK_PATH}`;
  const kept = keeper.read();
  const endpoints = await mintmark.webhookEndpoints();
  const known = kept.webhook;
  if (known !== undefined && known.mintmarkUrl === mintmark.url && known.url === url) {
    const found = endpoints.find(({ id }) => id === known.id);
    if (found?.state === "enabled") return known.secret;
  }
  // One of ours whose secret is lost, or that was switched off because the store was away for long.
  for (const { id } of endpoints.filter((endpoint) => endpoint.url === url)) await mintmark.removeWebhookEndpoint(id);
  const { id, secret } = await mintmark.addWebhookEndpoint(url, EVENTS);
  keeper.write({ ...kept, webhook: { mintmarkUrl: mintmark.url, id, url, secret } });
  return secret;
}
