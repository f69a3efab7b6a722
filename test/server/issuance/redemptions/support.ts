// Cards with benefits and tills that reserve them, on a mirror that a test writes itself: for what needs no chain.

import { randomUUID } from "node:crypto";
import type { Database, DatabaseTransaction } from "../../../../server/database/client.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import {
  confirmHold,
  type HoldOutcome,
  type HoldRequest,
  holdBenefit,
  releaseHold,
  undoRedemption,
} from "../../../../server/issuance/redemptions/holding.ts";
import {
  BenefitRefusedError,
  RedemptionConflictError,
  type SignedAuthorisation,
} from "../../../../server/issuance/redemptions/redemption.ts";
import type { DatabaseKind } from "../../../support/databases.ts";
import { addressOf } from "../../../support/mirror-fixture.ts";
import { createOrderBook, FIRST_EDITION, NOW_MS, type OrderBook } from "../orders/support.ts";

export const BENEFIT = 7;
const UNDO_WINDOW_MS = 3_600_000;

/** The address that the brand keeps for a customer. */
export function keptAddress(reference: string): string {
  return addressOf(`kept for ${reference}`);
}

export interface Counter extends OrderBook {
  /** In milliseconds; a test may change it. */
  clock: { now: number };
  /** Says what tier 1 of the first edition is entitled to. */
  grant(terms?: { quota?: number; period?: number; startsAt?: number }): Promise<void>;
  /** Issues the next card, to a customer at the address that the brand keeps, or to an address. Returns its serial. */
  card(to?: { reference?: string; holder?: string; expiresAt?: number }): Promise<number>;
  hold(serial: number, options?: Partial<HoldRequest> & { on?: Database }): Promise<HoldOutcome>;
  /** The same where it must be held. Returns its id. */
  held(serial: number, options?: Partial<HoldRequest>): Promise<string>;
  confirm(id: string, authorisation?: SignedAuthorisation, on?: Database): Promise<void>;
  release(id: string): Promise<void>;
  undo(id: string, reason?: string): Promise<boolean>;
  /** What the mirror gets from the chain: the next redemption of a card's benefit. */
  redeemed(
    serial: number,
    number: number,
    used: number,
    transactionHash?: string,
    transaction?: DatabaseTransaction,
  ): Promise<void>;
  /** Of a redemption, with its failure if there is one. */
  stateOf(id: string): Promise<string>;
  /** The commands of a redemption, as `kind state`. */
  commands(id: string): Promise<string[]>;
}

export async function createCounter(kind: DatabaseKind): Promise<Counter> {
  const book = await createOrderBook(kind);
  const { database, application } = book;
  const clock = { now: NOW_MS };
  let issued = 0;
  let logs = 0;
  const counter: Counter = {
    ...book,
    clock,
    async grant({ quota = 1, period = 0, startsAt = 0 } = {}) {
      await database.benefit.create({
        data: {
          ...{ collectionAddress: FIRST_EDITION, tier: 1, benefitId: BENEFIT, quota, period, startsAt },
          ...{ blockNumber: 20, logIndex: ++logs },
        },
      });
    },
    async card({ reference = "anna", holder = keptAddress(reference), expiresAt = 0 } = {}) {
      const firstSerial = ++issued;
      await book.issue({ collection: FIRST_EDITION, firstSerial, count: 1, expiresAt, holderOf: () => holder });
      return firstSerial;
    },
    async hold(serial, { on = application, ...options } = {}) {
      const request: HoldRequest = {
        brandId: 1,
        customer: { reference: "anna" },
        keptAddress,
        ...{ collectionAddress: FIRST_EDITION, serial, benefitId: BENEFIT },
        heldUntil: clock.now + 60_000,
        note: null,
        idempotencyKey: randomUUID(),
        requestHash: "hash",
        createdBy: "api-key:key_test",
        now: clock.now,
        answerOf: ({ id }, number) => JSON.stringify({ id, number }),
        ...options,
      };
      return await inTransaction(on, (transaction) => holdBenefit(transaction, request));
    },
    async held(serial, options) {
      const outcome = await counter.hold(serial, options);
      if (outcome.kind !== "held") throw new Error(`It was not held: ${outcome.kind}`);
      return outcome.id;
    },
    confirm: (id, authorisation, on = application) =>
      inTransaction(on, (transaction) => confirmHold(transaction, id, { authorisation, now: clock.now })),
    release: (id) => inTransaction(application, (transaction) => releaseHold(transaction, id, clock.now)),
    undo: (id, reason = "wrong till") =>
      inTransaction(application, (transaction) =>
        undoRedemption(transaction, id, { reason, windowMs: UNDO_WINDOW_MS, now: clock.now }),
      ),
    async redeemed(serial, number, used, transactionHash = "0x", transaction = database) {
      await transaction.redemption.create({
        data: {
          ...{ collectionAddress: FIRST_EDITION, serial, benefitId: BENEFIT, number, used, transactionHash },
          ...{ staff: addressOf("staff"), periodStart: 0, blockNumber: 30, logIndex: ++logs },
        },
      });
    },
    async stateOf(id) {
      const { state, failure } = await database.benefitHold.findUniqueOrThrow({ where: { id } });
      return failure === null ? state : `${state} ${failure}`;
    },
    async commands(id) {
      const commands = await database.command.findMany({ where: { holdId: id }, orderBy: { id: "asc" } });
      return commands.map(({ kind, state }) => `${kind} ${state}`);
    },
  };
  return counter;
}

/** Why something was refused: an obstacle's name, or the sentence of a conflict; what is done says `done`. */
export async function refusalOf(act: Promise<unknown>): Promise<string> {
  try {
    await act;
    return "done";
  } catch (error) {
    if (error instanceof BenefitRefusedError) return error.obstacle;
    if (error instanceof RedemptionConflictError) return error.message;
    throw error;
  }
}
