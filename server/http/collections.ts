import { z } from "zod";
import { storedSerial } from "../database/snapshot.ts";
import { cardNotFound, collectionNotFound, list, refuseUnreached, requireMoment, single } from "./answers.ts";
import { encodeCardCursor, encodeCollectionCursor } from "./cursors.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { type CollectionName, collectionParameter, listQueries, momentQuery, serialParameter } from "./parameters.ts";
import { presentBatch, presentCard, presentCollection, presentEvent } from "./present.ts";
import type { Queries } from "./queries.ts";
import { type CardDetailAnswer, cardDetailSchema, cardSchema, collectionSchema, listOf, singleOf } from "./schemas.ts";
import type { Services } from "./services.ts";

const DATA_ROUTE = { tagged: true, limited: true, open: true, access: "everyone" } as const;

export function collectionOperations({ mirror }: Services, queries: Queries): Operation[] {
  /** The address of the collection that is asked for, or a 404 that is true: 503 or 409 while nothing is known of that time. */
  async function addressOf(name: CollectionName, atBlock: number | undefined): Promise<string> {
    const address = await queries.resolveCollection(name);
    if (address !== undefined) return address;
    await refuseUnreached(queries, atBlock);
    throw collectionNotFound(atBlock);
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
      problems: [409, 503],
      ...DATA_ROUTE,
      async handle({ query: { limit, cursor, atBlock } }) {
        const status = mirror.status();
        const found = await queries.at(atBlock).collections({ after: cursor, limit: limit + 1 });
        return list({
          rows: found.collections,
          limit,
          present: presentCollection,
          keyOf: (row) => row.address,
          goesOnAfter: found.goesOnAfter,
          cursorOf: encodeCollectionCursor,
          moment: requireMoment(found),
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
      query: momentQuery,
      answers: { 200: { description: "The collection.", schema: singleOf(collectionSchema) } },
      problems: [404, 409, 503],
      ...DATA_ROUTE,
      async handle({ params, query: { atBlock } }) {
        const status = mirror.status();
        const found = await queries.at(atBlock).collection(await addressOf(params.collection, atBlock));
        const moment = requireMoment(found);
        if (found.collection === null) throw collectionNotFound(atBlock);
        return single(presentCollection(found.collection), moment, status);
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
      problems: [404, 409, 503],
      ...DATA_ROUTE,
      async handle({ params, query: { limit, cursor, atBlock } }) {
        const status = mirror.status();
        const address = await addressOf(params.collection, atBlock);
        const found = await queries.at(atBlock).cards(address, { after: cursor, limit: limit + 1 });
        const moment = requireMoment(found);
        const { collection } = found;
        if (collection === null) throw collectionNotFound(atBlock);
        return list({
          rows: found.cards,
          limit,
          present: (card) => presentCard(card, collection),
          keyOf: (card) => card.serial,
          goesOnAfter: found.goesOnAfter,
          cursorOf: encodeCardCursor,
          moment,
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
      query: momentQuery,
      answers: { 200: { description: "The card.", schema: singleOf(cardDetailSchema) } },
      problems: [404, 409, 503],
      ...DATA_ROUTE,
      async handle({ params, query: { atBlock } }) {
        const status = mirror.status();
        const address = await addressOf(params.collection, atBlock);
        const found = await queries.at(atBlock).card(address, storedSerial(params.serial));
        const moment = requireMoment(found);
        const { collection, card, batch, events } = found;
        if (collection === null) throw collectionNotFound(atBlock);
        if (card === null) throw cardNotFound(atBlock);
        const data: CardDetailAnswer = {
          ...presentCard(card, collection),
          batch: batch === null ? null : presentBatch(batch),
          history: events.map(presentEvent),
        };
        return single(data, moment, status);
      },
    }),
  ];
}
