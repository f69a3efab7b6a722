// What the API answers with. Strict in both directions: a test holds every answer against the document made of these.

import { z } from "zod";
import { BRAND_STATUS, BURN_AUTH, CARD_STATUS } from "../chain/abi.ts";
import { SIGNING_FAULTS } from "../issuance/signing-state.ts";
import { ASSURANCES, VERDICT_REASONS, VERDICTS } from "../verification/verdict.ts";
import { PROBLEMS, type ProblemName } from "./problems.ts";

export const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .meta({
    id: "Address",
    description: "An address with its EIP-55 checksum.",
    example: "0x8ba1f109551bD432803012645Ac136ddd64DBA72",
  });
const hash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .meta({
    id: "Hash",
    description: "32 bytes in lower-case hexadecimal.",
    example: `0x${"5e".repeat(32)}`,
  });
export const time = z.iso.datetime().meta({
  id: "Time",
  description: "A time in UTC (ISO 8601).",
  example: "2026-11-20T08:30:00.000Z",
});
const blockNumber = z.number().int().nonnegative().meta({ description: "The number of a block.", example: 1024 });
const serial = z.number().int().positive().meta({ description: "The card's number in its edition.", example: 42 });
const slug = z.string().meta({ description: "The collection's name in links.", example: "noirance-first-edition" });
const mirrorState = z.enum(["starting", "catching-up", "following", "degraded"]).meta({
  description: "What the mirror does: `following` is the state in which it is as new as its last look at the chain.",
});
const lagSeconds = z.number().nonnegative().nullable().meta({
  description: "For how many seconds the mirror has not been known to equal the head of the chain.",
  example: 1,
});

const blockPosition = z
  .object({ number: blockNumber, hash, time })
  .meta({ id: "BlockPosition", description: "A block." });

export const asOfSchema = z
  .object({
    chainId: z.number().int().positive().meta({ description: "The chain.", example: 31337 }),
    blockNumber,
    blockHash: hash.nullable().meta({
      description:
        "Null only with `atBlock`, where nothing happened in that block: the registry does not keep such blocks.",
    }),
    blockTime: time.nullable().meta({ description: "When the block was sealed; null where `blockHash` is." }),
    lagSeconds: lagSeconds.meta({
      description:
        "For how many seconds the mirror has not been known to equal the head of the chain; null if it never was, and with `atBlock`.",
    }),
    state: mirrorState,
    historical: z.literal(true).optional().meta({
      description: "With `atBlock` only: the answer is of the past, and says nothing about now.",
    }),
    lastEventBlock: blockPosition.nullable().optional().meta({
      description:
        "With `atBlock` only: the newest block at or below `blockNumber` in which anything happened, which is what the answer follows from; null if nothing had happened yet.",
    }),
  })
  .meta({ id: "AsOf", description: "The block that an answer is as of, and how fresh that is." });

const brandStatus = z.enum(BRAND_STATUS).exclude(["None"]).meta({ description: "Where the brand stands." });

const brandSummarySchema = z
  .object({
    id: z.number().int().positive().meta({ description: "The brand's number in the registry.", example: 1 }),
    name: z.string().meta({ example: "Noirance" }),
    status: brandStatus,
  })
  .meta({ id: "BrandSummary", description: "A brand in few words." });

const brandSchema = brandSummarySchema
  .extend({
    handle: z.string().meta({
      description: "The brand's unique short name, with which the slugs of its collections begin.",
      example: "noirance",
    }),
    legalName: z.string().meta({ description: "The registered name.", example: "Noirance Co., Ltd." }),
    domain: z.string().meta({ description: "The brand's own internet domain.", example: "noirance.example" }),
    filingNumber: z
      .string()
      .nullable()
      .meta({ description: "The number of the domain's filing (备案号), where there is one.", example: null }),
  })
  .meta({ id: "Brand", description: "An admitted issuer." });

const collectionReferenceSchema = z
  .object({ address, slug, name: z.string().meta({ example: "First Edition" }) })
  .meta({ id: "CollectionReference", description: "Which collection a card belongs to." });

