// What a batch's cards were issued for, as the chain keeps it: 32 bytes for each batch, which commit to one tag for each card, in the order of
// the serials. A tag is made of what the card stands for with a key that only the brand's keystore can make again: it tells nobody else
// anything. The tags of orders stand in the transaction's call data too (see origin.ts), so that a database that is an older copy of
// itself knows an order by its own tags when it is sent again.

import { createHash } from "node:crypto";
import { keccak256 } from "ethers";
import type { BrandKeys } from "./keystore.ts";
import type { CardToIssue } from "./plan.ts";

/** A card of an order: the same when the same request is sent again, and of no other one. */
export function cardOfOrder(
  { scope, idempotencyKey }: { scope: string; idempotencyKey: string },
  index: number,
): string {
  return standsFor(["order", scope, idempotencyKey, index]);
}

/** A line of a file. */
export function cardOfFile({ serial, holder, tier, expiresAt, physicalNumber }: CardToIssue): string {
  return standsFor(["file", serial, holder.toLowerCase(), tier, expiresAt, physicalNumber ?? null]);
}

function standsFor(parts: (string | number | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The tags of a batch's cards; nothing where what they stand for, or the key, is not known. */
export function tagsOf(
  cards: readonly (string | null)[],
  collection: string,
  keys: Pick<BrandKeys, "cardTag"> | undefined,
): string[] | undefined {
  if (keys === undefined) return undefined;
  const tags: string[] = [];
  for (const card of cards) {
    if (card === null) return undefined;
    tags.push(keys.cardTag(collection, card));
  }
  return tags;
}

/** What the chain keeps of the tags of a batch's cards. */
export function batchReference(tags: readonly string[]): string {
  return keccak256(`0x${tags.join("")}`);
}
