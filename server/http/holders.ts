import { z } from "zod";
import { list, requireMoment } from "./answers.ts";
import { encodeHolderCursor, type HolderPosition } from "./cursors.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { addressParameter, listQueries } from "./parameters.ts";
import { presentCard } from "./present.ts";
import type { Queries } from "./queries.ts";
import { cardSchema, listOf } from "./schemas.ts";
import type { Services } from "./services.ts";

export function holderOperations({ mirror }: Services, queries: Queries): Operation[] {
  return [
    defineOperation({
      id: "listHolderCards",
      tag: "holders",
      path: "/v1/holders/{address}/cards",
      summary: "List the cards of a holder",
      description:
        "The cards of one address in all collections, in the order of collection address and serial. A card that was revoked or surrendered stays in the list of its last holder: mind its `status`. An address that nobody has used has an empty list.",
      params: z.object({ address: addressParameter }),
      query: listQueries.holderCards,
      answers: { 200: { description: "A page of cards.", schema: listOf(cardSchema) } },
      problems: [409, 503],
      tagged: true,
      limited: true,
      open: true,
      access: "everyone",
      async handle({ params, query: { limit, cursor, atBlock } }) {
        const status = mirror.status();
        const found = await queries.at(atBlock).holderCards(params.address, { after: cursor, limit: limit + 1 });
        return list<(typeof found.cards)[number], HolderPosition>({
          rows: found.cards,
          limit,
          present: (card) => presentCard(card, card.collection),
          keyOf: (card) => card,
          goesOnAfter: found.goesOnAfter,
          cursorOf: encodeHolderCursor,
          moment: requireMoment(found),
          mirror: status,
        });
      },
    }),
  ];
}
