// Orders that are placed at a server, and sent again to one whose database is an older copy.

import { randomUUID } from "node:crypto";
import { ZeroHash } from "ethers";
import { membershipCollectionInterface } from "../../../../server/chain/abi.ts";
import type { OrderToPlace, Placement } from "../../../../server/issuance/orders/order.ts";
import { expiryOfTerm } from "../../../../server/issuance/orders/term.ts";
import type { IssuingDatabase, IssuingServer, SendingWorld, TestBrand } from "../sending/support.ts";

/** An order as a shop sends it, and sends it again. */
export interface Wish {
  key: string;
  reference: string;
  collection: string;
  tier: number;
  term: string | null;
  quantity: number;
  /** The customer's own wallet; nothing for the address that the brand keeps. */
  holder: string | undefined;
  paid: boolean;
  maxSupply: number;
}

export function wishOf(wish: Partial<Wish> & Pick<Wish, "collection">): Wish {
  return {
    ...{ key: randomUUID(), reference: `C-${randomUUID().slice(0, 8)}`, tier: 1, term: null, quantity: 1 },
    ...{ holder: undefined, paid: true, maxSupply: 1_000 },
    ...wish,
  };
}

/** Sends an order; its term is reckoned from the office's clock, as a server does. */
export async function send(
  office: IssuingDatabase,
  server: Pick<IssuingServer, "issuing">,
  brand: TestBrand,
  wish: Wish,
): Promise<Placement> {
  const { collection, tier, term, quantity, maxSupply, key, reference, holder, paid } = wish;
  const now = Date.now() + office.clock.ahead + office.clock.set;
  const expiresAt = expiryOfTerm(term, now, "Asia/Shanghai") ?? 0;
  const order: OrderToPlace = {
    ...{ scope: `brand ${brand.id}`, idempotencyKey: key, requestHash: "hash", brandId: brand.id, createdBy: "test" },
    customer: { id: undefined, reference, holder },
    items: [{ collection, tier, term, quantity, expiresAt, maxSupply, free: false }],
    paid: undefined,
    payment: paid ? undefined : { name: "provider", before: now + 60_000 },
  };
  return await server.issuing.desk.place(order);
}

/** The id of an order that was placed. */
export function idOf(placement: Placement): string {
  if (placement.kind === "placed" || placement.kind === "repeated") return placement.orderId;
  throw new Error(`It was not placed: ${placement.kind}`);
}

/** What the chain has: `serial holder` of each card that was ever issued, in the order of the serials. */
export async function issuedOnChain(world: SendingWorld, collection: string): Promise<string[]> {
  const topics = [membershipCollectionInterface.getEvent("Transfer")?.topicHash ?? "", ZeroHash];
  const logs = await world.provider.getLogs({ address: collection, topics, fromBlock: 0 });
  return logs
    .map(({ topics }) => ({ serial: Number(topics[3]), holder: `0x${topics[2]?.slice(26)}` }))
    .toSorted((one, other) => one.serial - other.serial)
    .map(({ serial, holder }) => `${serial} ${holder}`);
}
