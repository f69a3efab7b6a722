// Redemptions: POST /v1/redemptions reserves one use of a benefit; it is confirmed, or given back, and can be undone for a while.

import { hash } from "node:crypto";
import { z } from "zod";
import { recordAct } from "../accounts/audit.ts";
import { actorOf, type Principal } from "../accounts/principal.ts";
import type { DatabaseTransaction } from "../database/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { readBenefitState } from "../issuance/redemptions/benefit-state.ts";
import {
  confirmHold,
  type HoldOutcome,
  holdBenefit,
  releaseHold,
  undoRedemption,
} from "../issuance/redemptions/holding.ts";
import {
  BenefitRefusedError,
  REDEMPTION_STATES,
  RedemptionConflictError,
  type RedemptionRecord,
  type SignedAuthorisation,
} from "../issuance/redemptions/redemption.ts";
import {
  ANY_STAFF,
  authorisationDigest,
  authorisationToSign,
  canonicalSignature,
} from "../issuance/redemptions/typed-data.ts";
import { idParameter, one, pageOf, pageQuery, readPage, timeOf, timeOrNull } from "./account-schemas.ts";
import { chainUnavailable, keysOfBrand } from "./brand-lookups.ts";
import { checksummed } from "./checksum.ts";
import { defineOperation, invalidRequest, type Operation, type Reply } from "./operations.ts";
import { referenceSchema } from "./order-schemas.ts";
import { mirrorNotReady, Problem } from "./problems.ts";
import {
  confirmationSchema,
  newRedemptionSchema,
  type RedemptionAnswer,
  redemptionSchema,
  undoingSchema,
} from "./redemption-schemas.ts";
import type { Services } from "./services.ts";

const common = { tag: "membership", tagged: false, limited: true, open: false } as const;
const params = z.object({ redemption: idParameter("red", "a redemption") });
const HOUR_MS = 3_600_000;
/** For so long a wallet's signature shall count that is asked for now, in seconds. */
const SIGNATURE_SECONDS = 900;

