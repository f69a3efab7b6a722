// What people do with an import. Each act changes the import, the commands that it has in the queue, and the audit log, all or
// nothing.

import { v7 as uuidv7 } from "uuid";
import { type AuditEntry, recordAct } from "../accounts/audit.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { freeSerials } from "../issuance/orders/serials.ts";
import { countLines, type ImportChange, updateImport, withImport } from "./changes.ts";
import { hasChangedSinceCheck } from "./issue.ts";
import type { LayoutChoice } from "./layout.ts";
import { CANCELLABLE, type ImportRow, type ImportState, RECHECKABLE, stateOf } from "./states.ts";

/** The import is not in a state in which this can be done. The message says what to do instead. */
export class ImportConflict extends Error {
  override name = "ImportConflict";
}

/** Who acts, and when. */
export interface Act {
  /** As the audit log calls them. */
  actor: string;
  /** In milliseconds since the Unix epoch. */
  at: number;
}

export interface ImportActions {
  /** Makes an import of a file that has come in. The file has its name first: an import without its file could not go on. */
  create(upload: NewImport, act: Act): Promise<ImportRow>;
  /** Says what the columns mean, and has the file checked again. Throws {@link ImportConflict}, as all that follow. */
  chooseLayout(id: string, choice: LayoutChoice, act: Act): Promise<ImportRow>;
  start(id: string, act: Act): Promise<ImportRow>;
  pause(id: string, act: Act): Promise<ImportRow>;
  resume(id: string, act: Act): Promise<ImportRow>;
  /** Calls off what was not sent yet. */
  cancel(id: string, act: Act): Promise<ImportRow>;
}

export interface NewImport {
  brandId: number;
  collectionAddress: string;
  name: string;
  format: "csv" | "xlsx";
  timeZone: string;
  bytes: number;
  /** Gives the file that has come in the name of the import. */
  keepAs(id: string): Promise<void>;
}

/**
 * @param databases The connection for application tables, and one for looks at them that see what is committed and nothing else.
 */
export function createImportActions({
  application,
  database,
}: {
  application: Database;
  database: Database;
}): ImportActions {
  /** Changes an import that is in one of these states. */
  async function change(
    id: string,
    states: readonly ImportState[],
    refusal: (state: ImportState) => string,
    act: Act & Pick<AuditEntry, "action" | "details">,
    apply: (transaction: DatabaseTransaction, row: ImportRow) => Promise<ImportChange>,
  ): Promise<ImportRow> {
    const changed = await withImport(application, id, async (transaction, row) => {
      if (!states.includes(stateOf(row))) throw new ImportConflict(refusal(stateOf(row)));
      await updateImport(transaction, id, act.at, await apply(transaction, row));
      await audit(transaction, row, act);
      return await transaction.import.findUniqueOrThrow({ where: { id } });
    });
    if (changed === undefined) throw new ImportConflict("There is no such import any more.");
    return changed;
  }

  return {
    async create({ keepAs, ...upload }, act) {
      const id = `imp_${uuidv7()}`;
      await keepAs(id);
      return await application.$transaction(async (transaction) => {
        const row = await transaction.import.create({
          data: {
            id,
            ...upload,
            state: "uploaded",
            createdBy: act.actor,
            createdAt: act.at,
            updatedAt: act.at,
          },
        });
        const details = { collection: upload.collectionAddress, bytes: upload.bytes };
        await audit(transaction, row, { ...act, action: "import.uploaded", details });
        return row;
      });
    },

    async chooseLayout(id, choice, act) {
      return await change(
        id,
        RECHECKABLE,
        (state) => `The import is ${state}: its columns cannot be chosen any more. Upload the file again.`,
        { ...act, action: "import.layout-chosen" },
        async (transaction, row) => {
          await forgetCheck(transaction, id);
          return { ...UNCHECKED, choice: JSON.stringify(choice), attempt: row.attempt + 1 };
        },
      );
    },

    async start(id, act) {
      // A look at all lines, which nobody else should have to wait for.
      const before = await database.import.findUnique({ where: { id } });
      if (before?.state === "ready" && (await hasChangedSinceCheck(database, before, act.at))) {
        await withImport(application, id, async (transaction, row) => {
          if (row.state !== "ready") return;
          await forgetCheck(transaction, id);
          await updateImport(transaction, id, act.at, { ...UNCHECKED, attempt: row.attempt + 1 });
        });
        throw new ImportConflict(
          "Since the file was checked, cards of it were issued or reserved, or have expired. It is being checked again: look at the outcome, then start.",
        );
      }
      return await change(
        id,
        ["ready"],
        (state) => START_REFUSALS[state] ?? `The import is ${state}: it was started already.`,
        { ...act, action: "import.started", details: { lines: before?.lines ?? 0 } },
        async () => ({ state: "issuing", startedAt: act.at }),
      );
    },

    async pause(id, act) {
      return await change(
        id,
        ["issuing"],
        (state) => `The import is ${state}: only one that is issuing can be paused.`,
        { ...act, action: "import.paused" },
        async (transaction) => {
          // What the sender has taken already goes on.
          await transaction.command.updateMany({
            where: { importId: id, state: "queued" },
            data: { state: "held" },
          });
          return { state: "paused" };
        },
      );
    },

    async resume(id, act) {
      return await change(
        id,
        ["paused"],
        (state) => `The import is ${state}: only one that is paused can be resumed.`,
        { ...act, action: "import.resumed" },
        async (transaction) => {
          await transaction.command.updateMany({
            where: { importId: id, state: "held" },
            data: { state: "queued" },
          });
          return { state: "issuing" };
        },
      );
    },

    async cancel(id, act) {
      return await change(
        id,
        CANCELLABLE,
        (state) => `The import is ${state}: there is nothing left to call off.`,
        { ...act, action: "import.cancelled" },
        async (transaction, row) => {
          await callOff(transaction, row);
          await transaction.importLine.updateMany({
            where: { importId: id, state: "ready" },
            data: { state: "cancelled" },
          });
          const over = row.startedAt === null ? { endedAt: act.at } : {};
          return { state: "cancelled", ...(await countLines(transaction, id)), ...over };
        },
      );
    },
  };
}

