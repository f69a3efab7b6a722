// The dry run of an uploaded spreadsheet: every line against the rules, the others, the mirror and what is reserved. Goes through the
// file piece by piece and commits what it has found, so that a process that takes over goes on where the last one was; it reads the
// lines before that again, to compare the others with them, and asks nobody about them again.
// Must hold: only one check of an import commits at a time, and none after the import has moved on.

import { getAddress } from "ethers";
import { insertRows, selectRows, upsertRows } from "../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import type { CardToIssue } from "../issuance/plan.ts";
import { IssuanceError, type Problem } from "../issuance/problems.ts";
import type { ParsedRow } from "../issuance/rows.ts";
import { noCards } from "../issuance/table.ts";
import type { DeclaredTerms } from "../issuance/terms.ts";
import { conflict, unissuable } from "../issuance/validation.ts";
import { countLines, type ImportChange, updateImport, withImport } from "./changes.ts";
import type { HolderProcess } from "./holder-process.ts";
import type { LayoutChoice } from "./layout.ts";
import { startReaderProcess } from "./reader-process.ts";
import type { ImportRow, LineState } from "./states.ts";

export interface CheckDependencies {
  /** The connection for application tables. */
  application: Database;
  /** The connection for reading the mirror. */
  database: Database;
  /** Where the file is. */
  file: string;
  /** Starts deriving addresses for a brand; only called if the file has customer references. Throws `IssuanceError`. */
  holders(brandId: number): Promise<HolderProcess>;
  /** The wall clock, in milliseconds. */
  now(): number;
  signal: AbortSignal;
}

/** Lines are committed so many at a time, about. */
const COMMITTED_LINES = 1_000;
/** Addresses are remembered for so many references: the same customer often has cards on neighbouring lines. */
const REMEMBERED_HOLDERS = 10_000;
/** Problems that only all lines together show come after those of the line itself. */
const TOGETHER_NUMBER = 1_000;

/** Somebody else goes on with this import, or it has moved on. */
class Superseded extends Error {
  override name = "Superseded";
}

/** Checks an import to its end, or until it is called off. */
export async function checkImport(start: ImportRow, dependencies: CheckDependencies): Promise<void> {
  const { application, now } = dependencies;
  const begun = await withImport(application, start.id, async (transaction, row) => {
    if (row.state !== "uploaded" && row.state !== "checking") return undefined;
    await updateImport(transaction, row.id, now(), { state: "checking", failure: null });
    return { ...row, state: "checking" };
  });
  if (begun === undefined) return;
  try {
    await check(begun, dependencies);
  } catch (error) {
    if (error instanceof Superseded || dependencies.signal.aborted) return;
    if (!(error instanceof IssuanceError) || error.retryable) throw error;
    await conclude(begun, dependencies, { state: "failed", failure: error.message });
  }
}

async function check(row: ImportRow, dependencies: CheckDependencies): Promise<void> {
  const { database, file, signal } = dependencies;
  const choice: LayoutChoice = row.choice === null ? {} : JSON.parse(row.choice);
  const reader = startReaderProcess();
  try {
    const understood = await reader.open({ path: file, format: row.format === "xlsx" ? "xlsx" : "csv", choice });
    const layout = JSON.stringify(understood.layout);
    if (understood.unclear !== undefined) {
      await conclude(row, dependencies, { state: "needs-columns", layout, failure: understood.unclear });
      return;
    }
    const [collection, checkpoint] = await Promise.all([
      database.collection.findUnique({ where: { address: row.collectionAddress } }),
      database.checkpoint.findUnique({ where: { id: 1 } }),
    ]);
    if (collection === null || checkpoint === null)
      throw new IssuanceError("The registry has not read the chain yet.", { retryable: true });
    const writer = createWriter(row, dependencies, {
      chainClock: Number(checkpoint.blockTimestamp),
      terms: { highestTier: collection.highestTier, longestTerm: Number(collection.longestTerm) },
    });
    try {
      await writer.describe({ layout });
      const lines = reader.read({
        maxSupply: collection.maxSupply,
        timeZone: row.timeZone,
        contracts: [getAddress(collection.address), getAddress(checkpoint.registry)],
        after: row.checkedLine,
      });
      for (;;) {
        const part = await lines.next();
        if (signal.aborted) return;
        if (part.done === true) {
          await writer.flush();
          await writer.addTogether(part.value.problems);
          await conclude(row, dependencies, { warnings: JSON.stringify(part.value.warnings) });
          return;
        }
        await writer.add(part.value.rows, part.value.problems);
      }
    } finally {
      await writer.close();
    }
  } finally {
    await reader.close();
  }
}

