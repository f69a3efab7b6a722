// Takes orders. Those that arrive while a transaction is under way go into the next one together, which is what makes a burst
// cheap: a thousand orders are a few transactions. Orders are placed in the order of their arrival.

import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../database/client.ts";
import { hasMetAnother } from "../../database/transactions.ts";
import { isOutage } from "../../database/unusable.ts";
import type { BrandKeys } from "../keystore.ts";
import { collectionsWithUnclaimed } from "../reconciliation/claiming.ts";
import type { OrderToPlace, PlacedOrder, Placement } from "./order.ts";
import { type Matching, placeOrders, repeatedPlacements } from "./placing.ts";

export interface OrderDesk {
  /** Places an order. Throws {@link DeskFullError}, and whatever the database throws: nothing is placed then. */
  place(order: OrderToPlace): Promise<Placement>;
}

export interface OrderDeskOptions {
  /** The connection for application tables. */
  application: Database;
  /** The wall clock, in milliseconds since the Unix epoch. */
  now(): number;
  /** The steady clock. */
  steady(): number;
  /** What a request is answered with. */
  answerOf(order: PlacedOrder): string;
  /** How orders find cards that the chain has already; without it, none is looked for. */
  matching?: {
    /** Where a card's last day ends. */
    timeZone: string;
    /** The keys from which the brand's custodial addresses follow; nothing if there are none here. */
    keysOf(brandId: number): Promise<Pick<BrandKeys, "holderAddress" | "cardTag"> | undefined>;
  };
  /** Is told when orders have been placed that can be sent. */
  onQueued?(): void;
}

/** More orders wait than will be placed in a bearable time. */
export class DeskFullError extends Error {
  override name = "DeskFullError";
}

const MOST_AT_ONCE = 250;
const MOST_WAITING = 10_000;
/** For how long an edition that was found sold out is not looked at again. Cancelled orders give serials back. */
const SOLD_OUT_MS = 250;
/** For two transactions that met. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 10;
/** For so long a database that is away is asked again before those who wait are told. */
const OUTAGE_PATIENCE_MS = 500;

interface Waiting {
  order: OrderToPlace;
  outcome: PromiseWithResolvers<Placement>;
}

export function createOrderDesk(options: OrderDeskOptions): OrderDesk {
  const { application, now, steady, answerOf, onQueued } = options;
  const waiting: Waiting[] = [];
  let working = false;
  /** Editions of which nothing was left, and until when that is taken for granted. */
  const soldOut = new Map<string, number>();

  async function work(): Promise<void> {
    working = true;
    try {
      // Who has arrived in this turn of the event loop comes along.
      await new Promise((resolve) => setImmediate(resolve));
      while (waiting.length > 0) {
        const group = waiting.splice(0, MOST_AT_ONCE);
        await serve(group);
      }
    } finally {
      working = false;
    }
  }

  async function serve(group: readonly Waiting[]): Promise<void> {
    try {
      const left = await refuseSoldOut(group);
      if (left.length === 0) return;
      const placements = await placeTogether(left.map(({ order }) => order));
      placements.forEach((placement, index) => {
        if (placement.kind === "sold-out" && placement.left === 0)
          soldOut.set(placement.collection, steady() + SOLD_OUT_MS);
        left[index]?.outcome.resolve(placement);
      });
      if (placements.some(({ kind }) => kind === "placed")) onQueued?.();
    } catch (error) {
      // While the database is away, each by themselves would wait for it again, and all behind them too.
      if (group.length === 1 || isOutage(error)) for (const { outcome } of group) outcome.reject(error);
      // One of them may be what the database cannot take; the others must not suffer for it.
      else for (const one of group) await serve([one]);
    }
  }

  /** Answers who asks for an edition that has just been found sold out, unless they have got their card before. */
  async function refuseSoldOut(group: readonly Waiting[]): Promise<readonly Waiting[]> {
    if (soldOut.size === 0) return group;
    // What is sold out may still have the cards of orders that are sent again.
    const unclaimed = await collectionsWithUnclaimed(application);
    const late = group.flatMap((one) => {
      if (one.order.items.some(({ collection }) => unclaimed.has(collection))) return [];
      const gone = one.order.items.find(({ collection }) => (soldOut.get(collection) ?? 0) > steady());
      return gone === undefined ? [] : [{ one, collection: gone.collection }];
    });
    if (late.length === 0) return group;
    const repeated = await repeatedPlacements(
      application,
      late.map(({ one }) => one.order),
    );
    late.forEach(({ one, collection }, index) => {
      one.outcome.resolve(repeated[index] ?? { kind: "sold-out", collection, left: 0 });
    });
    const refused = new Set(late.map(({ one }) => one));
    return group.filter((one) => !refused.has(one));
  }

  async function placeTogether(orders: readonly OrderToPlace[]): Promise<Placement[]> {
    const begun = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        const matching = await matchingFor(orders);
        return await application.$transaction((transaction) =>
          placeOrders(transaction, orders, { now: now(), answerOf, matching }),
        );
      } catch (error) {
        // Another server may have placed the same wish, or taken the same serial, at the same time: seen again it is there.
        const again = isOutage(error) ? performance.now() - begun < OUTAGE_PATIENCE_MS : hasMetAnother(error);
        if (attempt === ATTEMPTS || !again) throw error;
        await sleep(FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  }

  /** Nothing where the chain has no unclaimed cards of what is ordered, which is nearly always. */
  async function matchingFor(orders: readonly OrderToPlace[]): Promise<Matching | undefined> {
    if (options.matching === undefined) return undefined;
    const { timeZone, keysOf } = options.matching;
    const unclaimed = await collectionsWithUnclaimed(application);
    const concerned = orders.filter(({ items }) => items.some(({ collection }) => unclaimed.has(collection)));
    if (concerned.length === 0) return undefined;
    const keys = new Map<number, Pick<BrandKeys, "holderAddress" | "cardTag"> | undefined>();
    for (const { brandId } of concerned) if (!keys.has(brandId)) keys.set(brandId, await keysOf(brandId));
    const addresses = new Map<string, string>();
    for (const { brandId, customer } of concerned) {
      if (customer.holder !== undefined) continue;
      // A third of a millisecond each: requests get their turn in between.
      await new Promise((resolve) => setImmediate(resolve));
      const address = keys.get(brandId)?.holderAddress(customer.reference).toLowerCase();
      if (address !== undefined) addresses.set(`${brandId} ${customer.reference}`, address);
    }
    return {
      timeZone,
      keptAddressOf: (brandId, reference) => addresses.get(`${brandId} ${reference}`),
      tagOf: (brandId, collection, standsFor) => keys.get(brandId)?.cardTag(collection, standsFor),
    };
  }

  return {
    async place(order) {
      if (waiting.length >= MOST_WAITING)
        throw new DeskFullError("More orders arrive than can be placed. Send it again in a few seconds.");
      const outcome = Promise.withResolvers<Placement>();
      waiting.push({ order, outcome });
      if (!working) void work();
      return await outcome.promise;
    },
  };
}
