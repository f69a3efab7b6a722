// Spreadsheets as uploads: the operations. What they do is in server/imports.

import { z } from "zod";
import { actorOf, type Principal } from "../accounts/principal.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { createImportActions, ImportConflict } from "../imports/actions.ts";
import { type ImportedCard, importedCards } from "../imports/cards.ts";
import { createImportFiles, FileTooLarge } from "../imports/files.ts";
import { type CardToPrint, type PrintJob, print } from "../imports/printing/print-process.ts";
import { hasEnded, type ImportRow, LINE_STATES } from "../imports/states.ts";
import { checkTimeZone } from "../issuance/expiry.ts";
import { csvCell } from "../issuance/problems.ts";
import { collectionNotFound } from "./answers.ts";
import { decodeCardCursor, decodeImportCursor, encodeCardCursor, encodeImportCursor } from "./cursors.ts";
import { importProblemSchema, importSchema, layoutChoiceSchema, presentImport } from "./import-schemas.ts";
import { defineOperation, invalidRequest, type Operation, type Reply } from "./operations.ts";
import { collectionParameter, cursorOf, limit, noQuery } from "./parameters.ts";
import { verifyUrl } from "./present.ts";
import { Problem } from "./problems.ts";
import type { Queries } from "./queries.ts";
import type { Services } from "./services.ts";
import { sendEvents, sendPieces } from "./streaming.ts";

/** An import shows who a brand's customers are, and issues cards: nothing for the counter. */
const READERS = ["owner", "manager", "auditor"] as const;
const WRITERS = ["owner", "manager"] as const;

const CONTENT_TYPES = {
  // What browsers send for a .csv file on a Windows with Excel.
  csv: ["text/csv", "application/csv", "text/plain", "application/vnd.ms-excel"],
  xlsx: ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
} as const;

const ROUTE = { tag: "imports", tagged: false, limited: true, open: false } as const;
const MIB = 1024 * 1024;
const LONGEST_NAME = 200;
const EVENTS = { intervalMs: 500, heartbeatMs: 15_000 };

const importId = z
  .string()
  .regex(/^imp_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "must be the id of an import: imp_ and a UUID")
  .meta({ description: "The import.", example: "imp_0190c42d-7c1e-7000-8000-2f1a6f3f9f1b" });
const params = z.object({ import: importId });