/** Cancels the commands that were not sent, and gives orders the serials that they had left out. */
async function callOff(transaction: DatabaseTransaction, { id, collectionAddress }: ImportRow): Promise<void> {
  const cancelled = await transaction.$queryRaw<{ serial: number }[]>(Prisma.sql`
    UPDATE "Command" SET "state" = 'cancelled', "claimedSerial" = NULL
    WHERE "importId" = ${id} AND "state" IN ('queued', 'held') RETURNING "serial"`);
  const edition = await transaction.edition.findUnique({ where: { collectionAddress } });
  const leftOut = cancelled.filter(({ serial }) => serial < (edition?.nextSerial ?? 1));
  await freeSerials(
    transaction,
    leftOut.map(({ serial }) => ({ collection: collectionAddress, serial })),
  );
}

const START_REFUSALS: Partial<Record<ImportState, string>> = {
  uploaded: "The file is not checked yet. Wait until the import is ready.",
  checking: "The file is being checked. Wait until the import is ready.",
  "needs-columns": "It is not known what the columns mean. Say so with PUT …/columns.",
  invalid: "Lines of the file are wrong: see …/problems. Correct them and upload the file again; nothing was issued.",
  cancelled: "The import was cancelled. Upload the file again.",
  failed: "The file could not be checked: `failure` says why.",
};

/** An import as it was before the first check. */
const UNCHECKED: ImportChange = {
  state: "uploaded",
  failure: null,
  layout: null,
  warnings: "[]",
  checkedLine: 0,
  lines: 0,
  wrongLines: 0,
  doneLines: 0,
};

async function forgetCheck(transaction: DatabaseTransaction, importId: string): Promise<void> {
  await transaction.importProblem.deleteMany({ where: { importId } });
  await transaction.importLine.deleteMany({ where: { importId } });
}

async function audit(
  transaction: DatabaseTransaction,
  { id, brandId }: ImportRow,
  { actor, at, action, details }: Act & Pick<AuditEntry, "action" | "details">,
): Promise<void> {
  await recordAct(transaction, {
    at,
    brandId,
    actor,
    action,
    subject: id,
    ...(details === undefined ? {} : { details }),
  });
}