/** Ends the check; without a state to end in, the lines decide. */
async function conclude(
  { id, attempt }: ImportRow,
  { application, now }: CheckDependencies,
  change: ImportChange,
): Promise<void> {
  await withImport(application, id, async (transaction, row) => {
    if (row.state !== "checking" || row.attempt !== attempt) return;
    const counts = await countLines(transaction, id);
    const outcome = counts.wrongLines > 0 ? { state: "invalid" } : { state: "ready" };
    const empty = counts.lines === 0 ? { state: "failed", failure: noCards().message } : {};
    await updateImport(transaction, id, now(), { ...outcome, ...empty, ...counts, ...change });
  });
}

interface Writer {
  describe(change: ImportChange): Promise<void>;
  /** Takes the rows of one piece of the file, and what is wrong with them. */
  add(rows: readonly ParsedRow[], problems: readonly Problem[]): Promise<void>;
  flush(): Promise<void>;
  /** Takes what only all lines together show. */
  addTogether(problems: readonly Problem[]): Promise<void>;
  close(): Promise<void>;
}

interface LineToStore {
  row: ParsedRow;
  state: LineState;
  holder: string | undefined;
}

function createWriter(
  start: ImportRow,
  dependencies: CheckDependencies,
  { chainClock, terms }: { chainClock: number; terms: DeclaredTerms },
): Writer {
  const { application, database, now } = dependencies;
  const { id, attempt, brandId, collectionAddress } = start;
  let checkedLine = start.checkedLine;
  let rows: ParsedRow[] = [];
  let problems: Problem[] = [];
  let deriving: HolderProcess | undefined;
  const holders = new Map<string, string>();

  /** Changes the import if it is where this check has left it. Throws {@link Superseded}. */
  async function commit(change: (transaction: DatabaseTransaction) => Promise<ImportChange>): Promise<void> {
    const committed = await withImport(application, id, async (transaction, row) => {
      if (row.state !== "checking" || row.attempt !== attempt || row.checkedLine !== checkedLine) return false;
      await updateImport(transaction, id, now(), await change(transaction));
      return true;
    });
    if (committed !== true) throw new Superseded();
  }

  /** The addresses of those of the references that are not remembered. */
  async function resolve(references: readonly string[]): Promise<void> {
    const unknown = [...new Set(references)].filter((reference) => !holders.has(reference));
    if (unknown.length === 0) return;
    if (holders.size + unknown.length > REMEMBERED_HOLDERS) {
      holders.clear();
      return await resolve(references);
    }
    const known = await selectRows<{ reference: string; holder: string | null }>(database, {
      table: "Customer",
      key: ["brandId", "reference"],
      keys: unknown.map((reference) => [brandId, reference]),
    });
    for (const { reference, holder } of known) if (holder !== null) holders.set(reference, getAddress(holder));
    const underived = unknown.filter((reference) => !holders.has(reference));
    if (underived.length === 0) return;
    deriving ??= await dependencies.holders(brandId);
    const addresses = await deriving.addresses(underived);
    underived.forEach((reference, index) => {
      const address = addresses[index];
      if (address !== undefined) holders.set(reference, address);
    });
  }

  /** Holds sound rows against the mirror and what is reserved, and adds what is wrong. */
  async function judge(batch: readonly ParsedRow[], wrong: Problem[]): Promise<LineToStore[]> {
    const bad = new Set(wrong.map(({ line }) => line));
    const sound = batch.filter((row) => isSound(row) && !bad.has(row.line));
    await resolve(sound.flatMap(({ holder, customer }) => (holder === undefined ? (customer ?? []) : [])));
    const keys = sound.map(({ serial }) => [collectionAddress, serial ?? 0]);
    const [cards, commands] = [
      await selectRows<StoredCard>(database, { table: "Card", key: ["collectionAddress", "serial"], keys }),
      await selectRows<Claim>(database, { table: "Command", key: ["collectionAddress", "claimedSerial"], keys }),
    ];
    const onChain = new Map(cards.map((card) => [card.serial, card]));
    const claimed = new Map(commands.map((command) => [command.serial, command]));
    const clock = Math.max(chainClock, Math.floor(now() / 1000));
    return batch.map((row) => {
      const holder = row.holder ?? holders.get(row.customer ?? "");
      if (bad.has(row.line) || !isSound(row) || holder === undefined) return { row, state: "wrong", holder };
      const { state, reasons } = verdictOf(
        { ...row, holder },
        { card: onChain.get(row.serial), claim: claimed.get(row.serial), clock, terms },
      );
      for (const reason of reasons) wrong.push({ line: row.line, reason });
      return { row, state, holder };
    });
  }

  async function flush(): Promise<void> {
    const [batch, wrong] = [rows, problems];
    if (batch.length === 0 && wrong.length === 0) return;
    [rows, problems] = [[], []];
    const lines = await judge(batch, wrong);
    const known = new Set(batch.map(({ line }) => line));
    // What could not even be read is a line too.
    const unread = new Set(wrong.map(({ line }) => line).filter((line) => !known.has(line)));
    let reached = checkedLine;
    for (const { line } of [...batch, ...wrong]) reached = Math.max(reached, line);
    await commit(async (transaction) => {
      const wrongLines = unread.size + lines.filter(({ state }) => state === "wrong").length;
      await insertRows(transaction, {
        table: "ImportLine",
        columns: LINE_COLUMNS,
        rows: [
          ...lines.map(({ row, state, holder }) => [
            id,
            row.line,
            state,
            row.serial ?? null,
            row.customer ?? null,
            holder?.toLowerCase() ?? null,
            row.tier ?? null,
            row.expiresAt ?? null,
            row.physicalNumber ?? null,
          ]),
          ...[...unread].map((line) => [id, line, "wrong", null, null, null, null, null, null]),
        ],
      });
      await insertRows(transaction, problemRows(numbered(wrong)));
      return {
        checkedLine: reached,
        lines: { increment: lines.length + unread.size },
        wrongLines: { increment: wrongLines },
        doneLines: { increment: lines.filter(({ state }) => state === "done").length },
      };
    });
    checkedLine = reached;
  }

  function problemRows(wrong: { line: number; number: number; reason: string }[]) {
    return {
      table: "ImportProblem",
      columns: PROBLEM_COLUMNS,
      rows: wrong.map(({ line, number, reason }) => [id, line, number, reason]),
    };
  }

  return {
    describe: (change) => commit(async () => change),
    async add(more, wrong) {
      rows.push(...more);
      problems.push(...wrong);
      if (rows.length + problems.length >= COMMITTED_LINES) await flush();
    },
    flush,
    async addTogether(wrong) {
      for (let first = 0; first < wrong.length; first += COMMITTED_LINES) {
        const some = wrong.slice(first, first + COMMITTED_LINES);
        await commit(async (transaction) => {
          // Another check that was interrupted here may have stored them already.
          await upsertRows(transaction, {
            ...problemRows(numbered(some).map((problem) => ({ ...problem, number: problem.number + TOGETHER_NUMBER }))),
            key: ["importId", "line", "number"],
          });
          await transaction.importLine.updateMany({
            where: { importId: id, line: { in: some.map(({ line }) => line) } },
            data: { state: "wrong" },
          });
          return {};
        });
      }
    },
    async close() {
      await deriving?.close();
    },
  };
}