export function importOperations(services: Services, queries: Queries): Operation[] {
  const { application, config, database, now, orders } = services;
  const actions = createImportActions({ application, database });
  const files = createImportFiles(config.dataFolder);
  const act = (principal: Principal) => ({ actor: actorOf(principal), at: now() });

  /** An import of the brand. Throws 404. */
  async function find(id: string, { brandId }: Principal): Promise<ImportRow> {
    const row = await database.import.findUnique({ where: { id } });
    if (row === null || row.brandId !== brandId)
      throw new Problem("not-found", "There is no such import of your brand. GET /v1/imports lists them all.");
    return row;
  }

  async function collectionOf(row: Pick<ImportRow, "collectionAddress">) {
    const collection = await database.collection.findUnique({
      where: { address: row.collectionAddress },
      include: { brand: true },
    });
    if (collection === null) throw collectionNotFound();
    return collection;
  }

  async function present(row: ImportRow) {
    return presentImport(row, (await collectionOf(row)).slug);
  }

  /** Carries out an act and answers with what the import is then. */
  async function acted(change: Promise<ImportRow>): Promise<Reply> {
    try {
      return { body: { data: await present(await change) } };
    } catch (error) {
      if (error instanceof ImportConflict) throw new Problem("conflict", error.message);
      throw error;
    }
  }

  const action = (name: "start" | "pause" | "resume" | "cancel", summary: string, description: string): Operation =>
    defineOperation({
      id: `${name}Import`,
      method: "post",
      path: `/v1/imports/{import}/${name}`,
      access: WRITERS,
      summary,
      description,
      params,
      query: noQuery,
      answers: { 200: { description: "The import.", schema: z.object({ data: importSchema }) } },
      problems: [404, 409],
      ...ROUTE,
      async handle({ params, principal }) {
        await find(params.import, principal);
        const changed = actions[name](params.import, act(principal));
        const reply = await acted(changed);
        if (hasEnded(await changed)) await files.remove(params.import);
        return reply;
      },
    });

  let printing = false;

  /** The cards of an import that are on the chain, as a document. One at a time: each takes a process and its memory. */
  async function printed(row: ImportRow, kind: PrintJob["kind"], file: { name: string; type: string }): Promise<Reply> {
    if (row.doneLines === 0)
      throw new Problem("conflict", "No card of this import is on the chain yet. Start it, and ask again later.");
    if (printing) {
      throw new Problem("too-many-requests", "Another document is being made. Try again when it is finished.", {
        headers: { "Retry-After": "10" },
      });
    }
    const { slug, name, maxSupply, brand } = await collectionOf(row);
    async function* pages(): AsyncGenerator<CardToPrint[], void> {
      for await (const cards of importedCards(database, row, ["done"])) {
        yield cards.flatMap(({ serial }) =>
          serial === null ? [] : [{ serial, url: verifyUrl(config.publicUrl, slug, serial) }],
        );
      }
    }
    return {
      headers: attachment(`${slug}-${file.name}`, file.type),
      async stream(response) {
        printing = true;
        try {
          await sendPieces(response, print({ kind, collection: name, brand: brand.name, slug, maxSupply }, pages()));
        } finally {
          printing = false;
        }
      },
    };
  }

  return [
    defineOperation({
      id: "createImport",
      method: "post",
      path: "/v1/imports",
      access: WRITERS,
      summary: "Upload a spreadsheet",
      description:
        "The file is the request's body as it is. It is checked at once (a dry run), which the import's state tells; nothing is issued before it is started.",
      query: z.strictObject({
        collection: collectionParameter,
        format: z.enum(["csv", "xlsx"], "must be csv or xlsx").optional().meta({
          description: "What the file is, where its content type does not say.",
        }),
        timeZone: z
          .string("must be given once")
          .refine(isTimeZone, "must be the name of a time zone, like Asia/Shanghai or Europe/Paris")
          .default(orders.timeZone)
          .meta({ description: "Where the days of expiry end.", example: "Asia/Shanghai" }),
        name: z
          .string("must be given once")
          .max(LONGEST_NAME, `must have ${LONGEST_NAME} characters at most`)
          .default("")
          .meta({ description: "What you call it, for lists.", example: "Members 2026" }),
      }),
      upload: {
        contentTypes: [CONTENT_TYPES.csv[0], CONTENT_TYPES.xlsx[0], "application/octet-stream"],
        description: "The file: CSV in UTF-8, UTF-16 or GB18030, or an XLSX workbook.",
      },
      answers: { 201: { description: "The import.", schema: z.object({ data: importSchema }) } },
      problems: [404, 413, 415, 503],
      ...ROUTE,
      async handle({ query, principal, request }) {
        const format = formatOf(request.get("Content-Type"), query.format);
        const address = await queries.resolveCollection(query.collection);
        const found = address === undefined ? null : await database.collection.findUnique({ where: { address } });
        if (found === null || found.brandId !== principal.brandId) throw collectionNotFound();
        const most = config.maxImportMegabytes * MIB;
        const tooLarge = () =>
          new Problem(
            "request-too-large",
            `The file is larger than ${config.maxImportMegabytes} MiB. Split it, or have the server's operator set MAX_IMPORT_MEGABYTES.`,
          );
        if (Number(request.get("Content-Length") ?? 0) > most) throw tooLarge();
        const file = await files.receive(request, most).catch((error) => {
          throw error instanceof FileTooLarge ? tooLarge() : error;
        });
        if (file.bytes === 0) {
          await file.discard();
          throw invalidRequest([{ parameter: "body", detail: "is empty: send the file" }]);
        }
        const row = await actions.create(
          {
            brandId: found.brandId,
            collectionAddress: found.address,
            name: query.name.trim() === "" ? found.name : query.name.trim(),
            format,
            timeZone: query.timeZone,
            bytes: file.bytes,
            keepAs: file.keepAs,
          },
          act(principal),
        );
        return { status: 201, body: { data: presentImport(row, found.slug) } };
      },
    }),
    defineOperation({
      id: "listImports",
      path: "/v1/imports",
      access: READERS,
      summary: "List the imports",
      description: "The brand's imports, the newest first.",
      query: z.strictObject({ limit, cursor: cursorOf(/^[A-Za-z0-9_-]{21}[AQgw]$/, decodeImportCursor) }),
      answers: {
        200: {
          description: "A page of imports.",
          schema: z.object({ data: z.array(importSchema), nextCursor: z.string().nullable() }),
        },
      },
      problems: [],
      ...ROUTE,
      async handle({ query, principal }) {
        const rows = await database.import.findMany({
          where: { brandId: principal.brandId, ...(query.cursor === undefined ? {} : { id: { lt: query.cursor } }) },
          orderBy: { id: "desc" },
          take: query.limit + 1,
        });
        const page = rows.slice(0, query.limit);
        const last = page.at(-1);
        const more = rows.length > query.limit && last !== undefined;
        return {
          body: { data: await Promise.all(page.map(present)), nextCursor: more ? encodeImportCursor(last.id) : null },
        };
      },
    }),
    defineOperation({
      id: "getImport",
      path: "/v1/imports/{import}",
      access: READERS,
      summary: "Get an import",
      description: "One import, with its numbers as they are now.",
      params,
      query: noQuery,
      answers: { 200: { description: "The import.", schema: z.object({ data: importSchema }) } },
      problems: [404],
      ...ROUTE,
      handle: async ({ params, principal }) => ({
        body: { data: await present(await find(params.import, principal)) },
      }),
    }),
    defineOperation({
      id: "chooseImportColumns",
      method: "put",
      path: "/v1/imports/{import}/columns",
      access: WRITERS,
      summary: "Say what the columns mean",
      description:
        "For headers that were not recognised, or wrongly: which column is which, which line names them, which sheet of a workbook it is. The file is checked again. Replaces what was said before.",
      params,
      query: noQuery,
      body: layoutChoiceSchema,
      answers: { 200: { description: "The import.", schema: z.object({ data: importSchema }) } },
      problems: [404, 409],
      ...ROUTE,
      async handle({ params, body, principal }) {
        await find(params.import, principal);
        return await acted(actions.chooseLayout(params.import, body, act(principal)));
      },
    }),
    defineOperation({
      id: "listImportProblems",
      path: "/v1/imports/{import}/problems",
      access: READERS,
      summary: "List what is wrong with the lines",
      description: "All lines with something wrong, in their order, and all that is wrong with each.",
      params,
      query: z.strictObject({ limit, cursor: cursorOf(/^[A-Za-z0-9_-]{5}[AQgw]$/, decodeCardCursor) }),
      answers: {
        200: {
          description: "A page of lines.",
          schema: z.object({ data: z.array(importProblemSchema), nextCursor: z.string().nullable() }),
        },
      },
      problems: [404],
      ...ROUTE,
      async handle({ params, query, principal }) {
        const { id } = await find(params.import, principal);
        const found = await problemsOf(id, query.cursor ?? 0, query.limit + 1);
        const page = found.slice(0, query.limit);
        const last = page.at(-1);
        const more = found.length > query.limit && last !== undefined;
        return { body: { data: page, nextCursor: more ? encodeCardCursor(last.line) : null } };
      },
    }),
    defineOperation({
      id: "downloadImportProblems",
      path: "/v1/imports/{import}/problems.csv",
      access: READERS,
      summary: "Download what is wrong with the lines",
      description: "The same as a CSV file that a spreadsheet program opens.",
      params,
      query: noQuery,
      answers: { 200: { description: "The file.", contentType: "text/csv" } },
      problems: [404],
      ...ROUTE,
      async handle({ params, principal }) {
        const { id } = await find(params.import, principal);
        async function* rows(): AsyncGenerator<string, void> {
          yield csvText([["line", "what is wrong"]], true);
          for (let after = 0; ; ) {
            const page = await problemsOf(id, after, PROBLEM_LINES);
            const last = page.at(-1);
            if (last === undefined) return;
            after = last.line;
            yield csvText(page.flatMap(({ line, reasons }) => reasons.map((reason) => [String(line), reason])));
          }
        }
        return {
          headers: attachment("problems.csv", "text/csv; charset=utf-8"),
          stream: (response) => sendPieces(response, rows()),
        };
      },
    }),
    action(
      "start",
      "Start issuing",
      "Only an import that is `ready`. What was issued cannot be taken back. Sent again, it is refused with 409 and nothing is issued twice.",
    ),
    action(
      "pause",
      "Pause issuing",
      "What was sent to the chain already goes on; nothing more is sent until it is resumed.",
    ),
    action("resume", "Go on issuing", "For an import that is `paused`."),
    action(
      "cancel",
      "Call off what was not sent",
      "Cards that are on the chain, or on their way to it, stay; the others are not issued. Cannot be undone.",
    ),
    defineOperation({
      id: "watchImport",
      path: "/v1/imports/{import}/events",
      access: READERS,
      summary: "Watch an import",
      description:
        "Server-sent events: first an `import` event with the import as it is, then one for each change, and `end` when nothing will change any more. After a lost connection just connect again.",
      params,
      query: noQuery,
      answers: {
        200: { description: "The events.", contentType: "text/event-stream" },
        204: { description: "To a reconnecting browser: it has seen the end." },
      },
      problems: [404],
      ...ROUTE,
      async handle({ params, principal, request }) {
        const row = await find(params.import, principal);
        // A browser connects again after the end, unless it is told that there is nothing more (HTML Living Standard, 9.2.3).
        if (hasEnded(row) && request.get("Last-Event-ID") === String(row.revision)) return { status: 204 };
        const { slug } = await collectionOf(row);
        return {
          stream: (response) =>
            sendEvents(response, {
              ...EVENTS,
              name: "import",
              async read() {
                const now = await database.import.findUnique({ where: { id: row.id } });
                return now === null
                  ? undefined
                  : { revision: now.revision, data: presentImport(now, slug), ended: hasEnded(now) };
              },
            }),
        };
      },
    }),
    defineOperation({
      id: "downloadImportResult",
      path: "/v1/imports/{import}/result.csv",
      access: READERS,
      summary: "Download the result",
      description:
        "A CSV file with a row for each line: serial, holder, customer reference, what became of it, the card's verification link and the transaction that issued it.",
      params,
      query: noQuery,
      answers: { 200: { description: "The file.", contentType: "text/csv" } },
      problems: [404],
      ...ROUTE,
      async handle({ params, principal }) {
        const row = await find(params.import, principal);
        const { slug } = await collectionOf(row);
        async function* rows(): AsyncGenerator<string, void> {
          yield csvText([RESULT_COLUMNS], true);
          for await (const cards of importedCards(database, row, LINE_STATES)) {
            yield csvText(cards.map((card) => resultRow(card, (serial) => verifyUrl(config.publicUrl, slug, serial))));
          }
        }
        return {
          headers: attachment(`${slug}-result.csv`, "text/csv; charset=utf-8"),
          stream: (response) => sendPieces(response, rows()),
        };
      },
    }),
    defineOperation({
      id: "downloadImportCodes",
      path: "/v1/imports/{import}/codes.zip",
      access: READERS,
      summary: "Download the QR codes",
      description: "A ZIP archive with one picture for each card that is on the chain, named by its serial.",
      params,
      query: z.strictObject({
        format: z.enum(["svg", "png"], "must be svg or png").default("svg").meta({ description: "Of the pictures." }),
      }),
      answers: { 200: { description: "The archive.", contentType: "application/zip" } },
      problems: [404, 409, 503],
      ...ROUTE,
      async handle({ params, query, principal }) {
        const row = await find(params.import, principal);
        return await printed(row, `codes-${query.format}`, { name: "codes.zip", type: "application/zip" });
      },
    }),
    defineOperation({
      id: "downloadImportSheet",
      path: "/v1/imports/{import}/sheet.pdf",
      access: READERS,
      summary: "Download the codes to print",
      description:
        "A PDF of A4 pages with the QR code, the serial and the collection's name of each card on the chain.",
      params,
      query: noQuery,
      answers: { 200: { description: "The document.", contentType: "application/pdf" } },
      problems: [404, 409, 503],
      ...ROUTE,
      async handle({ params, principal }) {
        const row = await find(params.import, principal);
        return await printed(row, "sheet", { name: "sheet.pdf", type: "application/pdf" });
      },
    }),
  ];

  /** Lines after one with something wrong, at most so many. */
  async function problemsOf(id: string, after: number, most: number): Promise<{ line: number; reasons: string[] }[]> {
    const lines = await database.$queryRaw<{ line: number }[]>(Prisma.sql`
      SELECT DISTINCT "line" FROM "ImportProblem" WHERE "importId" = ${id} AND "line" > ${after} ORDER BY "line" LIMIT ${most}`);
    const last = lines.at(-1);
    if (last === undefined) return [];
    const problems = await database.importProblem.findMany({
      where: { importId: id, line: { gt: after, lte: last.line } },
      orderBy: [{ line: "asc" }, { number: "asc" }],
    });
    const byLine = Map.groupBy(problems, ({ line }) => line);
    return [...byLine].map(([line, found]) => ({ line, reasons: found.map(({ reason }) => reason) }));
  }
}