export function redemptionOperations(services: Services): Operation[] {
  const { application, orders, mirror, accounts, config, now } = services;
  const windowMs = config.redemptionUndoHours * HOUR_MS;
  const answers = { 200: { description: "The redemption.", schema: one(redemptionSchema) } };

  function present(record: RedemptionRecord, typedData: RedemptionAnswer["authorization"]["typedData"]) {
    return presentRedemption(record, {
      slug: orders.catalogue.slugOf(record.collectionAddress) ?? "",
      typedData,
      now: now(),
    });
  }

  async function read(id: string, { brandId }: Principal): Promise<RedemptionRecord> {
    const row = await application.benefitHold.findUnique({ where: { id } });
    if (row === null || row.brandId !== brandId) {
      throw new Problem("not-found", "The brand has no such redemption. Check the id; GET /v1/redemptions lists all.");
    }
    await orders.catalogue.find({ address: row.collectionAddress });
    return recordOf(row);
  }

  /** What the wallet is to sign now; nothing where the brand signs, or nobody needs to. */
  async function toSign(record: RedemptionRecord): Promise<RedemptionAnswer["authorization"]["typedData"]> {
    const state = await readBenefitState(application, record, now(), record.id);
    return state === undefined ? null : typedDataOf(record, state.nextNumber);
  }

  function typedDataOf(record: RedemptionRecord, number: number): RedemptionAnswer["authorization"]["typedData"] {
    const { chainId } = mirror.status();
    if (record.custodial || (record.state !== "held" && record.state !== "expired") || chainId === undefined)
      return null;
    const { collectionAddress, serial, benefitId, generation } = record;
    const deadline = Math.floor(now() / 1000) + SIGNATURE_SECONDS;
    const message = { serial, benefitId, number, generation, staff: ANY_STAFF, deadline };
    return authorisationToSign(collectionAddress, chainId, message);
  }

  async function answerWith(id: string, principal: Principal): Promise<Reply> {
    const record = await read(id, principal);
    return { body: { data: present(record, await toSign(record)) } };
  }

  return [
    defineOperation({
      ...common,
      id: "holdBenefit",
      method: "post",
      path: "/v1/redemptions",
      summary: "Reserve a benefit",
      description:
        "Reserves one use of a card's benefit, so that no other till can have it. Confirm it when you grant the benefit, release it if you do not; if you do neither, it is given back by itself. Sent again with the same `Idempotency-Key` and body, it answers the same and reserves nothing twice.",
      access: ["owner", "manager", "staff"],
      body: newRedemptionSchema,
      idempotent: true,
      answers: { 201: { description: "It is reserved.", schema: one(redemptionSchema) } },
      problems: [404, 409, 503],
      async handle({ body, principal, idempotencyKey }) {
        const { brandId } = principal;
        // Before it is looked up: what is not found may come a moment later.
        const { state } = mirror.status();
        const collection = await orders.catalogue.find(body.collection);
        if (collection === undefined && state !== "following") throw mirrorNotReady();
        if (collection === undefined || collection.brandId !== brandId) throw noSuchCard();
        const keys = await keysOfBrand(services, brandId);
        const customer = body.customer === undefined ? { holder: body.holder ?? "" } : { reference: body.customer };
        const kept = new Map<string, string | undefined>();
        const keepAddress = (of: string) => kept.set(of, keys?.holderAddress(of).toLowerCase());
        // Deriving takes a while, and whoever writes would wait for it in the transaction.
        const reference = body.customer ?? (await referenceOf(brandId, body.holder));
        if (reference !== undefined) keepAddress(reference);
        const { id, kind, answer } = await attempt(() =>
          inTransaction(application, async (transaction) => {
            const outcome = await holdBenefit(transaction, {
              brandId,
              customer,
              keptAddress(asked) {
                // Unless the address has come to another customer since.
                if (!kept.has(asked)) keepAddress(asked);
                return kept.get(asked);
              },
              collectionAddress: collection.address,
              serial: body.serial,
              benefitId: body.benefit,
              heldUntil: now() + body.holdSeconds * 1000,
              note: body.note ?? null,
              idempotencyKey,
              requestHash: hash("sha256", JSON.stringify(body)),
              createdBy: actorOf(principal),
              now: now(),
              answerOf: (record, number) => JSON.stringify({ data: present(record, typedDataOf(record, number)) }),
            });
            // Here, so that what is refused leaves no lock of a card behind that nobody has.
            return reserved(outcome);
          }),
        );
        return {
          status: 201,
          body: answer,
          headers: {
            "Content-Type": "application/json",
            Location: `/v1/redemptions/${id}`,
            ...(kind === "repeated" ? { "Idempotent-Replayed": "true" } : {}),
          },
        };
      },
    }),
    defineOperation({
      ...common,
      id: "listRedemptions",
      path: "/v1/redemptions",
      summary: "List redemptions",
      description: "The brand's redemptions that went through this API, the newest first.",
      access: ["owner", "manager", "staff", "auditor"],
      query: pageQuery.extend({
        state: z
          .enum(REDEMPTION_STATES, "must be a state of redemptions")
          .optional()
          .meta({ description: "Only those." }),
        customer: referenceSchema.optional().meta({ description: "Only those of the customer with this reference." }),
      }),
      answers: { 200: { description: "A page of redemptions.", schema: pageOf(redemptionSchema) } },
      problems: [503],
      async handle({ query: { state, customer: reference, ...query }, principal: { brandId } }) {
        const customer =
          reference === undefined
            ? undefined
            : await application.customer.findUnique({ where: { brandId_reference: { brandId, reference } } });
        if (customer === null) return { body: { data: [], nextCursor: null } };
        const list = async ({ after, limit }: { after: string | undefined; limit: number }) => {
          const rows = await application.benefitHold.findMany({
            where: {
              brandId,
              ...(after === undefined ? {} : { id: { lt: after } }),
              ...(customer === undefined ? {} : { customerId: customer.id }),
              ...(state === undefined ? {} : isInState(state, now())),
            },
            orderBy: { id: "desc" },
            take: limit,
          });
          for (const { collectionAddress } of rows) await orders.catalogue.find({ address: collectionAddress });
          return rows;
        };
        const show = (row: Parameters<typeof recordOf>[0]) => present(recordOf(row), null);
        return { body: await readPage(query, list, ({ id }) => id, show) };
      },
    }),
    defineOperation({
      ...common,
      id: "getRedemption",
      path: "/v1/redemptions/{redemption}",
      summary: "Get a redemption",
      description: "One use of a benefit, how far it has come, and what a wallet has to sign.",
      access: ["owner", "manager", "staff", "auditor"],
      params,
      answers,
      problems: [404, 503],
      handle: ({ params, principal }) => answerWith(params.redemption, principal),
    }),
    defineOperation({
      ...common,
      id: "confirmRedemption",
      method: "post",
      path: "/v1/redemptions/{redemption}/confirm",
      summary: "Grant a reserved benefit",
      description:
        "From now on it is used, and is written to the chain. What was not confirmed in time is granted all the same as long as there is a use left. Done twice, it is done once.",
      access: ["owner", "manager", "staff"],
      params,
      body: confirmationSchema,
      bodyOptional: true,
      answers,
      problems: [404, 409, 503],
      async handle({ params, body, principal }) {
        const record = await read(params.redemption, principal);
        const authorisation =
          record.custodial || body.authorization === undefined
            ? undefined
            : await requireSigned(record, body.authorization);
        await attempt(() =>
          inTransaction(application, (transaction) =>
            confirmHold(transaction, record.id, { authorisation, now: now() }),
          ),
        );
        orders.wake();
        return await answerWith(record.id, principal);
      },
    }),
    defineOperation({
      ...common,
      id: "releaseRedemption",
      method: "post",
      path: "/v1/redemptions/{redemption}/release",
      summary: "Give a reserved benefit back",
      description: "Others may have it again at once. Done twice, it is done once.",
      access: ["owner", "manager", "staff"],
      params,
      answers,
      problems: [404, 409, 503],
      async handle({ params, principal }) {
        await read(params.redemption, principal);
        await attempt(() =>
          inTransaction(application, (transaction) => releaseHold(transaction, params.redemption, now())),
        );
        return await answerWith(params.redemption, principal);
      },
    }),
    defineOperation({
      ...common,
      id: "undoRedemption",
      method: "post",
      path: "/v1/redemptions/{redemption}/undo",
      summary: "Undo a redemption",
      description: `Takes a granted benefit back, with a reason, in the first ${config.redemptionUndoHours} h: the card has the use again once the chain has it. Done twice, it is done once.`,
      access: ["owner", "manager", "staff"],
      params,
      body: undoingSchema,
      answers: { 202: { description: "It is being undone: see its `state`.", schema: one(redemptionSchema) } },
      problems: [404, 409, 503],
      async handle({ params, body: { reason }, principal }) {
        await read(params.redemption, principal);
        await attempt(() =>
          inTransaction(application, async (transaction: DatabaseTransaction) => {
            const wish = { reason, windowMs, now: now() };
            if (!(await undoRedemption(transaction, params.redemption, wish))) return;
            await recordAct(transaction, {
              at: now(),
              brandId: principal.brandId,
              actor: actorOf(principal),
              action: "redemption.undone",
              subject: params.redemption,
              details: { reason },
            });
          }),
        );
        orders.wake();
        return { ...(await answerWith(params.redemption, principal)), status: 202 };
      },
    }),
  ];

  /** Who has an address, as far as the brand knows. */
  async function referenceOf(brandId: number, holder: string | undefined): Promise<string | undefined> {
    if (holder === undefined) return undefined;
    const where = { brandId, OR: [{ holder }, { wallet: holder }] };
    return (await application.customer.findFirst({ where, select: { reference: true } }))?.reference;
  }

  /**
   * The holder's word as the chain takes it. Throws 400 if it is not theirs. Whether it is the right number, only the transaction
   * can say.
   */
  async function requireSigned(
    record: RedemptionRecord,
    { number, deadline, signature }: SignedAuthorisation,
  ): Promise<SignedAuthorisation> {
    const { chainId } = mirror.status();
    if (chainId === undefined) throw mirrorNotReady();
    if (deadline <= now() / 1000) {
      throw invalidRequest([
        {
          parameter: "authorization.deadline",
          detail: "is past: have the redemption's `authorization.typedData` signed anew",
        },
      ]);
    }
    const { collectionAddress, serial, benefitId, generation, holder } = record;
    const message = { serial, benefitId, number, generation, staff: ANY_STAFF, deadline };
    const digest = authorisationDigest(authorisationToSign(collectionAddress, chainId, message));
    const verdict = await accounts.wallets.verifyDigest(holder, digest, signature);
    if (verdict === "unknown") throw chainUnavailable(undefined);
    if (verdict === "right") return { number, deadline, signature: canonicalSignature(holder, digest, signature) };
    throw invalidRequest([
      {
        parameter: "authorization.signature",
        detail:
          "is not the holder's signature of the redemption's `authorization.typedData` with this number and deadline",
      },
    ]);
  }
}

