// The sentence that goes with a verdict in the API. Pages have their own words, in each language.

import type { RecordVerdict, VerdictReason, VerdictWithAssurance } from "./verdict.ts";

const SENTENCES: Record<VerdictReason, string> = {
  "record-on-chain":
    "The chain holds this card, and it is valid. A code can be copied: the record alone does not prove that the object at hand is the original.",
  "brand-retired": "The brand has left the consortium since.",
  "card-expired": "The card was issued by this brand and has expired.",
  "card-suspended": "The card is suspended: it was reported lost, or is held for another reason.",
  "brand-suspended": "The consortium has suspended the brand, and with it all its cards.",
  "card-revoked": "The issuer has revoked the card.",
  "card-surrendered": "The holder has given the card up.",
  "card-not-issued": "The collection holds no card with this serial. Check the number for a typing error.",
  "mirror-starting": "The registry is starting and has not reached the chain yet. Try again in a minute.",
  "mirror-catching-up": "The registry is still reading the chain's history. Try again in a minute.",
  "mirror-degraded":
    "The registry has stopped reading the chain because something there needs attention. Try again later.",
  "mirror-lagging": "The registry has had no news from the chain for a while. Try again in a minute.",
  "past-block":
    "This is how the record stood at the block that was asked for, and says nothing about now: ask without atBlock for that.",
  "block-time-unknown":
    "The card expired about when this block was sealed, and the registry keeps the times of only those blocks in which something happened. Ask for a block a little earlier or later.",
};

/** Says in English what a verdict means and what to do. */
export function explainVerdict(verdict: VerdictWithAssurance): string {
  const sentences = verdict.reasons.map((reason) => SENTENCES[reason]);
  if (verdict.lastKnown !== undefined) sentences.push(`Last known: ${explainRecord(verdict.lastKnown)}`);
  return sentences.join(" ");
}

function explainRecord({ verdict, reasons }: RecordVerdict): string {
  return `${verdict} (${reasons.join(", ")}), which may have changed since.`;
}