export const collectionSchema = z
  .object({
    address,
    slug,
    name: z.string().meta({ example: "First Edition" }),
    symbol: z.string().meta({ example: "NOIR1" }),
    maxSupply: z
      .number()
      .int()
      .positive()
      .meta({ description: "How many cards the edition has at most.", example: 5000 }),
    issuedCount: z.number().int().nonnegative().meta({ description: "How many were issued so far.", example: 1250 }),
    burnAuth: z.enum(BURN_AUTH).meta({ description: "Who may burn a card (ERC-5484)." }),
    reissueDelaySeconds: z
      .number()
      .int()
      .nonnegative()
      .meta({ description: "How long a holder can veto a reissue.", example: 604_800 }),
    highestTier: z
      .number()
      .int()
      .nonnegative()
      .meta({ description: "Cards of the collection have tiers from 0 to this one.", example: 3 }),
    longestTermSeconds: z.number().int().positive().nullable().meta({
      description: "For how long from an act on a card may be valid; null if there is no limit.",
      example: null,
    }),
    contractUri: z.string().nullable().meta({
      description: "Where the brand describes the collection; null where the registry's own description counts.",
      example: null,
    }),
    contentHash: hash.nullable().meta({ description: "keccak256 of that description; null if there is none." }),
    contentFrozen: z.boolean().meta({ description: "Whether the description can no longer change.", example: false }),
    benefitsFrozen: z.boolean().meta({ description: "Whether the benefits can no longer change.", example: false }),
    windingDown: z
      .boolean()
      .meta({ description: "Whether the edition has ended: no more cards are issued.", example: false }),
    brand: brandSummarySchema,
    createdIn: z
      .object({ blockNumber, transactionHash: hash })
      .meta({ id: "TransactionReference", description: "Where on the chain something happened." }),
  })
  .meta({ id: "Collection", description: "One edition of cards." });

const cardFields = {
  collection: collectionReferenceSchema,
  serial,
  holder: address.meta({
    id: "Holder",
    description: "The address that holds the card; the last one that did, if the card was revoked or surrendered.",
  }),
  tier: z.number().int().nonnegative().meta({ description: "The card's level within its collection.", example: 1 }),
  status: z.enum(CARD_STATUS).exclude(["None"]).meta({
    description:
      "The status that is recorded. Expiry is not: compare `expiresAt` with the clock, or ask for the verdict.",
  }),
  issuedAt: time,
  expiresAt: time.nullable().meta({ description: "From when on the card is expired; null if it never is." }),
  generation: z.number().int().nonnegative().meta({ description: "How often the card was reissued.", example: 0 }),
  pendingReissue: z
    .object({
      to: address,
      readyAt: time.meta({ description: "From when on it can be executed; until it is, the holder can veto." }),
      voidAfter: time.meta({ description: "Until when it can be executed; what was not by then is void." }),
    })
    .nullable()
    .meta({ id: "PendingReissue", description: "A reissue that was requested and not executed yet; null if none is." }),
  lastChange: z
    .object({ blockNumber, logIndex: z.number().int().nonnegative().meta({ example: 3 }) })
    .meta({ id: "EventPosition", description: "The event that changed the card last." }),
};

export const cardSchema = z.object(cardFields).meta({ id: "Card", description: "One numbered membership card." });

export const batchSchema = z
  .object({
    firstSerial: serial,
    count: z.number().int().positive().meta({ description: "How many cards were issued together.", example: 500 }),
    commitmentRoot: hash.nullable().meta({
      description: "Merkle root of the salted commitments to the physical cards; null if there are none.",
    }),
    batchReference: hash.nullable().meta({
      description:
        "Commits to what the cards were issued for, and tells nobody else anything; null if the batch has none.",
    }),
    blockNumber,
    transactionHash: hash,
  })
  .meta({
    id: "Batch",
    description: "The cards that were issued by one call: same tier, same expiry, one commitment root.",
  });

export const eventSchema = z
  .object({
    name: z.string().meta({ description: "The event's name in the contract.", example: "Transfer" }),
    arguments: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).meta({
      description: "The event's arguments by name. Addresses carry their checksum, times are ISO 8601.",
      example: { from: `0x${"00".repeat(20)}`, to: "0x8ba1f109551bD432803012645Ac136ddd64DBA72", serial: 42 },
    }),
    blockNumber,
    time,
    transactionHash: hash,
    logIndex: z.number().int().nonnegative().meta({ description: "The event's place in its block.", example: 3 }),
  })
  .meta({ id: "CardEvent", description: "Something that happened to a card, as the chain logged it." });