/** What shows itself as being in a state: what nobody confirmed in time is over before that is written down. */
function isInState(state: RedemptionRecord["state"], now: number) {
  switch (state) {
    case "held":
      return { state, heldUntil: { gt: now } };
    case "expired":
      return { OR: [{ state }, { state: "held", heldUntil: { lte: now } }] };
    default:
      return { state };
  }
}

function reserved(outcome: HoldOutcome): Extract<HoldOutcome, { id: string }> {
  switch (outcome.kind) {
    case "held":
    case "repeated":
      return outcome;
    case "no-such-card":
      throw noSuchCard();
    case "key-reused":
      throw new Problem(
        "idempotency-key-reused",
        "This Idempotency-Key was used for a redemption with another content. Send what was sent then, or use a new key.",
      );
  }
}

function noSuchCard(): Problem {
  return new Problem(
    "not-found",
    "The customer holds no such card of this brand. Check collection and serial; GET /v1/customers/{reference}/entitlements lists the customer's cards.",
  );
}

async function attempt<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof BenefitRefusedError) {
      throw new Problem("benefit-refused", error.message, { reason: error.obstacle, cause: error });
    }
    if (error instanceof RedemptionConflictError) throw new Problem("conflict", error.message, { cause: error });
    throw error;
  }
}

