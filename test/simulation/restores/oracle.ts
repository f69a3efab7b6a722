// What must be so once all orders were sent again: the chain's logs against the orders as the API tells them. Knows nothing of how a server reconciles.

import { id as topicOf, ZeroHash } from "ethers";
import type { Rpc } from "../../../server/chain/rpc.ts";
import type { ShownOrder } from "./shop.ts";
import type { Wish } from "./wishes.ts";

export interface Findings {
  rpc: Rpc;
  /** By slug, the addresses, lower-case. */
  collections: ReadonlyMap<string, string>;
  /** What was wanted, and the order that it came to. */
  orders: ReadonlyMap<Wish, ShownOrder>;
  /** Who gets the cards of a wish, lower-case. */
  holderOf(wish: Wish): string;
  /** The cards that `npm run reconcile` lists as nobody's, as `collection serial`. */
  listed: ReadonlySet<string>;
}

/** What is not as it must be, in sentences. */
export async function judge({ rpc, collections, orders, holderOf, listed }: Findings): Promise<string[]> {
  const wrong: string[] = [];
  const onChain = new Map<string, string>();
  for (const address of collections.values()) {
    const topics = [topicOf("Transfer(address,address,uint256)"), ZeroHash];
    const logs = await rpc.call<{ topics: string[] }[]>("eth_getLogs", [
      { address, topics, fromBlock: "0x0", toBlock: "latest" },
    ]);
    for (const { topics } of logs) {
      const card = `${address} ${Number(topics[3])}`;
      if (onChain.has(card)) wrong.push(`${card} was issued twice`);
      onChain.set(card, `0x${topics[2]?.slice(26)}`);
    }
  }

  const owners = new Map<string, string>();
  const wanted = new Map<string, number>();
  for (const [wish, order] of orders) {
    const holder = holderOf(wish);
    if (order.state !== "issued")
      wrong.push(`${wish.key}: ${order.id} is ${order.state} (${order.failure?.detail ?? ""})`);
    const quantity = wish.items.reduce((sum, item) => sum + item.quantity, 0);
    if (order.cards.length !== quantity) wrong.push(`${wish.key} has ${order.cards.length} of ${quantity} cards`);
    for (const { collection, serial } of order.cards) {
      const card = `${collection.address.toLowerCase()} ${serial}`;
      const other = owners.get(card);
      if (other !== undefined) wrong.push(`${card} is ${other}'s and ${wish.key}'s`);
      owners.set(card, wish.key);
      if (onChain.get(card) !== holder)
        wrong.push(`${card} of ${wish.key} is held by ${onChain.get(card)}, not by ${holder}`);
    }
    for (const { collection, quantity } of wish.items) {
      const place = `${collections.get(collection)} ${holder}`;
      wanted.set(place, (wanted.get(place) ?? 0) + quantity);
    }
  }
  for (const card of onChain.keys()) {
    if (!owners.has(card) && !listed.has(card)) wrong.push(`${card} is nobody's and is not listed`);
  }
  // Also what is listed was issued for somebody: nobody has more cards than were wanted.
  const held = Map.groupBy(onChain, ([card, holder]) => `${card.split(" ")[0]} ${holder}`);
  for (const [place, cards] of held) {
    const most = wanted.get(place) ?? 0;
    if (cards.length !== most) wrong.push(`${place} has ${cards.length} cards, and ${most} were wanted`);
  }
  return wrong;
}
