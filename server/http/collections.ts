import { z } from "zod";
import { storedSerial } from "../database/snapshot.ts";
import { cardNotFound, collectionNotFound, list, requireCheckpoint, single } from "./answers.ts";
import { encodeCardCursor, encodeCollectionCursor } from "./cursors.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { type CollectionName, collectionParameter, listQueries, noQuery, serialParameter } from "./parameters.ts";
import { presentBatch, presentCard, presentCollection, presentEvent } from "./present.ts";
import type { Queries } from "./queries.ts";
import { type CardDetailAnswer, cardDetailSchema, cardSchema, collectionSchema, listOf, singleOf } from "./schemas.ts";
import type { Services } from "./services.ts";

const DATA_ROUTE = { tagged: true, limited: true, open: true } as const;

export function collectionOperations({ mirror }: Services, queries: Queries): Operation[] {
  /** The address of the collection that is asked for, or a 404 that is true: 503 while nothing is known at all. */
  async function addressOf(name: CollectionName): Promise<string> {
    const address = await queries.resolveCollection(name);
    if (address !== undefined) return address;
    requireCheckpoint(await queries.checkpoint());
    throw collectionNotFound();
  }

  return [
    defineOperation({
      id: "listCollections",
      tag: "collections",
      path: "/v1/collections",
      summary: "List the collections",
      description: "All collections of all brands, in the order of their addresses.",
      query: listQueries.collections,
      answers: { 200: { description: "A page of collections.", schema: listOf(collectionSchema) } },
      problems: [503],
      ...DATA_ROUTE,
      async handle({ query: { limit, cursor } }) {
        const status = mirror.status();
        const { checkpoint, collections } = await queries.collections({ after: cursor, limit: limit + 1 });
        return list({
          rows: collections,
          limit,
          present: presentCollection,
          cursorOf: (row) => encodeCollectionCursor(row.address),
          checkpoint: requireCheckpoint(checkpoint),
          mirror: status,
        });
      },
    }),
    defineOperation({
      id: "getCollection",
      tag: "collections",
      path: "/v1/collections/{collection}",
      summary: "Get a collection",
      description: "One collection with its brand.",
      params: z.object({ collection: collectionParameter }),
      query: noQuery,
      answers: { 200: { description: "The collection.", schema: singleOf(collectionSchema) } },
      problems: [404, 503],
      ...DATA_ROUTE,
      async handle({ params }) {
        const status = mirror.status();
        const { checkpoint, collection } = await queries.collection(await addressOf(params.collection));
        const asOf = requireCheckpoint(checkpoint);
        if (collection === null) throw collectionNotFound();
        return single(presentCollection(collection), asOf, status);
      },
    }),
    defineOperation({
      id: "listCards",
      tag: "collections",
      path: "/v1/collections/{collection}/cards",
      summary: "List the cards of a collection",
      description:
        "The cards of a collection in the order of their serials, those that were revoked or surrendered too.",
      params: z.object({ collection: collectionParameter }),
      query: listQueries.cards,
      answers: { 200: { description: "A page of cards.", schema: listOf(cardSchema) } },
      problems: [404, 503],
      ...DATA_ROUTE,
      async handle({ params, query: { limit, cursor } }) {
        const status = mirror.status();
        const address = await addressOf(params.collection);
        const { checkpoint, collection, cards } = await queries.cards(address, { after: cursor, limit: limit + 1 });
        const asOf = requireCheckpoint(checkpoint);
        if (collection === null) throw collectionNotFound();
        return list({
          rows: cards,
          limit,
          present: (card) => presentCard(card, collection),
          cursorOf: (card) => encodeCardCursor(card.serial),
          checkpoint: asOf,
          mirror: status,
        });
      },
    }),
    defineOperation({
      id: "getCard",
      tag: "collections",
      path: "/v1/collections/{collection}/cards/{serial}",
      summary: "Get a card with its history",
      description: "One card, the batch that it was issued in, and all its events, oldest first.",
      params: z.object({ collection: collectionParameter, serial: serialParameter }),
      query: noQuery,
      answers: { 200: { description: "The card.", schema: singleOf(cardDetailSchema) } },
      problems: [404, 503],
      ...DATA_ROUTE,
      async handle({ params }) {
        const status = mirror.status();
        const address = await addressOf(params.collection);
        const { checkpoint, collection, card, batch, events } = await queries.card(
          address,
          storedSerial(params.serial),
        );
        const asOf = requireCheckpoint(checkpoint);
        if (collection === null) throw collectionNotFound();
        if (card === null) throw cardNotFound();
        const data: CardDetailAnswer = {
          ...presentCard(card, collection),
          batch: batch === null ? null : presentBatch(batch),
          history: events.map(presentEvent),
        };
        return single(data, asOf, status);
      },
    }),
  ];
}