function recordOf(
  row: {
    [Field in keyof RedemptionRecord]: RedemptionRecord[Field] extends number
      ? RedemptionRecord[Field] | bigint
      : RedemptionRecord[Field] extends number | null
        ? RedemptionRecord[Field] | bigint
        : RedemptionRecord[Field] extends string
          ? string
          : RedemptionRecord[Field];
  },
): RedemptionRecord {
  return {
    ...row,
    brandId: Number(row.brandId),
    serial: Number(row.serial),
    benefitId: Number(row.benefitId),
    generation: Number(row.generation),
    state: row.state as RedemptionRecord["state"],
    heldUntil: Number(row.heldUntil),
    number: row.number === null ? null : Number(row.number),
    createdAt: Number(row.createdAt),
    confirmedAt: row.confirmedAt === null ? null : Number(row.confirmedAt),
    updatedAt: Number(row.updatedAt),
  };
}

function presentRedemption(
  record: RedemptionRecord,
  { slug, typedData, now }: { slug: string; typedData: RedemptionAnswer["authorization"]["typedData"]; now: number },
): RedemptionAnswer {
  const { id, state, collectionAddress, serial, benefitId, holder, custodial, heldUntil } = record;
  const { number, note, reason, failure, failureDetail, createdAt, confirmedAt, updatedAt } = record;
  return {
    id,
    state: state === "held" && heldUntil <= now ? "expired" : state,
    collection: { address: checksummed(collectionAddress), slug },
    serial,
    benefit: benefitId,
    holder: checksummed(holder),
    heldUntil: timeOf(heldUntil),
    authorization: { kind: custodial ? "custodial" : "wallet", typedData },
    ...{ number, note, reason, failure, failureDetail },
    createdAt: timeOf(createdAt),
    confirmedAt: timeOrNull(confirmedAt),
    updatedAt: timeOf(updatedAt),
  };
}
