// What must be so when all is quiet again: the chain has the cards of the issued orders and no others, each order came to one end,
// and no nonce is missing.

import type { Database } from "../../../server/database/client.ts";
import type { CardOnChain } from "../../../server/issuance/chain.ts";
import type { Fulfilment } from "./shop.ts";

export interface Findings {
  database: Database;
  fulfilments: readonly Fulfilment[];
  /** By collection, lower-case: what the chain has, and who holds it. */
  cards: ReadonlyMap<string, ReadonlyMap<number, CardOnChain>>;
  /** What was issued past the servers, as `collection serial`. */
  strangers: ReadonlySet<string>;
  /** The address that the brand keeps for a customer, lower-case. */
  holderOf(reference: string): string;
  /** The next nonce of each signer, as the chain has it. */
  nonces: ReadonlyMap<string, number>;
  freeCollection: string;
}

/** What is not as it must be, in sentences. */
export async function judge(findings: Findings): Promise<string[]> {
  const { database, fulfilments, cards, strangers, holderOf, nonces, freeCollection } = findings;
  const wrong: string[] = [];
  const say = (text: string) => wrong.push(text);

  // Every wish came to one order or to a refusal.
  const orderIds = new Map<string, Fulfilment>();
  for (const fulfilment of fulfilments) {
    const { wish, answers, refusal } = fulfilment;
    if (new Set(answers).size > 1) say(`${wish.key} was answered in different ways`);
    // Sold out is what an edition is until somebody cancels; the same wish may come true then.
    if (answers.length > 0 && refusal !== undefined && refusal.type !== "/problems/sold-out")
      say(`${wish.key} was placed and refused as well: ${refusal.status} ${refusal.detail}`);
    if (answers.length === 0 && refusal?.status !== 409)
      say(`${wish.key} was neither placed nor refused for a reason: ${refusal?.status} ${refusal?.detail}`);
    const [answer] = answers;
    if (answer === undefined) continue;
    const { id } = (JSON.parse(answer) as { data: { id: string } }).data;
    if (orderIds.has(id)) say(`two wishes have the order ${id}`);
    orderIds.set(id, fulfilment);
  }

  const orders = await database.order.findMany();
  const commands = Map.groupBy(await database.command.findMany({ where: { kind: "issue" } }), (row) => row.orderId);
  if (orders.length !== orderIds.size) say(`there are ${orders.length} orders for ${orderIds.size} wishes`);
  const expected = new Map<string, { holder: string; tier: number; expiresAt: number }>();
  const takers = new Set<string>();
  for (const order of orders) {
    const fulfilment = orderIds.get(order.id);
    if (fulfilment === undefined) {
      say(`nobody wanted the order ${order.id}`);
      continue;
    }
    const { wish } = fulfilment;
    const ofOrder = commands.get(order.id) ?? [];
    if (ofOrder.length !== order.quantity) say(`${order.id} has ${ofOrder.length} of ${order.quantity} cards`);
    const states = new Set(ofOrder.map(({ state }) => state));
    const isEnd =
      (order.state === "issued" && states.size === 1 && states.has("done")) ||
      (order.state === "cancelled" && states.size === 1 && states.has("cancelled")) ||
      (order.state === "failed" &&
        states.has("failed") &&
        order.failure !== null &&
        [...states].every((state) => state === "failed" || state === "done"));
    if (!isEnd) say(`${order.id} is ${order.state}, its cards are ${[...states].join(", ")} (${order.failureDetail})`);
    if (order.state === "failed" && !wish.isHopeless && order.failure !== "sold-out")
      say(`${order.id} failed although nothing was wrong with it: ${order.failureDetail}`);
    for (const command of ofOrder) {
      if (command.state !== "done") continue;
      const place = `${command.collectionAddress} ${command.serial}`;
      if (expected.has(place)) say(`two orders have ${place}`);
      expected.set(place, {
        holder: wish.body.customer.holder ?? holderOf(wish.reference),
        tier: command.tier ?? 0,
        expiresAt: Number(command.expiresAt),
      });
      if (command.collectionAddress === freeCollection) {
        if (takers.has(wish.reference)) say(`${wish.reference} has two cards of the free edition`);
        takers.add(wish.reference);
      }
    }
  }

  // The chain has these and no others.
  for (const [collection, ofCollection] of cards) {
    for (const [serial, card] of ofCollection) {
      const place = `${collection} ${serial}`;
      const wanted = expected.get(place);
      if (wanted === undefined) {
        if (!strangers.has(place)) say(`nobody ordered ${place}`);
        continue;
      }
      expected.delete(place);
      if (
        card.holder.toLowerCase() !== wanted.holder ||
        card.tier !== wanted.tier ||
        card.expiresAt !== wanted.expiresAt
      )
        say(`${place} is not as it was ordered: ${JSON.stringify(card)} instead of ${JSON.stringify(wanted)}`);
    }
  }
  for (const place of expected.keys()) say(`${place} counts as issued and is not on the chain`);

  // No nonce is missing, and none is under way.
  const open = await database.chainTransaction.findMany({ where: { state: { in: ["planned", "signed"] } } });
  for (const { signer, nonce, state } of open) say(`nonce ${nonce} of ${signer} is ${state}`);
  for (const { address, nextNonce } of await database.signer.findMany()) {
    const onChain = nonces.get(address) ?? 0;
    if (onChain !== nextNonce) say(`${address} has used ${onChain} nonces, and ${nextNonce} were given out`);
  }
  return wrong;
}
