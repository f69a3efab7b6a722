// Which transactions of the chain are by our keys and yet not in the book: this database sent them before it was an older copy of itself,
// or another program has the keys.

import type { Database } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { batchReference } from "../batch-reference.ts";
import type { IssuanceChain } from "../chain.ts";
import { type Origin, originOf, tagsIn } from "../origin.ts";
import { IssuanceError } from "../problems.ts";

/** Cards that were issued together; as they were issued. */
export interface UnknownBatch {
  collection: string;
  firstSerial: number;
  count: number;
  tier: number;
  expiresAt: number;
  /** Of each card, to which order it belongs: see batch-reference.ts. Nothing if the batch does not say. */
  tags: string[] | undefined;
}

export interface UnknownRedemption {
  collection: string;
  serial: number;
  benefitId: number;
  number: number;
}

/** A transaction by one of our keys that no command of ours is part of. */
export interface UnknownTransaction {
  hash: string;
  blockNumber: number;
  origin: Origin;
  batches: UnknownBatch[];
  redemptions: UnknownRedemption[];
}

interface EventRow {
  transactionHash: string;
  blockNumber: number | bigint;
  address: string;
  name: "BatchIssued" | "BenefitRedeemed";
  serial: number | bigint | null;
  arguments: string;
}

const ASKED_AT_ONCE = 8;

/** What nodes have said about transactions, so that one that fails now and then need not say all of it again. */
export type Answers = Map<string, { from: string; origin: Origin; tags: string[] | undefined }>;

/** Those in the blocks after `from` up to `to`, which the mirror has; in their order. */
export async function unknownTransactions(
  application: Database,
  chain: Pick<IssuanceChain, "transaction">,
  { from, to, answers }: { from: number; to: number; answers: Answers },
): Promise<UnknownTransaction[]> {
  const rows = await application.$queryRaw<EventRow[]>(Prisma.sql`
    SELECT e."transactionHash", e."blockNumber", e."address", e."name", e."serial", e."arguments" FROM "Event" AS e
    WHERE e."blockNumber" > ${from} AND e."blockNumber" <= ${to} AND e."name" IN ('BatchIssued', 'BenefitRedeemed')
      AND NOT EXISTS (SELECT 1 FROM "TransactionAttempt" AS a WHERE a."hash" = e."transactionHash")
    ORDER BY e."blockNumber", e."logIndex"`);
  if (rows.length === 0) return [];
  const ours = new Set(
    (await application.signer.findMany({ select: { address: true } })).map(({ address }) => address),
  );
  const groups = Map.groupBy(rows, ({ transactionHash }) => transactionHash);
  await ask(chain, groups, answers);
  return [...groups].flatMap(([hash, events]) => {
    const sent = answers.get(hash);
    return sent !== undefined && ours.has(sent.from) ? [described(hash, events, sent)] : [];
  });
}

async function ask(
  chain: Pick<IssuanceChain, "transaction">,
  groups: ReadonlyMap<string, readonly EventRow[]>,
  answers: Answers,
): Promise<void> {
  const open = [...groups].filter(([hash]) => !answers.has(hash));
  for (let first = 0; first < open.length; first += ASKED_AT_ONCE) {
    const asked = open.slice(first, first + ASKED_AT_ONCE).map(async ([hash, events]) => {
      const sent = await chain.transaction(hash);
      // The mirror has its events, so a node that does not have it is behind. Taken for nobody's, its cards might be issued twice.
      if (sent === undefined) {
        throw new IssuanceError(
          `The chain's node does not know the transaction ${hash}, which is in the mirror. Is it behind?`,
          {
            retryable: true,
          },
        );
      }
      answers.set(hash, { from: sent.from, origin: originOf(sent.data), tags: tagsIn(sent.data, cardsIn(events)) });
    });
    const failed = (await Promise.allSettled(asked)).find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}

/** How many cards a transaction has issued. */
function cardsIn(events: readonly EventRow[]): number {
  return events
    .filter(({ name }) => name === "BatchIssued")
    .reduce((sum, { arguments: text }) => sum + Number(JSON.parse(text).count), 0);
}

function described(
  hash: string,
  events: readonly EventRow[],
  { origin, tags }: { origin: Origin; tags: string[] | undefined },
): UnknownTransaction {
  let cards = 0;
  const transaction: UnknownTransaction = {
    hash,
    blockNumber: Number(events[0]?.blockNumber),
    origin,
    batches: [],
    redemptions: [],
  };
  for (const { address: collection, name, serial, arguments: text } of events) {
    const args = JSON.parse(text) as Record<string, number> & { batchReference?: string };
    if (name === "BatchIssued") {
      const { firstSerial = 0, count = 0, tier = 0, expiresAt = 0 } = args;
      const own = tags?.slice(cards, cards + count);
      cards += count;
      // What the chain has not committed to may be anybody's.
      const isTrue = own !== undefined && batchReference(own) === args.batchReference;
      transaction.batches.push({ collection, firstSerial, count, tier, expiresAt, tags: isTrue ? own : undefined });
    } else {
      const { benefitId = 0, number = 0 } = args;
      transaction.redemptions.push({ collection, serial: Number(serial), benefitId, number });
    }
  }
  return transaction;
}