export const cardDetailSchema = z
  .object({
    ...cardFields,
    batch: batchSchema.nullable().meta({ description: "The batch that the card was issued in." }),
    history: z.array(eventSchema).meta({ description: "All events of the card, oldest first." }),
  })
  .meta({ id: "CardDetail", description: "A card with everything that happened to it." });

const recordVerdictSchema = z.object({ verdict: z.enum(VERDICTS), reasons: z.array(z.enum(VERDICT_REASONS)) }).meta({
  id: "RecordVerdict",
  description: "What the mirror's last block says about the card; it may have changed since.",
});

export const verificationSchema = z
  .object({
    verdict: z.enum(VERDICTS).meta({ description: "The answer.", example: "genuine" }),
    assurance: z.enum(ASSURANCES).meta({
      description:
        "What the verdict rests on. `record`: that the chain holds such a card; a printed code can be copied.",
      example: "record",
    }),
    reasons: z.array(z.enum(VERDICT_REASONS)).meta({ description: "Why.", example: ["record-on-chain"] }),
    explanation: z.string().meta({ description: "What the verdict means, in a sentence." }),
    lastKnown: recordVerdictSchema.nullable().meta({
      description:
        "With `cannot-confirm`: the verdict as of the block in `asOf`, or with `block-time-unknown` as of its `lastEventBlock`. Otherwise null.",
    }),
    card: cardSchema.nullable().meta({ description: "The card; null if there is none." }),
    collection: collectionSchema,
    brand: brandSchema,
    evidence: z
      .object({
        chainId: z.number().int().positive().meta({ example: 31337 }),
        contract: address,
        transactionHash: hash.nullable().meta({ description: "The transaction that issued the card." }),
        blockNumber: blockNumber.nullable().meta({ description: "The block that it is in." }),
        batchFirstSerial: serial.nullable().meta({ description: "The first serial of the card's batch." }),
        commitmentRoot: hash.nullable().meta({ description: "The batch's commitment root, where there is one." }),
      })
      .meta({ id: "Evidence", description: "Where anybody can check the verdict against the chain." }),
    verifyUrl: z.url().meta({
      description: "The page that a customer sees.",
      example: "http://127.0.0.1:3000/v/noirance-first-edition/42",
    }),
  })
  .meta({ id: "Verification", description: "Whether a card is genuine, why, and how sure that is." });

const attributeSchema = z
  .object({
    trait_type: z.string().meta({ example: "Serial" }),
    value: z.union([z.string(), z.number()]).meta({ example: 42 }),
    display_type: z.enum(["number", "date"]).optional(),
  })
  .meta({ id: "MetadataAttribute", description: "One trait of a card as wallets show it." });

export const metadataSchema = z
  .object({
    name: z.string().meta({ example: "First Edition · 42 / 5000" }),
    description: z.string(),
    image: z.url().meta({ example: "http://127.0.0.1:3000/v/noirance-first-edition/42/card.svg" }),
    external_url: z.url().meta({ example: "http://127.0.0.1:3000/v/noirance-first-edition/42" }),
    attributes: z.array(attributeSchema),
  })
  .meta({ id: "CardMetadata", description: "ERC-721 metadata of a card. Holds no personal data." });

export const collectionMetadataSchema = z
  .object({
    name: z.string().meta({ example: "First Edition" }),
    symbol: z.string().meta({ example: "NOIR1" }),
    description: z.string(),
    external_link: z.url().meta({ example: "http://127.0.0.1:3000/" }),
  })
  .meta({ id: "CollectionMetadata", description: "ERC-7572 metadata of a collection." });

