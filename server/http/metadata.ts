// ERC-721 metadata: what a wallet shows. Public for ever and cached by strangers, so nothing about the holder is in it.

import { z } from "zod";
import { storedSerial } from "../database/snapshot.ts";
import { cardNotFound, requireCheckpoint } from "./answers.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { addressParameter, noQuery, serialParameter } from "./parameters.ts";
import { verifyUrl } from "./present.ts";
import type { Queries } from "./queries.ts";
import { type MetadataAnswer, metadataSchema } from "./schemas.ts";
import type { Services } from "./services.ts";

export function metadataOperations({ config }: Services, queries: Queries): Operation[] {
  return [
    defineOperation({
      id: "getCardMetadata",
      tag: "metadata",
      path: "/metadata/{address}/{serial}",
      summary: "Get the metadata of a card",
      description: "What the card's `tokenURI` leads to (ERC-721). For the current state of a card use /v1.",
      params: z.object({ address: addressParameter, serial: serialParameter }),
      query: noQuery,
      answers: { 200: { description: "The metadata.", schema: metadataSchema } },
      problems: [404, 503],
      tagged: true,
      limited: true,
      open: true,
      async handle({ params }) {
        const serial = storedSerial(params.serial);
        const { checkpoint, collection, card } = await queries.cardOnly(params.address, serial);
        requireCheckpoint(checkpoint);
        if (collection === null || card === null) throw cardNotFound();
        const page = verifyUrl(config.publicUrl, collection.slug, serial);
        const metadata: MetadataAnswer = {
          name: `${collection.name} · ${serial} / ${collection.maxSupply}`,
          description: `Membership card ${serial} of ${collection.maxSupply} of the collection ${collection.name} by ${collection.brand.name}. Not transferable.`,
          image: `${page}/card.svg`,
          external_url: page,
          attributes: [
            { trait_type: "Brand", value: collection.brand.name },
            { trait_type: "Collection", value: collection.name },
            { trait_type: "Serial", value: serial, display_type: "number" },
            { trait_type: "Edition size", value: collection.maxSupply, display_type: "number" },
            { trait_type: "Tier", value: card.tier, display_type: "number" },
            { trait_type: "Status", value: card.status },
            { trait_type: "Issued", value: card.issuedAt, display_type: "date" },
            ...(card.expiresAt === 0
              ? []
              : [{ trait_type: "Expires", value: card.expiresAt, display_type: "date" as const }]),
          ],
        };
        return { body: metadata };
      },
    }),
  ];
}
