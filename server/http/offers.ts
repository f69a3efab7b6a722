// Offers: what a collection is sold or given away as.

import { z } from "zod";
import { recordAct } from "../accounts/audit.ts";
import { actorOf } from "../accounts/principal.ts";
import { inTransaction } from "../database/transactions.ts";
import { type Offer, type OrderableCollection, offerOf } from "../issuance/orders/catalogue.ts";
import { expiryOfDeclaredTerm } from "../issuance/orders/preparing.ts";
import { undeclaredTier } from "../issuance/terms.ts";
import { collectionNotFound } from "./answers.ts";
import { requireCollection } from "./brand-lookups.ts";
import { defineOperation, invalidRequest, type Operation } from "./operations.ts";
import { newOfferSchema, offerSchema } from "./order-schemas.ts";
import { collectionParameter } from "./parameters.ts";
import { Problem } from "./problems.ts";
import type { Services } from "./services.ts";

const params = z.object({ collection: collectionParameter });
const OFFER_ROUTE = { tag: "orders", path: "/v1/collections/{collection}/offer", params, limited: true } as const;

export function offerOperations(services: Services): Operation[] {
  const { application, orders, now } = services;
  return [
    defineOperation({
      id: "getOffer",
      summary: "Get the offer of a collection",
      description: "What the brand offers a collection as, and from when on.",
      access: "everyone",
      answers: { 200: { description: "The offer.", schema: z.object({ data: offerSchema }) } },
      problems: [404, 503],
      tagged: true,
      open: true,
      ...OFFER_ROUTE,
      async handle({ params }) {
        const collection = await requireCollection(services, params.collection);
        if (collection.offer === undefined)
          throw new Problem("not-found", "The brand does not offer this collection by itself. Ask the brand.");
        return { body: { data: presentOffer(collection.offer) } };
      },
    }),
    defineOperation({
      id: "setOffer",
      method: "put",
      summary: "Set the offer of a collection",
      description:
        "Says what orders of the collection get unless they say otherwise. Free editions are for customers to take: one card each, from " +
        "`opensAt` on, until they are sold out. Orders that were placed stay as they are.",
      access: ["owner", "manager"],
      body: newOfferSchema,
      answers: { 200: { description: "The offer.", schema: z.object({ data: offerSchema }) } },
      problems: [404, 503],
      tagged: false,
      open: false,
      ...OFFER_ROUTE,
      async handle({ params, body, principal }) {
        const collection = await requireCollection(services, params.collection);
        if (collection.brandId !== principal.brandId) throw collectionNotFound();
        refuseUndeclared(body, collection);
        const { address: collectionAddress, brandId } = collection;
        const values = { ...body, brandId, updatedAt: now() };
        const row = await inTransaction(application, async (transaction) => {
          const written = await transaction.offer.upsert({
            where: { collectionAddress },
            create: { collectionAddress, ...values },
            update: values,
          });
          await recordAct(transaction, {
            at: now(),
            brandId,
            actor: actorOf(principal),
            action: "offer.set",
            subject: collectionAddress,
            details: { ...body },
          });
          return written;
        });
        orders.catalogue.forget();
        return { body: { data: presentOffer(offerOf(row)) } };
      },
    }),
  ];

  /** Throws 400 where the chain would refuse what is offered. */
  function refuseUndeclared({ tier, term }: Pick<Offer, "tier" | "term">, collection: OrderableCollection): void {
    const wrongTier = undeclaredTier(tier, collection);
    if (wrongTier !== undefined) throw invalidRequest([{ parameter: "tier", detail: wrongTier }]);
    const expiry = expiryOfDeclaredTerm(term, collection, now(), orders.timeZone);
    if (typeof expiry === "string") throw invalidRequest([{ parameter: "term", detail: expiry }]);
  }
}

function presentOffer({ opensAt, closesAt, ...offer }: Offer) {
  const time = (moment: number | undefined) => (moment === undefined ? null : new Date(moment).toISOString());
  return { ...offer, opensAt: time(opensAt), closesAt: time(closesAt) };
}
