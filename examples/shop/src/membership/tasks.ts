// What has to happen at Mintmark after something happened in the store: cards ordered and given back, redemptions confirmed,
// released and undone.
//
// Must hold: a task is written in the same transaction as what it follows from, is tried until Mintmark has answered, and may be
// done twice, for each request names itself (an Idempotency-Key) or says what is to be, not what is to change. What Mintmark
// refuses is written on the order, where the staff sees it. One task at a time, the earlier first.

import {
  type EntityRelationPaths,
  type JobQueue,
  type JobQueueService,
  Logger,
  Order,
  type OrderService,
  type RequestContext,
  type RequestContextService,
  type TransactionalConnection,
} from "@vendure/core";
import { type Mintmark, type Order as MintmarkOrder, MintmarkRefusal, type NewOrder } from "../mintmark/client.ts";
import { type Claim, claimOf } from "./fields.ts";
import { cardId, ShopCards } from "./records.ts";

export type Task =
  | { kind: "place" | "refund" | "confirm"; order: string }
  | { kind: "release"; redemption: string }
  /** Looks at an order at Mintmark again. */
  | { kind: "refresh"; mintmarkOrder: string };

export const QUEUE = "mintmark";
/** For years: only an answer ends a task. */
const RETRIES = 1_000_000;
/** Stands on the chain with each revocation; never anything about a person. */
const REFUND_REASON = "refund";
const UNDO_REASON = "refund";

export function retryDelay(attempts: number): number {
  return Math.min(60_000, 500 * 2 ** Math.min(attempts, 10));
}

export interface Tasks {
  start(): Promise<void>;
  add(ctx: RequestContext, task: Task): Promise<void>;
}

export interface TasksDependencies {
  mintmark: Mintmark;
  connection: TransactionalConnection;
  orders: OrderService;
  contexts: RequestContextService;
  jobs: JobQueueService;
}

const RELATIONS: EntityRelationPaths<Order>[] = ["lines", "customer"];

