// The sender's book: which commands wait, which nonces were given out, and what was signed for them. Must hold: a command is in
// at most one transaction that may still get into a block; nonces are given out without gaps; what may reach a node was stored
// before. Every change is a compare-and-set, so two senders, or one that was thought dead, do no harm.

import type { CardStatus } from "../../chain/abi.ts";
import { selectRows, updateRows } from "../../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { inTransaction } from "../../database/transactions.ts";
import { shortenWaits } from "../../database/waits.ts";
import { addCommands } from "../orders/changes.ts";
import { freeSerials, reserveSerials } from "../orders/serials.ts";
import { settleOrders } from "../orders/standing.ts";
import { IssuanceError } from "../problems.ts";
import { REPEATED_FOR_MS } from "../reconciliation/fit.ts";
import { settleRedemptions } from "../redemptions/standing.ts";
import type { SendableCommand, SendableGroup } from "./calls.ts";

/** A nonce that was given out, and what was signed for it. */
export interface OpenTransaction {
  signer: string;
  nonce: number;
  brandId: number;
  state: "planned" | "signed";
  /** Lower-case. */
  to: string;
  data: string;
  gas: number;
  createdAt: bigint;
  /** In the order in which they were signed; one unless something had to be mended. */
  attempts: { hash: string; raw: string }[];
}

/** A transaction that is about to be given a nonce. */
export interface PlannedSend extends SendableGroup {
  /** Lower-case. */
  signer: string;
  brandId: number;
  to: string;
  gas: number;
}

/** Where the chain has a transaction. */
export interface Place {
  blockNumber: number;
  blockHash: string;
  hash: string;
}

/** Why a command waits or has failed: a name for programs, and a sentence that says what to do. */
export interface Failure {
  failure: string;
  failureDetail: string;
}

export interface WaitingBrand {
  brandId: number;
  /** How many of its commands wait. */
  count: number;
  /** Since when the first of them waits, in milliseconds. */
  since: number;
}

/** What a card is that nobody holds any more. */
export const DEAD: ReadonlySet<string> = new Set<CardStatus>(["Revoked", "Surrendered"]);

/** For so long a refusal that may pass is not tried again: nothing waits for longer, but for a reissue that the holder can still veto. */
export const PUT_OFF_MS = 5_000;

/** How far the chain's clock may be behind ours. */
const CLOCK_SKEW_SECONDS = 60;

export interface BookFigures {
  queued: number;
  /** Since when the oldest of them waits, in milliseconds. */
  oldestQueued: number | undefined;
  /** How many of them were queued while our clock was ahead: nobody knows since when they wait. */
  queuedAhead: number;
  suspects: number;
  open: number;
}

export type Book = ReturnType<typeof createBook>;

const COMMAND_COLUMNS = Prisma.sql`"id", "brandId", "collectionAddress", "kind", "serial", "holder", "tier", "expiresAt", "physicalNumber", "reason", "orderId", "standsFor", "holdId", "importId", "benefitId", "redemptionNumber", "generation", "staff", "deadline", "signature"`;

