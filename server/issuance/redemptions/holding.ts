// Reserves uses of benefits, and what becomes of them. Must hold: of one card's benefit never more uses are held, confirmed and redeemed
// together than its quota allows, however many tills and servers ask at once; a use that was confirmed is wanted of the chain by exactly
// one command. So everything that counts uses locks the benefit of the card first.

import { encodeBytes32String } from "ethers";
import { v7 as uuidv7 } from "uuid";
import type { Database, DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { shortenWaits } from "../../database/waits.ts";
import { type CardBenefit, readBenefitState } from "./benefit-state.ts";
import {
  BenefitRefusedError,
  RedemptionConflictError,
  type RedemptionRecord,
  type SignedAuthorisation,
} from "./redemption.ts";
import { settleRedemptions } from "./standing.ts";

export interface HoldRequest extends CardBenefit {
  brandId: number;
  /** Who it is for: by the brand's reference, or by an address, lower-case. */
  customer: { reference: string } | { holder: string };
  /** The address that the brand keeps for a customer, lower-case; nothing if this server cannot say it. */
  keptAddress(reference: string): string | undefined;
  /** In milliseconds. */
  heldUntil: number;
  note: string | null;
  idempotencyKey: string;
  requestHash: string;
  createdBy: string;
  now: number;
  /** What the request is answered with, and is answered with again when it is repeated. */
  answerOf(record: RedemptionRecord, nextNumber: number): string;
}

export type HoldOutcome =
  | { kind: "held" | "repeated"; id: string; answer: string }
  /** The Idempotency-Key was used for something else. */
  | { kind: "key-reused" }
  | { kind: "no-such-card" };

/** Reserves one use. Throws {@link BenefitRefusedError} where there is none. */
export async function holdBenefit(transaction: DatabaseTransaction, request: HoldRequest): Promise<HoldOutcome> {
  await lock(transaction, request);
  const repeated = await repeatedHold(transaction, request);
  if (repeated !== undefined) return repeated;
  const state = await readBenefitState(transaction, request, request.now);
  const owner = state === undefined ? undefined : await ownerOf(transaction, request, state.holder);
  // Whose card it is not is told no more than that.
  if (state === undefined || owner === undefined) return { kind: "no-such-card" };
  if (state.standing.obstacle !== null) throw new BenefitRefusedError(state.standing.obstacle);
  const customerId = owner.customerId ?? (await enter(transaction, request, state.holder));
  const { brandId, collectionAddress, serial, benefitId, heldUntil, note, createdBy, now } = request;
  const record: RedemptionRecord = {
    id: `red_${uuidv7()}`,
    ...{ brandId, customerId, collectionAddress, serial, benefitId, heldUntil, note, createdBy },
    holder: state.holder,
    generation: state.generation,
    custodial: owner.custodial,
    state: "held",
    ...{ number: null, reason: null, failure: null, failureDetail: null, confirmedAt: null },
    ...{ createdAt: now, updatedAt: now },
  };
  const answer = request.answerOf(record, state.nextNumber);
  const { idempotencyKey, requestHash } = request;
  await transaction.benefitHold.create({ data: { ...record, idempotencyKey, requestHash, answer } });
  return { kind: "held", id: record.id, answer };
}

/** Whether the card's holder is who asks for it, and the brand's customer behind them; nothing if they are not. */
async function ownerOf(
  transaction: DatabaseTransaction,
  { brandId, customer, keptAddress }: HoldRequest,
  holder: string,
): Promise<{ customerId: string | null; custodial: boolean } | undefined> {
  if ("holder" in customer) {
    if (customer.holder !== holder) return undefined;
    const known = await transaction.customer.findFirst({
      where: { brandId, OR: [{ holder }, { wallet: holder }] },
      select: { id: true, reference: true },
    });
    const custodial = known !== null && keptAddress(known.reference) === holder;
    return { customerId: known?.id ?? null, custodial };
  }
  const { reference } = customer;
  const known = await transaction.customer.findUnique({ where: { brandId_reference: { brandId, reference } } });
  const custodial = keptAddress(reference) === holder;
  if (!custodial && known?.holder !== holder && known?.wallet !== holder) return undefined;
  return { customerId: known?.id ?? null, custodial };
}

/** A customer who has a card, by an import for example, and of whom nothing was kept so far. */
async function enter(
  transaction: DatabaseTransaction,
  { brandId, customer, now }: HoldRequest,
  holder: string,
): Promise<string | null> {
  if ("holder" in customer) return null;
  const id = `cus_${uuidv7()}`;
  await transaction.customer.create({ data: { id, brandId, reference: customer.reference, holder, createdAt: now } });
  return id;
}

/** What became of a request that was carried out before, or whose key was used for another one; nothing if there was none. */
export async function repeatedHold(
  transaction: DatabaseTransaction,
  { brandId, idempotencyKey, requestHash }: Pick<HoldRequest, "brandId" | "idempotencyKey" | "requestHash">,
): Promise<HoldOutcome | undefined> {
  const known = await transaction.benefitHold.findUnique({
    where: { brandId_idempotencyKey: { brandId, idempotencyKey } },
    select: { id: true, requestHash: true, answer: true },
  });
  if (known === null) return undefined;
  if (known.requestHash !== requestHash) return { kind: "key-reused" };
  return { kind: "repeated", id: known.id, answer: known.answer };
}

/**
 * Grants what is held, and has it written to the chain. What was not confirmed in time is granted all the same while there is a use left. Done twice,
 * it is done once. Throws {@link BenefitRefusedError} and {@link RedemptionConflictError}.
 * @param authorisation The holder's own; nothing where the brand signs for them.
 */
export async function confirmHold(
  transaction: DatabaseTransaction,
  id: string,
  { authorisation, now }: { authorisation: SignedAuthorisation | undefined; now: number },
): Promise<void> {
  const hold = await lockHold(transaction, id);
  if (hold.state === "confirmed" || hold.state === "redeemed") return;
  if (hold.state !== "held" && hold.state !== "expired") {
    throw new RedemptionConflictError(`The redemption is ${hold.state}. Reserve the benefit anew.`);
  }
  const state = await readBenefitState(transaction, hold, now, id);
  if (state === undefined || state.holder !== hold.holder || state.generation !== hold.generation) {
    throw new RedemptionConflictError("The card has another holder since. Reserve the benefit anew.");
  }
  if (state.standing.obstacle !== null) throw new BenefitRefusedError(state.standing.obstacle);
  if (!hold.custodial) {
    if (authorisation === undefined) {
      throw new RedemptionConflictError(
        "The card is in the customer's own wallet: have it sign `authorization.typedData`, and send number, deadline and signature with the confirmation.",
      );
    }
    if (authorisation.number !== state.nextNumber) {
      throw new RedemptionConflictError(
        `Another use of the benefit was confirmed in between: this one is number ${state.nextNumber} now. Get the redemption, and have its \`authorization.typedData\` signed anew.`,
      );
    }
  }
  if (hold.custodial) await keepCustomer(transaction, hold.customerId);
  const signed = hold.custodial ? undefined : authorisation;
  const { brandId, collectionAddress, serial, benefitId, generation } = hold;
  await transaction.benefitHold.update({
    where: { id },
    data: { state: "confirmed", confirmedAt: now, updatedAt: now, number: signed?.number ?? null },
  });
  await transaction.command.create({
    data: {
      ...{ brandId, collectionAddress, serial, benefitId, generation, holdId: id },
      kind: "redeem",
      state: "queued",
      redemptionNumber: signed?.number ?? null,
      deadline: signed?.deadline ?? null,
      signature: signed?.signature ?? null,
      createdAt: now,
    },
  });
}

/** The brand signs for a customer by their reference: nobody forgets it before that. Throws {@link RedemptionConflictError}. */
async function keepCustomer(transaction: DatabaseTransaction, customerId: string | null): Promise<void> {
  const kept = await transaction.$executeRaw(
    Prisma.sql`UPDATE "Customer" SET "reference" = "reference" WHERE "id" = ${customerId} AND "erasedAt" IS NULL`,
  );
  if (kept === 0)
    throw new RedemptionConflictError(
      "The customer was forgotten since. Reserve the benefit anew for who has the card.",
    );
}

/** Gives back what is held. Done twice, it is done once. Throws {@link RedemptionConflictError}. */
export async function releaseHold(transaction: DatabaseTransaction, id: string, now: number): Promise<void> {
  const hold = await lockHold(transaction, id);
  if (hold.state === "released") return;
  if (hold.state !== "held" && hold.state !== "expired")
    throw new RedemptionConflictError(`The redemption is ${hold.state}: it cannot be released. Undo it instead.`);
  await transaction.benefitHold.update({ where: { id }, data: { state: "released", updatedAt: now } });
}

/**
 * Takes back what was confirmed: before it is sent it never gets to the chain; afterwards the chain is told, with the reason. Done twice, it is
 * done once. Returns whether it is done with this. Throws {@link RedemptionConflictError}.
 * @param reason Matches `REASON_PATTERN`.
 */
export async function undoRedemption(
  transaction: DatabaseTransaction,
  id: string,
  { reason, windowMs, now }: { reason: string; windowMs: number; now: number },
): Promise<boolean> {
  const hold = await lockHold(transaction, id);
  if (hold.state === "undoing" || hold.state === "undone") return false;
  if (hold.state !== "confirmed" && hold.state !== "redeemed")
    throw new RedemptionConflictError(`The redemption is ${hold.state}: there is nothing to undo.`);
  if (now > Number(hold.confirmedAt) + windowMs) {
    throw new RedemptionConflictError(
      `A redemption can be undone in the first ${windowMs / 3_600_000} h. This one was confirmed before that, and stays.`,
    );
  }
  // First the command and then the hold, as the sender locks them.
  const cancelled = await transaction.$executeRaw(
    Prisma.sql`UPDATE "Command" SET "state" = 'cancelled' WHERE "holdId" = ${id} AND "kind" = 'redeem' AND "state" = 'queued'`,
  );
  await transaction.benefitHold.update({ where: { id }, data: { reason, updatedAt: now } });
  if (cancelled === 0) {
    const { brandId, collectionAddress, serial, benefitId } = hold;
    await transaction.command.create({
      data: {
        ...{ brandId, collectionAddress, serial, benefitId, holdId: id },
        kind: "undo-redemption",
        state: "queued",
        reason: encodeBytes32String(reason),
        createdAt: now,
      },
    });
  }
  await settleRedemptions(transaction, [id], now);
  return true;
}

/** Marks what nobody confirmed in time. Says nothing new: what is held too long counts for nothing by itself. Returns how many. */
export async function expireHolds(transaction: DatabaseTransaction, now: number): Promise<number> {
  return await transaction.$executeRaw(
    Prisma.sql`UPDATE "BenefitHold" SET "state" = 'expired', "updatedAt" = ${now} WHERE "state" = 'held' AND "heldUntil" <= ${now}`,
  );
}

/** How far the clocks of servers on one database may be apart. */
const CLOCKS_APART_MS = 60_000;

/** Has holds that were made while the clock was ahead begin now, so that they last as long as was asked for. Returns how many. */
export async function shortenHolds(application: Database, now: number): Promise<number> {
  const latest = now + CLOCKS_APART_MS;
  return await shortenWaits(application, {
    table: "BenefitHold",
    where: Prisma.sql`"state" = 'held' AND "heldUntil" > ${latest} AND "createdAt" > ${latest}`,
    set: Prisma.sql`"heldUntil" = "heldUntil" - "createdAt" + ${now}, "createdAt" = ${now}`,
  });
}

/** Until the transaction ends nobody else counts the uses of this card's benefit. */
async function lock(
  transaction: DatabaseTransaction,
  { collectionAddress, serial, benefitId }: CardBenefit,
): Promise<void> {
  await transaction.$executeRaw(Prisma.sql`
    INSERT INTO "BenefitLock" ("collectionAddress", "serial", "benefitId", "revision")
    VALUES (${collectionAddress}, ${serial}, ${benefitId}, 1)
    ON CONFLICT ("collectionAddress", "serial", "benefitId") DO UPDATE SET "revision" = "BenefitLock"."revision" + 1`);
}

async function lockHold(transaction: DatabaseTransaction, id: string) {
  const { collectionAddress, serial, benefitId } = await transaction.benefitHold.findUniqueOrThrow({ where: { id } });
  await lock(transaction, { collectionAddress, serial, benefitId });
  return await transaction.benefitHold.findUniqueOrThrow({ where: { id } });
}
