// ERC-721 and ERC-7572 metadata: what a wallet shows. Public for ever and cached by strangers, so nothing about the holder is in it.

import { z } from "zod";
import { storedSerial } from "../database/snapshot.ts";
import { cardNotFound, collectionNotFound, requireCheckpoint } from "./answers.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { addressParameter, noQuery, serialParameter } from "./parameters.ts";
import { verifyUrl } from "./present.ts";
import type { Queries } from "./queries.ts";
import {
  type CollectionMetadataAnswer,
  collectionMetadataSchema,
  type MetadataAnswer,
  metadataSchema,
} from "./schemas.ts";
import type { Services } from "./services.ts";

export function metadataOperations({ config }: Services, queries: Queries): Operation[] {
  return [
    defineOperation({
      id: "getCollectionMetadata",
      tag: "metadata",
      path: "/metadata/{address}",
      summary: "Get the metadata of a collection",
      description:
        "What the collection's `contractURI` leads to (ERC-7572), unless its brand describes it elsewhere. For the current state of a collection use /v1.",
      params: z.object({ address: addressParameter }),
      query: noQuery,
      answers: { 200: { description: "The metadata.", schema: collectionMetadataSchema } },
      problems: [404, 503],
      tagged: true,
      limited: true,
      open: true,
      access: "everyone",
      async handle({ params }) {
        const { checkpoint, collection } = await queries.collection(params.address);
        requireCheckpoint(checkpoint);
        if (collection === null) throw collectionNotFound();
        const { name, symbol, maxSupply, brand } = collection;
        const metadata: CollectionMetadataAnswer = {
          name,
          symbol,
          description: `Membership cards of the collection ${name} by ${brand.name}: ${maxSupply} at most, numbered, not transferable.`,
          external_link: `${config.publicUrl}/`,
        };
        return { body: metadata };
      },
    }),
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
      access: "everyone",
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