export function createBook({ application, now }: { application: Database; now(): number }) {
  /** Brings what depends on changed commands up to date. */
  async function settle(
    transaction: DatabaseTransaction,
    commands: readonly Pick<SendableCommand, "orderId" | "holdId">[],
  ) {
    await settleOrders(
      transaction,
      commands.flatMap(({ orderId }) => orderId ?? []),
      now(),
    );
    await settleRedemptions(
      transaction,
      commands.flatMap(({ holdId }) => holdId ?? []),
      now(),
    );
  }

  async function commandsIn(transaction: DatabaseTransaction, { signer, nonce }: { signer: string; nonce: number }) {
    return await transaction.$queryRaw<(SendableCommand & { state: string })[]>(
      Prisma.sql`SELECT ${COMMAND_COLUMNS}, "state" FROM "Command" WHERE "signer" = ${signer} AND "nonce" = ${nonce} ORDER BY "id"`,
    );
  }

  /**
   * Commands whose wait was written while our clock was ahead. That of a reissue was written by the chain's clock, and is over once that
   * has come to its end: it may be ahead of ours.
   */
  const waitsWrongly = () => Prisma.sql`
    "state" = 'queued' AND "notBefore" > ${now() + PUT_OFF_MS}
      AND ("kind" <> 'execute-reissue' OR "failure" IS NOT NULL
        OR "notBefore" <= 1000 * (SELECT "blockTimestamp" FROM "Checkpoint" WHERE "id" = 1))`;

  return {
    /** Has commands sent now whose wait was written while our clock was ahead. Returns how many. */
    async shortenWaits(): Promise<number> {
      return await shortenWaits(application, {
        table: "Command",
        where: waitsWrongly(),
        set: Prisma.sql`"notBefore" = ${now()}`,
      });
    },

    /** The brands of which something waits, and since when. Nothing that is not to be sent yet. */
    async waitingBrands(): Promise<WaitingBrand[]> {
      const rows = await application.$queryRaw<{ brandId: number; count: bigint; since: bigint }[]>(Prisma.sql`
        SELECT "brandId", COUNT(*) AS "count", MIN("notBefore") AS "since"
        FROM "Command" WHERE "state" = 'queued' AND "notBefore" <= ${now()} GROUP BY "brandId" ORDER BY "brandId"`);
      return rows.map(({ brandId, count, since }) => ({ brandId, count: Number(count), since: Number(since) }));
    },

    /** What waits of a brand, in the order in which it was wanted: what is sound, or what was in a transaction that failed. */
    async waiting(
      brandId: number,
      { suspect, limit }: { suspect: boolean; limit: number },
    ): Promise<SendableCommand[]> {
      return await application.$queryRaw<SendableCommand[]>(Prisma.sql`
        SELECT ${COMMAND_COLUMNS} FROM "Command"
        WHERE "state" = 'queued' AND "brandId" = ${brandId} AND "notBefore" <= ${now()} AND "suspect" = ${suspect}
        ORDER BY "id" LIMIT ${limit}`);
    },

    /**
     * Writes down the addresses that the brand keeps for the customers of commands that have no holder yet, and makes them the
     * commands' holders. What was written down for a customer once stays: which keystore a server finds first must not move anybody.
     */
    async giveHolders(
      commands: readonly SendableCommand[],
      addressesOf: (references: readonly string[]) => Promise<string[]>,
    ): Promise<void> {
      const orders = await selectRows<{ id: string; customerId: string }>(application, {
        table: "Order",
        key: ["id"],
        keys: [...new Set(commands.flatMap(({ orderId }) => orderId ?? []))].map((id) => [id]),
      });
      const customerIds = [...new Set(orders.map(({ customerId }) => customerId))];
      const customers = await selectRows<{ id: string; reference: string; holder: string | null }>(application, {
        table: "Customer",
        key: ["id"],
        keys: customerIds.map((id) => [id]),
      });
      const unknown = customers.filter(({ holder }) => holder === null);
      const addresses = await addressesOf(unknown.map(({ reference }) => reference));
      await inTransaction(application, async (transaction) => {
        await updateRows(transaction, {
          table: "Customer",
          columns: ["id", "holder"],
          key: ["id"],
          rows: unknown.map(({ id }, index) => [id, addresses[index]?.toLowerCase() ?? null]),
          where: `t."holder" IS NULL`,
        });
        const kept = await selectRows<{ id: string; holder: string }>(transaction, {
          table: "Customer",
          key: ["id"],
          keys: customerIds.map((id) => [id]),
        });
        const holders = new Map(kept.map(({ id, holder }) => [id, holder]));
        const customerOf = new Map(orders.map(({ id, customerId }) => [id, customerId]));
        await updateRows(transaction, {
          table: "Command",
          columns: ["id", "holder"],
          key: ["id"],
          rows: commands.map(({ id, orderId }) => [id, holders.get(customerOf.get(orderId ?? "") ?? "") ?? null]),
          where: `t."holder" IS NULL AND t."state" = 'queued'`,
        });
      });
    },

    /**
     * Makes a signer's nonces begin where the chain is, unless the book is further. Throws `IssuanceError` if the book is of another chain
     * than the mirror.
     * @returns Whether the key was not known before, although the chain knows it.
     */
    async openSigner(address: string, chainId: number, chainNonce: number): Promise<{ isNew: boolean }> {
      return await inTransaction(application, async (transaction) => {
        const { genesisHash } = await transaction.checkpoint.findUniqueOrThrow({
          where: { id: 1 },
          select: { genesisHash: true },
        });
        const added = await transaction.$executeRaw(
          Prisma.sql`INSERT INTO "Signer" ("address", "chainId", "genesisHash", "nextNonce") VALUES (${address}, ${chainId}, ${genesisHash}, ${chainNonce}) ON CONFLICT DO NOTHING`,
        );
        const known = await transaction.signer.findUniqueOrThrow({ where: { address } });
        if (Number(known.chainId) !== chainId || known.genesisHash !== genesisHash) {
          throw new IssuanceError(
            `The orders and transactions in the database are of another chain (${known.chainId}, genesis block ${known.genesisHash}) than the mirror, and are not sent to this one. Use a database of its own for each chain.`,
          );
        }
        // Somebody else may have sent with this key, or the database may be an older copy of itself.
        await transaction.$executeRaw(
          Prisma.sql`UPDATE "Signer" SET "nextNonce" = ${chainNonce} WHERE "address" = ${address} AND "nextNonce" < ${chainNonce}`,
        );
        return { isNew: added > 0 && chainNonce > 0 };
      });
    },

    /** The first nonce of a signer that was not given out, as far as the book knows. */
    async nextNonce(address: string): Promise<number> {
      const { nextNonce } = await application.signer.findUniqueOrThrow({ where: { address } });
      return nextNonce;
    },

    /**
     * Gives nonces to transactions and their commands to them. Returns how many of them got one: none from the first whose commands do
     * not all wait any more, or want something else than when the transaction was made.
     */
    async plan(sends: readonly PlannedSend[], chainId: number): Promise<number> {
      let planned = 0;
      for (const { signer, brandId, to, data, gas, commands } of sends) {
        const done = await inTransaction(application, async (transaction) => {
          const [row] = await transaction.$queryRaw<{ nextNonce: number }[]>(
            Prisma.sql`UPDATE "Signer" SET "nextNonce" = "nextNonce" + 1 WHERE "address" = ${signer} RETURNING "nextNonce"`,
          );
          if (row === undefined) throw new Error(`The signer ${signer} was never opened`);
          const nonce = row.nextNonce - 1;
          await transaction.chainTransaction.create({
            data: { signer, nonce, chainId, brandId, state: "planned", to, data, gas, createdAt: now() },
          });
          const changed = await updateRows(transaction, {
            table: "Command",
            columns: ["id", "state", "signer", "nonce"],
            key: ["id"],
            rows: commands.map(({ id }) => [id, "sent", signer, nonce]),
            where: `t."state" = 'queued'`,
          });
          if (changed !== commands.length) throw new CommandsChangedError();
          // A card may have been given away since its transaction was made; now nobody can change it any more.
          const wanted = new Map((await commandsIn(transaction, { signer, nonce })).map((now) => [now.id, now]));
          const isAsBefore = ({ id, serial, holder, redemptionNumber }: SendableCommand) => {
            const now = wanted.get(id);
            return now?.serial === serial && now.holder === holder && now.redemptionNumber === redemptionNumber;
          };
          if (!commands.every(isAsBefore)) throw new CommandsChangedError();
          await settle(transaction, commands);
          return true;
        }).catch((error: unknown) => {
          // The nonce was taken back with the rest.
          if (error instanceof CommandsChangedError) return false;
          throw error;
        });
        if (!done) break;
        planned++;
      }
      return planned;
    },

    /** All nonces that are not settled, in their order. */
    async open(): Promise<OpenTransaction[]> {
      const rows = await application.chainTransaction.findMany({
        where: { state: { in: ["planned", "signed"] } },
        orderBy: [{ signer: "asc" }, { nonce: "asc" }],
        include: { attempts: { orderBy: [{ createdAt: "asc" }, { hash: "asc" }], select: { hash: true, raw: true } } },
      });
      return rows as OpenTransaction[];
    },

    /** Stores what was signed for a nonce. Not if another sender was faster: what it has stored counts. */
    async storeSigned({ signer, nonce }: OpenTransaction, signed: { hash: string; raw: string }): Promise<void> {
      await inTransaction(application, async (transaction) => {
        const changed = await transaction.$executeRaw(
          Prisma.sql`UPDATE "ChainTransaction" SET "state" = 'signed' WHERE "signer" = ${signer} AND "nonce" = ${nonce} AND "state" = 'planned'`,
        );
        if (changed === 1)
          await transaction.transactionAttempt.create({ data: { ...signed, signer, nonce, createdAt: now() } });
      });
    },

    /**
     * The transaction is in a block and in the mirror: its commands are done. Not if the mirror does not have it where it is said to
     * be, which may be so while it reads.
     */
    async confirm({ signer, nonce }: OpenTransaction, { blockNumber, blockHash, hash }: Place): Promise<boolean> {
      return await inTransaction(application, async (transaction) => {
        const seen = await transaction.$queryRaw<unknown[]>(
          Prisma.sql`SELECT 1 FROM "Event" WHERE "blockNumber" = ${blockNumber} AND "transactionHash" = ${hash} LIMIT 1`,
        );
        const commands = await commandsIn(transaction, { signer, nonce });
        // What only fills a gap leaves no event.
        if (seen.length === 0 && commands.length > 0) return false;
        const changed = await transaction.$executeRaw(
          Prisma.sql`UPDATE "ChainTransaction" SET "state" = 'mined', "blockNumber" = ${blockNumber}, "blockHash" = ${blockHash} WHERE "signer" = ${signer} AND "nonce" = ${nonce} AND "state" = 'signed'`,
        );
        if (changed === 0) return true;
        await transaction.$executeRaw(
          Prisma.sql`UPDATE "Command" SET "state" = 'done', "blockNumber" = ${blockNumber}, "transactionHash" = ${hash}, "failure" = NULL, "failureDetail" = NULL WHERE "signer" = ${signer} AND "nonce" = ${nonce} AND "state" = 'sent'`,
        );
        for (const command of commands) {
          if (command.kind === "request-reissue") await followReissue(transaction, command);
        }
        await settle(transaction, commands);
        return true;
      });
    },

    /**
     * The nonce is used, but not for what was wanted: the transaction failed, or another one has its nonce. Its commands wait again,
     * as suspects or not, and not before `notBefore`.
     */
    async giveBack(
      { signer, nonce }: OpenTransaction,
      options: {
        state: "failed" | "replaced";
        place?: Place | undefined;
        suspect: boolean;
        failure?: Failure | undefined;
        notBefore?: number;
      },
    ): Promise<void> {
      const { state, place, suspect, failure, notBefore = 0 } = options;
      await inTransaction(application, async (transaction) => {
        const changed = await transaction.$executeRaw(
          Prisma.sql`UPDATE "ChainTransaction" SET "state" = ${state}, "blockNumber" = ${place?.blockNumber ?? null}, "blockHash" = ${place?.blockHash ?? null} WHERE "signer" = ${signer} AND "nonce" = ${nonce} AND "state" = 'signed'`,
        );
        if (changed === 1) await requeue(transaction, { signer, nonce, suspect, failure, notBefore });
      });
    },

    /**
     * No node takes what was signed for a nonce, and without it none of the later ones gets into a block: stores a transaction that does
     * nothing for the same nonce. The commands wait again.
     */
    async fillGap({ signer, nonce }: OpenTransaction, filler: { hash: string; raw: string }): Promise<void> {
      await inTransaction(application, async (transaction) => {
        const changed = await transaction.$executeRaw(
          Prisma.sql`UPDATE "ChainTransaction" SET "to" = ${signer}, "data" = '0x' WHERE "signer" = ${signer} AND "nonce" = ${nonce} AND "state" = 'signed'`,
        );
        if (changed === 0) return;
        await transaction.transactionAttempt.create({ data: { ...filler, signer, nonce, createdAt: now() } });
        await requeue(transaction, { signer, nonce, suspect: true, failure: undefined, notBefore: 0 });
      });
    },

    /**
     * Takes nonces back for which nothing was ever signed, and which no signed one follows: their key is not here any more, or does not
     * sign. The commands wait again. Returns how many.
     */
    async takeBack(signer: string): Promise<number> {
      return await inTransaction(application, async (transaction) => {
        // As for planning, so that no nonce is given out meanwhile.
        await transaction.$executeRaw(
          Prisma.sql`UPDATE "Signer" SET "nextNonce" = "nextNonce" WHERE "address" = ${signer}`,
        );
        const unsigned = await transaction.$queryRaw<{ nonce: number }[]>(Prisma.sql`
          DELETE FROM "ChainTransaction" WHERE "signer" = ${signer} AND "state" = 'planned' AND "nonce" > COALESCE((
            SELECT MAX(t."nonce") FROM "ChainTransaction" t WHERE t."signer" = ${signer} AND t."state" <> 'planned'), -1)
          RETURNING "nonce"`);
        if (unsigned.length === 0) return 0;
        for (const { nonce } of unsigned)
          await requeue(transaction, { signer, nonce, suspect: false, failure: undefined, notBefore: 0 });
        const first = Math.min(...unsigned.map(({ nonce }) => nonce));
        await transaction.$executeRaw(
          Prisma.sql`UPDATE "Signer" SET "nextNonce" = ${first} WHERE "address" = ${signer}`,
        );
        return unsigned.length;
      });
    },

    /** Opens nonces again which the chain has not used although the book believed so, or never knew them. */
    async reopen(signer: string, nonces: readonly number[], brandId: number, chainId: number): Promise<void> {
      await inTransaction(application, async (transaction) => {
        for (const nonce of nonces) {
          const where = { signer_nonce: { signer, nonce } };
          const known = await transaction.chainTransaction.findUnique({ where, include: { attempts: true } });
          if (known === null) {
            const filler = { to: signer, data: "0x", gas: FILLER_GAS, brandId, chainId };
            await transaction.chainTransaction.create({
              data: { signer, nonce, state: "planned", createdAt: now(), ...filler },
            });
          } else {
            const state = known.attempts.length === 0 ? "planned" : "signed";
            await transaction.chainTransaction.update({
              where,
              data: { state, final: false, blockNumber: null, blockHash: null },
            });
            await unmine(transaction, [{ signer, nonce }]);
          }
        }
      });
    },

    /** Puts off commands that cannot be sent now, and says why. */
    async putOff(commands: readonly SendableCommand[], failure: Failure, notBefore: number): Promise<void> {
      await inTransaction(application, async (transaction) => {
        await changeWaiting(transaction, commands, { notBefore, ...failure });
        await settle(transaction, commands);
      });
    },

    /** Marks commands as suspects, or takes the suspicion from them. */
    async suspect(commands: readonly SendableCommand[], suspect: boolean): Promise<void> {
      await inTransaction(application, async (transaction) => {
        await changeWaiting(transaction, commands, { suspect });
      });
    },

    /**
     * A command is done although none of our transactions is known to have done it; as always, once the mirror says so too. Whether it
     * does.
     */
    async foundDone(command: SendableCommand): Promise<boolean> {
      const { kind, collectionAddress, serial, holder } = command;
      return await inTransaction(application, async (transaction) => {
        const card = await transaction.card.findUnique({
          where: { collectionAddress_serial: { collectionAddress, serial } },
          select: { status: true, holder: true, blockNumber: true },
        });
        if (card === null || (kind === "revoke" && !DEAD.has(card.status))) return false;
        if (kind === "request-reissue" && card.holder !== holder) return false;
        await changeWaiting(transaction, [command], {
          state: "done",
          blockNumber: card.blockNumber,
          suspect: false,
          failure: null,
          failureDetail: null,
        });
        if (kind === "issue") await claimFound(transaction, command);
        await settle(transaction, [command]);
        return true;
      });
    },

    /**
     * Whether the mirror has a redemption by one of our keys that no command stands for, since the command was there: then it is this
     * command's, sent by a transaction that was thought lost, or by this database before it was an older copy of itself. The command is
     * done then. So it is where the redemption was adopted: what comes now may be what was lost, sent again.
     */
    async foundRedeemed(command: SendableCommand): Promise<boolean> {
      const { id, collectionAddress, serial, benefitId } = command;
      return await inTransaction(application, async (transaction) => {
        const [row] = await transaction.$queryRaw<
          { number: number; blockNumber: number; transactionHash: string }[]
        >(Prisma.sql`
          SELECT r."number", r."blockNumber", r."transactionHash" FROM "Redemption" AS r
          JOIN "Block" AS b ON b."number" = r."blockNumber"
          JOIN "Command" AS m ON m."id" = ${id}
          WHERE r."collectionAddress" = ${collectionAddress} AND r."serial" = ${serial} AND r."benefitId" = ${benefitId}
            AND r."staff" IN (SELECT "address" FROM "Signer")
            AND (b."timestamp" + ${CLOCK_SKEW_SECONDS} >= m."createdAt" / 1000
              OR EXISTS (SELECT 1 FROM "AdoptedRedemption" AS a WHERE a."collectionAddress" = ${collectionAddress} AND a."serial" = ${serial}
                AND a."benefitId" = ${benefitId} AND a."number" = r."number" AND a."state" = 'unclaimed'
                AND a."adoptedAt" > ${now() - REPEATED_FOR_MS}))
            AND NOT EXISTS (SELECT 1 FROM "Command" AS c WHERE c."collectionAddress" = ${collectionAddress} AND c."serial" = ${serial}
              AND c."benefitId" = ${benefitId} AND c."redemptionNumber" = r."number"
              AND c."kind" = 'redeem' AND c."state" IN ('sent', 'done') AND c."id" <> ${id})
          ORDER BY r."number" LIMIT 1`);
        if (row === undefined) return false;
        await foundAt(transaction, command, row, { redemptionNumber: Number(row.number) });
        await transaction.adoptedRedemption.updateMany({
          where: {
            collectionAddress,
            serial,
            benefitId: benefitId ?? 0,
            number: Number(row.number),
            state: "unclaimed",
          },
          data: { state: "claimed", holdId: command.holdId, settledAt: now() },
        });
        return true;
      });
    },

    /** The same for the undoing of a redemption, whoever has undone it. */
    async foundUndone(command: SendableCommand): Promise<boolean> {
      const { collectionAddress, serial } = command;
      return await inTransaction(application, async (transaction) => {
        const [row] = await transaction.$queryRaw<{ blockNumber: number; transactionHash: string }[]>(Prisma.sql`
          SELECT "blockNumber", "transactionHash" FROM "RedemptionUndoing"
          WHERE "collectionAddress" = ${collectionAddress} AND "serial" = ${serial}
            AND "benefitId" = ${command.benefitId} AND "number" = ${command.redemptionNumber}`);
        if (row === undefined) return false;
        await foundAt(transaction, command, row);
        return true;
      });
    },

    /** A command can never be carried out. Its serial is free again if `serialIsFree`. */
    async fail(command: SendableCommand, failure: Failure, { serialIsFree }: { serialIsFree: boolean }): Promise<void> {
      await inTransaction(application, async (transaction) => {
        const changed = await changeWaiting(transaction, [command], {
          state: "failed",
          suspect: false,
          claimedSerial: null,
          ...failure,
        });
        if (changed === 1 && command.kind === "issue") {
          const { collectionAddress: collection, serial, orderId } = command;
          // Imports name their serials themselves: nobody else is given them.
          if (serialIsFree && orderId !== null) await freeSerials(transaction, [{ collection, serial }]);
          if (orderId !== null) {
            await transaction.$executeRaw(
              Prisma.sql`DELETE FROM "FreeCard" WHERE "orderId" = ${orderId} AND "collectionAddress" = ${collection}`,
            );
          }
        }
        await settle(transaction, [command]);
      });
    },

    /** Somebody else has issued the serial of an order's card: it gets another one. Nothing if there is none left. */
    async anotherSerial(command: SendableCommand, maxSupply: number): Promise<number | undefined> {
      return await inTransaction(application, async (transaction) => {
        const { collectionAddress: collection } = command;
        const [serial] = await reserveSerials(transaction, { collection, count: 1, maxSupply });
        if (serial === undefined) return undefined;
        const changed = await changeWaiting(transaction, [command], { serial, claimedSerial: serial, suspect: false });
        if (changed === 0) await freeSerials(transaction, [{ collection, serial }]);
        return serial;
      });
    },

    /**
     * Looks again at what the mirror had, now that it is at `head`: transactions whose block the chain has taken back are under way again,
     * and those that it cannot take back any more are not looked at again.
     */
    async review({ head, finalityDepth }: { head: number; finalityDepth: number }): Promise<number> {
      const lost = Prisma.sql`
        SELECT t."signer", t."nonce" FROM "ChainTransaction" t LEFT JOIN "Block" b ON b."number" = t."blockNumber"
        WHERE t."state" = 'mined' AND t."final" = ${false} AND t."blockNumber" <= ${head}
          AND (b."hash" IS NULL OR b."hash" <> t."blockHash") AND t."data" <> '0x'`;
      const before = await application.$queryRaw<{ signer: string; nonce: number }[]>(lost);
      const passed = Prisma.sql`"state" = 'mined' AND "final" = ${false} AND "blockNumber" <= ${head - finalityDepth}`;
      const [finals] = await application.$queryRaw<{ count: bigint }[]>(
        Prisma.sql`SELECT COUNT(*) AS "count" FROM "ChainTransaction" WHERE ${passed}`,
      );
      if (before.length === 0 && Number(finals?.count ?? 0) === 0) return 0;
      return await inTransaction(application, async (transaction) => {
        const rows = await transaction.$queryRaw<{ signer: string; nonce: number }[]>(lost);
        await unmine(transaction, rows);
        await transaction.$executeRaw(Prisma.sql`UPDATE "ChainTransaction" SET "final" = ${true} WHERE ${passed}`);
        return rows.length;
      });
    },

    /**
     * Has everything sent again that was mined after a block, also what could not be taken back any more: an operator goes on without those
     * blocks. {@link review} would wait until the mirror is past them, which a chain that makes blocks on demand may never be.
     */
    async reopenAfter(blockNumber: number): Promise<void> {
      await inTransaction(application, async (transaction) => {
        const rows = await transaction.$queryRaw<{ signer: string; nonce: number }[]>(Prisma.sql`
          SELECT "signer", "nonce" FROM "ChainTransaction"
          WHERE "state" = 'mined' AND "blockNumber" > ${blockNumber} AND "data" <> '0x'`);
        await unmine(transaction, rows);
      });
    },

    /** What an operator should know. What is not to be sent yet, a gift whose holder can still veto it, does not wait for anybody. */
    async figures(): Promise<BookFigures> {
      const at = now();
      const [row] = await application.$queryRaw<
        { queued: bigint; oldest: bigint | null; ahead: bigint; suspects: bigint }[]
      >(Prisma.sql`
        SELECT COUNT(*) AS "queued", COALESCE(SUM(CASE WHEN "suspect" THEN 1 ELSE 0 END), 0) AS "suspects",
          MIN(CASE WHEN "since" <= ${at} THEN "since" END) AS "oldest",
          COALESCE(SUM(CASE WHEN "since" > ${at} THEN 1 ELSE 0 END), 0) AS "ahead"
        FROM (
          SELECT "suspect", CASE WHEN "failure" IS NOT NULL OR "createdAt" > "notBefore" THEN "createdAt" ELSE "notBefore" END AS "since"
          FROM "Command" WHERE "state" = 'queued' AND ("failure" IS NOT NULL OR "notBefore" <= ${at} OR (${waitsWrongly()}))) AS waiting`);
      const open = await application.chainTransaction.count({ where: { state: { in: ["planned", "signed"] } } });
      return {
        queued: Number(row?.queued ?? 0),
        suspects: Number(row?.suspects ?? 0),
        oldestQueued: row?.oldest == null ? undefined : Number(row.oldest),
        queuedAhead: Number(row?.ahead ?? 0),
        open,
      };
    },
  };

  /** The mirror has what a waiting command wants, at a place. */
  async function foundAt(
    transaction: DatabaseTransaction,
    command: SendableCommand,
    { blockNumber, transactionHash }: { blockNumber: number; transactionHash: string },
    changes: { redemptionNumber?: number } = {},
  ): Promise<void> {
    const done = { state: "done", blockNumber: Number(blockNumber), transactionHash, suspect: false, ...changes };
    await changeWaiting(transaction, [command], { ...done, failure: null, failureDetail: null });
    await settle(transaction, [command]);
  }

  /** A card that was adopted as nobody's is what a command has found at its serial. */
  async function claimFound(transaction: DatabaseTransaction, command: SendableCommand): Promise<void> {
    const { collectionAddress, serial, orderId, importId } = command;
    await transaction.adoptedCard.updateMany({
      where: { collectionAddress, serial, state: "unclaimed" },
      data: { state: "claimed", orderId, importId, settledAt: now() },
    });
  }

  /** A requested reissue is carried out by a command of its own, once the holder can veto no more. */
  async function followReissue(transaction: DatabaseTransaction, command: SendableCommand): Promise<void> {
    const { collectionAddress, serial, brandId, orderId } = command;
    const card = await transaction.card.findUnique({
      where: { collectionAddress_serial: { collectionAddress, serial } },
      select: { reissueReadyAt: true },
    });
    if (card === null || card.reissueReadyAt === null) return;
    const execute = { brandId, collectionAddress, serial, orderId: orderId ?? "", kind: "execute-reissue" } as const;
    const notBefore = Number(card.reissueReadyAt) * 1000;
    await addCommands(transaction, [{ ...execute, holder: null, reason: "gift", notBefore, now: now() }]);
  }

  /** Commands of a transaction that does not carry them out wait again. */
  async function requeue(
    transaction: DatabaseTransaction,
    options: {
      signer: string;
      nonce: number;
      suspect: boolean;
      failure: Failure | undefined;
      notBefore: number;
    },
  ): Promise<void> {
    const { signer, nonce, suspect, failure, notBefore } = options;
    const commands = await commandsIn(transaction, { signer, nonce });
    await transaction.$executeRaw(Prisma.sql`
      UPDATE "Command" SET "state" = 'queued', "signer" = NULL, "nonce" = NULL, "suspect" = ${suspect}, "notBefore" = ${notBefore},
        "failure" = ${failure?.failure ?? null}, "failureDetail" = ${failure?.failureDetail ?? null}
      WHERE "signer" = ${signer} AND "nonce" = ${nonce} AND "state" = 'sent'`);
    await settle(transaction, commands);
  }

  /** Transactions, and what was done by them, are under way again. */
  async function unmine(
    transaction: DatabaseTransaction,
    keys: readonly { signer: string; nonce: number }[],
  ): Promise<void> {
    await updateRows(transaction, {
      table: "ChainTransaction",
      columns: ["signer", "nonce", "state", "final", "blockNumber", "blockHash"],
      key: ["signer", "nonce"],
      rows: keys.map(({ signer, nonce }) => [signer, nonce, "signed", false, null, null]),
    });
    const commands = await selectRows<SendableCommand>(transaction, {
      table: "Command",
      key: ["signer", "nonce"],
      keys: keys.map(({ signer, nonce }) => [signer, nonce]),
      where: `t."state" = 'done'`,
    });
    await updateRows(transaction, {
      table: "Command",
      columns: ["id", "state", "blockNumber", "transactionHash"],
      key: ["id"],
      rows: commands.map(({ id }) => [id, "sent", null, null]),
    });
    await settle(transaction, commands);
  }
}

/** Of a transfer of nothing to oneself, with room for chains that count a little more. */
export const FILLER_GAS = 60_000;

/** A command does not wait any more, because it was cancelled or another sender has it, or it wants something else. */
class CommandsChangedError extends Error {
  override name = "CommandsChangedError";
}

/** Changes those of the commands that still wait. Returns how many did. */
async function changeWaiting(
  transaction: DatabaseTransaction,
  commands: readonly SendableCommand[],
  changes: Record<string, string | number | boolean | null>,
): Promise<number> {
  return await updateRows(transaction, {
    table: "Command",
    columns: ["id", ...Object.keys(changes)],
    key: ["id"],
    rows: commands.map(({ id }) => [id, ...Object.values(changes)]),
    where: `t."state" = 'queued'`,
  });
}