const PROBLEM_LINES = 1_000;
const RESULT_COLUMNS = [
  "line",
  "serial",
  "holder",
  "customer reference",
  "state",
  "verification link",
  "transaction",
  "what went wrong",
];

function resultRow(card: ImportedCard, linkOf: (serial: number) => string): string[] {
  const { line, serial, holder, customer, state, transactionHash, failure } = card;
  return [
    String(line),
    String(serial ?? ""),
    holder ?? "",
    customer ?? "",
    state,
    serial === null || state !== "done" ? "" : linkOf(serial),
    transactionHash ?? "",
    failure ?? "",
  ];
}

/** Rows of a CSV file without active content; the first ones with the mark by which spreadsheet programs know UTF-8. */
function csvText(rows: readonly (readonly string[])[], first = false): string {
  return `${first ? "\ufeff" : ""}${rows.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("")}`;
}

function attachment(name: string, type: string): Record<string, string> {
  return { "Content-Type": type, "Content-Disposition": `attachment; filename="${name}"` };
}

/** What a file is by its content type, or by what the client says where that says nothing. Throws 415. */
function formatOf(contentType: string | undefined, said: "csv" | "xlsx" | undefined): "csv" | "xlsx" {
  const type = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  const formats = ["csv", "xlsx"] as const;
  const shown = formats.find((format) => (CONTENT_TYPES[format] as readonly string[]).includes(type));
  const silent = type === "" || type === "application/octet-stream";
  if (shown === undefined && !(silent && said !== undefined)) {
    throw new Problem(
      "unsupported-media-type",
      `Send a CSV file as ${CONTENT_TYPES.csv[0]} or an Excel workbook as ${CONTENT_TYPES.xlsx[0]}; or any as application/octet-stream, and say with \`format\` which it is.`,
    );
  }
  if (shown !== undefined && said !== undefined && shown !== said)
    throw invalidRequest([{ parameter: "format", detail: `is ${said}, but the content type says ${shown}` }]);
  return said ?? shown ?? "csv";
}

function isTimeZone(name: string): boolean {
  try {
    checkTimeZone(name);
    return true;
  } catch {
    return false;
  }
}