const LINE_COLUMNS = [
  "importId",
  "line",
  "state",
  "serial",
  "customer",
  "holder",
  "tier",
  "expiresAt",
  "physicalNumber",
] as const;
const PROBLEM_COLUMNS = ["importId", "line", "number", "reason"] as const;

interface StoredCard {
  serial: number;
  holder: string;
  tier: number;
  expiresAt: bigint;
  generation: number;
  status: string;
}

interface Claim {
  serial: number;
  orderId: string | null;
  importId: string | null;
}

type SoundRow = ParsedRow & Required<Pick<ParsedRow, "serial" | "tier" | "expiresAt">>;

function isSound(row: ParsedRow): row is SoundRow {
  return row.sound && row.serial !== undefined && row.tier !== undefined && row.expiresAt !== undefined;
}

/** What becomes of a line, given the card that is on the chain with its serial, who has reserved it, and what the collection allows. */
function verdictOf(
  row: SoundRow & { holder: string },
  {
    card,
    claim,
    clock,
    terms,
  }: { card: StoredCard | undefined; claim: Claim | undefined; clock: number; terms: DeclaredTerms },
): { state: LineState; reasons: string[] } {
  if (card !== undefined) {
    const wanted: CardToIssue = { ...row };
    const reason = conflict(wanted, {
      ...card,
      status: "Active",
      expiresAt: Number(card.expiresAt),
      // Only one that differs is shown, and its checksum takes time.
      holder: card.holder === row.holder.toLowerCase() ? row.holder : getAddress(card.holder),
    });
    return reason === undefined ? { state: "done", reasons: [] } : { state: "wrong", reasons: [reason] };
  }
  if (claim !== undefined) return { state: "wrong", reasons: [reserved(row.serial, claim)] };
  const reasons = unissuable(row, row.expiryText ?? "", { terms, clock });
  return { state: reasons.length === 0 ? "ready" : "wrong", reasons };
}

/** Why a serial cannot be had. */
export function reserved(serial: number, { orderId, importId }: Pick<Claim, "orderId" | "importId">): string {
  const owner =
    orderId !== null ? `the order ${orderId}` : importId !== null ? `the import ${importId}` : "another order";
  return `card ${serial} is reserved for ${owner}; give the line another card number, or cancel that first`;
}

/** Numbers the problems of each line. */
function numbered(problems: readonly Problem[]): { line: number; number: number; reason: string }[] {
  const counts = new Map<number, number>();
  return problems.map(({ line, reason }) => {
    const number = (counts.get(line) ?? 0) + 1;
    counts.set(line, number);
    return { line, number, reason };
  });
}