export const problemSchema = z
  .object({
    type: z.enum(Object.keys(PROBLEMS).map((name) => `/problems/${name as ProblemName}` as const)).meta({
      description: "What kind of problem it is; never changes its meaning.",
      example: "/problems/not-found",
    }),
    title: z.string().meta({ example: "There is no such resource" }),
    status: z.number().int().min(400).max(599).meta({ description: "The HTTP status.", example: 404 }),
    detail: z.string().meta({ description: "What happened and what to do." }),
    errors: z
      .array(z.object({ parameter: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: "What is wrong with which parameter." }),
    reason: z.string().optional().meta({ description: "A name for why, where a program may want to know." }),
    requestId: z.string().meta({ description: "Names this request in our logs; the same as in `X-Request-Id`." }),
  })
  .meta({ id: "Problem", description: "Why a request was not answered (RFC 9457)." });

export const readinessSchema = z
  .object({
    ready: z.boolean(),
    reason: z.string().nullable().meta({ description: "Why the server is not ready; null if it is." }),
    mirror: z
      .object({
        state: mirrorState,
        chainId: z.number().int().positive().nullable().meta({ example: 31337 }),
        registry: address.nullable(),
        indexed: blockPosition.nullable(),
        headNumber: blockNumber.nullable(),
        lagSeconds,
        progress: z
          .object({
            from: blockNumber.meta({ description: "The block that the mirror stood at in the beginning.", example: 0 }),
            target: blockNumber.meta({ description: "The block that was the chain's newest then.", example: 2048 }),
            block: blockNumber.meta({ description: "The block that the mirror stands at.", example: 1024 }),
            events: z
              .number()
              .int()
              .nonnegative()
              .meta({ description: "Events read since the beginning.", example: 50_000 }),
            eventsPerSecond: z.number().nonnegative().meta({ example: 40_000 }),
            secondsLeft: z.number().nonnegative().nullable().meta({
              description: "How long it will take if it goes on like this; null before the first step.",
              example: 2,
            }),
          })
          .nullable()
          .meta({
            id: "MirrorProgress",
            description: "How far the reading of the chain's history is; null while there is none.",
          }),
        problem: z.string().nullable().meta({ description: "What is wrong, for an operator." }),
      })
      .meta({ id: "MirrorStatus", description: "How far the mirror is." }),
    signing: z
      .object({
        state: z.enum(["working", "impaired"]),
        problems: z.array(
          z.object({
            signer: z.string().meta({ description: "Which keystore or key.", example: "keystore brand.json" }),
            fault: z.enum(SIGNING_FAULTS),
            since: time,
            detail: z.string().meta({ description: "What is wrong, and what to do." }),
          }),
        ),
      })
      .meta({
        id: "SigningStatus",
        description:
          "Whether everything that this server is to sign with can sign. While it cannot, orders are taken and wait; reading goes on, so the status stays 200.",
      }),
  })
  .meta({ id: "Readiness", description: "Whether answers are current." });

export const healthSchema = z
  .object({
    status: z.enum(["ok", "failing"]),
    reason: z.string().nullable().meta({ description: "What is wrong, in a sentence; null while nothing is." }),
  })
  .meta({ id: "Health", description: "Whether the process can query and write its database." });

/** An answer about one thing. */
export function singleOf<Data extends z.ZodType>(data: Data) {
  return z.object({ data, asOf: asOfSchema });
}

/** A page of a list. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    data: z.array(item),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Send it as `cursor` for what comes next; null at the end.", example: null }),
    asOf: asOfSchema,
  });
}

export type CollectionAnswer = z.infer<typeof collectionSchema>;
export type CardAnswer = z.infer<typeof cardSchema>;
export type BatchAnswer = z.infer<typeof batchSchema>;
export type EventAnswer = z.infer<typeof eventSchema>;
export type CardDetailAnswer = z.infer<typeof cardDetailSchema>;
export type VerificationAnswer = z.infer<typeof verificationSchema>;
export type BrandAnswer = z.infer<typeof brandSchema>;
export type BrandSummaryAnswer = z.infer<typeof brandSummarySchema>;
export type MetadataAnswer = z.infer<typeof metadataSchema>;
export type CollectionMetadataAnswer = z.infer<typeof collectionMetadataSchema>;
export type ReadinessAnswer = z.infer<typeof readinessSchema>;
export type AsOf = z.infer<typeof asOfSchema>;