export function createTasks({ mintmark, connection, orders, contexts, jobs }: TasksDependencies): Tasks {
  let queue: JobQueue<Task>;

  async function perform(task: Task): Promise<void> {
    const ctx = await contexts.create({ apiType: "admin" });
    switch (task.kind) {
      case "place":
        return await place(ctx, task.order);
      case "refund":
        return await giveBack(ctx, task.order);
      case "confirm":
        return await confirm(ctx, task.order);
      case "release":
        // A hold that has run out or was released before is as it should be.
        return void (await unlessRefused(() => mintmark.release(task.redemption)));
      case "refresh": {
        const order = await connection
          .getRepository(ctx, Order)
          .findOne({ where: { customFields: { mintmarkOrder: task.mintmarkOrder } }, relations: { customer: true } });
        if (order !== null) await take(ctx, order, await mintmark.order(task.mintmarkOrder));
      }
    }
  }

  async function place(ctx: RequestContext, id: string): Promise<void> {
    const order = await find(ctx, id);
    // Where it was cancelled in the meantime, giving it back places it first.
    if (order.state === "Cancelled") return;
    await placed(ctx, order);
  }

  /** Mintmark's order for the cards of one of ours, placed once; nothing if it has none or Mintmark refuses it. */
  async function placed(ctx: RequestContext, order: Order): Promise<string | undefined> {
    const { mintmarkOrder, mintmarkWish, mintmarkProblem } = order.customFields;
    if (mintmarkOrder !== null) return mintmarkOrder;
    if (mintmarkWish === null || mintmarkProblem !== null) return undefined;
    const wish = JSON.parse(mintmarkWish) as NewOrder;
    const answer = await unlessRefused(() => mintmark.placeOrder(wish, `shop-order-${order.code}`));
    if (answer instanceof MintmarkRefusal) {
      await note(ctx, order, { mintmarkProblem: answer.message });
      return undefined;
    }
    await note(ctx, order, { mintmarkOrder: answer.id });
    // Sent again, it is answered as it was the first time, whatever has become of the order since.
    await take(ctx, order, await mintmark.order(answer.id));
    return answer.id;
  }

  async function giveBack(ctx: RequestContext, id: string): Promise<void> {
    const order = await find(ctx, id);
    const claim = claimOf(order);
    if (claim?.state === "confirmed" && claim.redemption !== undefined) {
      const { redemption } = claim;
      const undone = await unlessRefused(() => mintmark.undo(redemption, UNDO_REASON));
      if (undone instanceof MintmarkRefusal) await note(ctx, order, { mintmarkProblem: undone.message });
      else await keepClaim(ctx, order, { ...claim, state: "undone" });
    }
    const mintmarkOrder = await placed(ctx, order);
    if (mintmarkOrder === undefined) return;
    const { state } = await mintmark.order(mintmarkOrder);
    if (state === "cancelled" || state === "refunding" || state === "refunded") return;
    const refunded = await unlessRefused(() =>
      state === "accepted" || state === "queued"
        ? mintmark.cancelOrder(mintmarkOrder)
        : mintmark.refundOrder(mintmarkOrder, REFUND_REASON),
    );
    if (!(refunded instanceof MintmarkRefusal)) return await take(ctx, order, refunded);
    // On its way to the chain it can be neither; in a moment it can be refunded.
    const later = await mintmark.order(mintmarkOrder);
    if (later.state === "queued" || later.state === "sent" || later.state !== state) throw refunded;
    await note(ctx, order, { mintmarkProblem: refunded.message });
  }

  async function confirm(ctx: RequestContext, id: string): Promise<void> {
    const order = await find(ctx, id);
    const claim = claimOf(order);
    if (claim?.state !== "held" || claim.redemption === undefined) return;
    const { redemption } = claim;
    const confirmed = await unlessRefused(() => mintmark.confirm(redemption));
    if (confirmed instanceof MintmarkRefusal) {
      await note(ctx, order, { mintmarkProblem: confirmed.message });
      await keepClaim(ctx, order, { ...claim, state: "lost" });
    } else {
      await keepClaim(ctx, order, { ...claim, state: "confirmed" });
    }
  }

  /** Writes down what Mintmark says about an order. What became of a card since it was issued, its own messages tell. */
  async function take(ctx: RequestContext, order: Order, told: MintmarkOrder): Promise<void> {
    const cards = connection.getRepository(ctx, ShopCards);
    for (const { collection, serial, state, verifyUrl, failure, blockNumber } of told.cards) {
      const id = cardId(collection.address, serial);
      const known = await cards.findOneBy({ id });
      const fresh = {
        slug: collection.slug,
        collectionName: known?.collectionName ?? collection.slug,
        serial,
        customer: order.customer ? String(order.customer.id) : null,
        status: failure !== null ? "Failed" : state === "done" ? "Active" : "Ordered",
        expiresAt: null,
        block: blockNumber ?? 0,
        logIndex: 0,
      };
      const newest = known === null || known.status === "Ordered" ? fresh : known;
      await cards.save({ ...newest, id, verifyUrl, mintmarkOrder: order.customFields.mintmarkOrder });
    }
    const failure = told.failure ?? told.cards.find((card) => card.failure !== null)?.failure ?? null;
    if (failure !== null && told.state === "failed") await note(ctx, order, { mintmarkProblem: failure.detail });
  }

  async function find(ctx: RequestContext, id: string): Promise<Order> {
    const order = await orders.findOne(ctx, id, RELATIONS);
    if (order === undefined) throw new Error(`There is no order ${id}`);
    return order;
  }

  async function note(
    ctx: RequestContext,
    order: Order,
    fields: Partial<Pick<Order["customFields"], "mintmarkOrder" | "mintmarkProblem">>,
  ): Promise<void> {
    if (fields.mintmarkProblem) Logger.warn(`Order ${order.code}: ${fields.mintmarkProblem}`, "Mintmark");
    Object.assign(order.customFields, fields);
    await connection.getRepository(ctx, Order).update(order.id, { customFields: fields });
  }

  async function keepClaim(ctx: RequestContext, order: Order, claim: Claim): Promise<void> {
    await connection.getRepository(ctx, Order).update(order.id, { customFields: { claim: JSON.stringify(claim) } });
  }

  return {
    async start() {
      // Tasks that were being done when the store was killed: nobody does them now.
      await connection.rawConnection
        .getRepository("JobRecord")
        .update({ queueName: QUEUE, state: "RUNNING" }, { state: "PENDING" });
      queue = await jobs.createQueue<Task>({ name: QUEUE, process: async ({ data }) => await perform(data) });
      await jobs.start();
      // What Mintmark told while the store was closed, it tells again in minutes; who waits for a card need not.
      const ctx = await contexts.create({ apiType: "admin" });
      const waiting = await connection.getRepository(ctx, ShopCards).findBy({ status: "Ordered" });
      for (const mintmarkOrder of new Set(waiting.flatMap((card) => card.mintmarkOrder ?? [])))
        await queue.add({ kind: "refresh", mintmarkOrder }, { ctx, retries: RETRIES });
    },
    async add(ctx, task) {
      await queue.add(task, { ctx, retries: RETRIES });
    },
  };
}

/** Whether Mintmark refuses is an answer; that it is away is a reason to try again. */
async function unlessRefused<Answer>(request: () => Promise<Answer>): Promise<Answer | MintmarkRefusal> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof MintmarkRefusal) return error;
    throw error;
  }
}
