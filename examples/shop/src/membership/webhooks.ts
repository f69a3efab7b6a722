// What Mintmark tells the store. Must hold: nothing is believed whose signature does not fit the very bytes that came; a message
// that comes twice is read once; one that comes late changes nothing.

import type { RequestContext, TransactionalConnection } from "@vendure/core";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { LessThan } from "typeorm";
import { cardId, type Moment, ReceivedMessages, ShopCards } from "./records.ts";
import type { Tasks } from "./tasks.ts";

/** Longer than Mintmark tries for, so that no repetition is taken for news. */
const REMEMBERED_MS = 30 * 86_400_000;

interface CardMessage {
  card: {
    collection: { address: string; slug: string; name: string };
    serial: number;
    status: string;
    expiresAt: string | null;
  };
  customer: { reference: string } | null;
  orderId: string | null;
  asOf: { blockNumber: number };
  /** Missing where time has passed and nothing happened on the chain. */
  transaction?: { logIndex: number };
  /** The id of the message that this one takes back. */
  reverts?: string;
}

export interface WebhookReceiver {
  /** Answers with the status to send back. */
  receive(body: Buffer, headers: Record<string, string>): Promise<200 | 400 | 401>;
}

export function createWebhookReceiver(dependencies: {
  connection: TransactionalConnection;
  tasks: () => Tasks;
  /** Unknown until the store has arranged it with Mintmark. */
  secret: () => string | undefined;
  verifyUrl: (slug: string, serial: number) => string;
  now?: () => number;
}): WebhookReceiver {
  const { connection, tasks, secret, verifyUrl, now = Date.now } = dependencies;

  async function takeCard(ctx: RequestContext, type: string, message: CardMessage): Promise<void> {
    const { card, customer, orderId, asOf, transaction } = message;
    const moment = { block: asOf.blockNumber, logIndex: transaction?.logIndex ?? Number.MAX_SAFE_INTEGER };
    const cards = connection.getRepository(ctx, ShopCards);
    const id = cardId(card.collection.address, card.serial);
    const known = await cards.findOneBy({ id });
    if (known !== null && isBefore(moment, known) && !type.endsWith(".reverted")) return;
    await cards.save({
      id,
      slug: card.collection.slug,
      collectionName: card.collection.name,
      serial: card.serial,
      customer: customer?.reference ?? known?.customer ?? null,
      mintmarkOrder: orderId ?? known?.mintmarkOrder ?? null,
      status: statusAfter(type, card.status),
      expiresAt: card.expiresAt,
      verifyUrl: known?.verifyUrl ?? verifyUrl(card.collection.slug, card.serial),
      ...moment,
    });
  }

  return {
    async receive(body, headers) {
      const signingSecret = secret();
      if (signingSecret === undefined) return 401;
      let message: { type: string; data: unknown };
      try {
        message = new Webhook(signingSecret).verify(body, headers) as typeof message;
      } catch (error) {
        if (error instanceof WebhookVerificationError) return 401;
        if (error instanceof SyntaxError) return 400;
        throw error;
      }
      const id = headers["webhook-id"] ?? "";
      await connection.withTransaction(async (ctx) => {
        const received = connection.getRepository(ctx, ReceivedMessages);
        if (await received.existsBy({ id })) return;
        await received.delete({ receivedAt: LessThan(now() - REMEMBERED_MS) });
        await received.insert({ id, type: message.type, receivedAt: now() });
        const { reverts } = message.data as { reverts?: string };
        // What is taken back may come after that: then it is no news.
        if (reverts !== undefined && !(await received.existsBy({ id: reverts })))
          await received.insert({ id: reverts, type: "reverted", receivedAt: now() });
        if (message.type.startsWith("card.")) await takeCard(ctx, message.type, message.data as CardMessage);
        if (message.type.startsWith("order.")) {
          const order = orderOf(message.data);
          if (order !== undefined) await tasks().add(ctx, { kind: "refresh", mintmarkOrder: order });
        }
      });
      return 200;
    },
  };
}

function isBefore(a: Moment, b: Moment): boolean {
  return a.block < b.block || (a.block === b.block && a.logIndex < b.logIndex);
}

/** Time passes without the chain: a card that has expired is still called active there. */
function statusAfter(type: string, status: string): string {
  if (type === "card.expired") return "Expired";
  // Taken back by the chain itself; what comes instead is told next.
  if (type === "card.issued.reverted") return "Ordered";
  return status;
}

function orderOf(data: unknown): string | undefined {
  const { orderId, order } = data as { orderId?: unknown; order?: { id?: unknown } };
  const id = orderId ?? order?.id;
  return typeof id === "string" ? id : undefined;
}
