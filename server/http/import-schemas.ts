// Imports in the API's answers.

import { z } from "zod";
import { COLUMN_NAMES, type Layout } from "../imports/layout.ts";
import { hasEnded, IMPORT_STATES, type ImportRow, stateOf } from "../imports/states.ts";

const time = z.iso.datetime();
const count = z.number().int().nonnegative();
const columnName = z.enum(COLUMN_NAMES as [string, ...string[]]).meta({
  description: "What a column can mean.",
});

export const importSchema = z
  .object({
    id: z.string().meta({ description: "The import.", example: "imp_0190c42d-7c1e-7000-8000-2f1a6f3f9f1b" }),
    name: z.string(),
    collection: z.object({
      address: z.string().meta({ description: "In lower case." }),
      slug: z.string(),
    }),
    format: z.enum(["csv", "xlsx"]),
    timeZone: z.string().meta({ description: "Where the days of expiry end." }),
    bytes: count,
    state: z.enum(IMPORT_STATES).meta({
      description:
        "`uploaded` and `checking`: the dry run. `needs-columns`: say what the columns mean. `invalid`: lines are wrong, nothing can be issued. `ready`: can be started. `issuing`, `paused`. `done`: each line has come to its end. `cancelled`. `failed`: `failure` says why.",
    }),
    failure: z.string().nullable().meta({ description: "Why it cannot go on, and what to do." }),
    warnings: z.array(z.string()).meta({ description: "What is odd about the file. Read it before you start." }),
    lines: z
      .object({
        total: count,
        wrong: count,
        ready: count.meta({ description: "Checked, and not in the queue yet." }),
        queued: count.meta({ description: "In the queue, or on their way to the chain." }),
        done: count.meta({ description: "The cards are on the chain, some perhaps since before the import." }),
        failed: count,
        cancelled: count,
      })
      .meta({ description: "How many lines there are, by what became of them." }),
    layout: z
      .object({
        encoding: z.enum(["UTF-8", "UTF-16", "GB18030"]).nullable().meta({ description: "Null for a workbook." }),
        sheet: z.string().nullable(),
        sheets: z.array(z.string()).meta({ description: "All sheets of a workbook." }),
        headerLine: z.number().int().positive(),
        columns: z.array(
          z.object({
            position: z.number().int().positive(),
            header: z.string(),
            samples: z.array(z.string()).meta({ description: "What stands in its first lines." }),
            meaning: columnName.nullable().meta({ description: "Null where it is not used." }),
          }),
        ),
      })
      .nullable()
      .meta({ description: "How the file is laid out; null until it was looked at." }),
    createdBy: z.string(),
    createdAt: time,
    updatedAt: time,
    startedAt: time.nullable(),
    endedAt: time.nullable().meta({ description: "When its last line had come to its end." }),
  })
  .meta({ id: "Import", description: "A spreadsheet on its way to cards." });

export const importProblemSchema = z
  .object({ line: z.number().int().positive(), reasons: z.array(z.string()) })
  .meta({ id: "ImportProblem", description: "What is wrong with a line." });

const position = z.number("must be a number").int("must be a whole number").min(1, "must be from 1 on").max(16_384);

export const layoutChoiceSchema = z
  .strictObject({
    sheet: z.string("must be a text").max(200).optional().meta({ description: "The sheet of the workbook." }),
    headerLine: position
      .max(2 ** 20)
      .optional()
      .meta({ description: "The line that names the columns." }),
    columns: z
      .partialRecord(columnName, position.nullable(), {
        error: `must say, for some of ${COLUMN_NAMES.join(", ")}, the position of the column from 1 on, or null where there is none`,
      })
      .optional()
      .meta({
        description: "The position of the column with each meaning, from 1 on; null where no column has it.",
        example: { serial: 1, customer: 3, tier: 4, expiry: null },
      }),
  })
  .meta({
    id: "ImportLayoutChoice",
    description: "How to understand the file. What is left out is recognised from the headers.",
  });

export type ImportAnswer = z.infer<typeof importSchema>;

export function presentImport(row: ImportRow, slug: string): ImportAnswer {
  const { lines, wrongLines, queuedLines, doneLines, failedLines, cancelledLines } = row;
  const past = wrongLines + queuedLines + doneLines + failedLines + cancelledLines;
  return {
    id: row.id,
    name: row.name,
    collection: { address: row.collectionAddress, slug },
    format: row.format as "csv" | "xlsx",
    timeZone: row.timeZone,
    bytes: row.bytes,
    state: stateOf(row),
    failure: row.failure,
    warnings: JSON.parse(row.warnings) as string[],
    lines: {
      total: lines,
      wrong: wrongLines,
      ready: lines - past,
      queued: queuedLines,
      done: doneLines,
      failed: failedLines,
      cancelled: cancelledLines,
    },
    layout: row.layout === null ? null : (JSON.parse(row.layout) as Layout as ImportAnswer["layout"]),
    createdBy: row.createdBy,
    createdAt: isoTime(row.createdAt),
    updatedAt: isoTime(row.updatedAt),
    startedAt: row.startedAt === null ? null : isoTime(row.startedAt),
    endedAt: hasEnded(row) && row.endedAt !== null ? isoTime(row.endedAt) : null,
  };
}

function isoTime(milliseconds: bigint): string {
  return new Date(Number(milliseconds)).toISOString();
}
