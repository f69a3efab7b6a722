// Reads a spreadsheet in a process of its own: what its lines say, what is wrong with them, and what they come to together. The
// server only takes in what it stores; the garbage of reading, and what a file may be made of to do harm, stay out of it.

import { join } from "node:path";
import { IssuanceError, type Problem } from "../issuance/problems.ts";
import type { ParsedRow } from "../issuance/rows.ts";
import { startChild } from "./child.ts";
import type { Layout, LayoutChoice } from "./layout.ts";

/** Which file, and what was said about it. */
export interface ReaderFile {
  path: string;
  format: "csv" | "xlsx";
  choice: LayoutChoice;
}

/** What the lines are held against, besides each other. */
export interface ReaderRules {
  maxSupply: number;
  timeZone: string;
  /** Addresses that no card may go to, checksummed. */
  contracts: string[];
  /** Lines up to this one are only compared with; nothing is told of them. */
  after: number;
}

/** First the file, then the rules, then for lines until there are no more. */
export type ReaderQuestion = { file: ReaderFile } | { rules: ReaderRules } | "next";

export type ReaderAnswer =
  | { layout: Layout; unclear: string | undefined }
  | "ready"
  | ReadLines
  | { end: ReaderEnd }
  /** Fit for a user. */
  | { refused: string }
  /** There is no such file. */
  | "missing";

/** Some lines, in their order, and what is wrong with them. */
export interface ReadLines {
  rows: ParsedRow[];
  problems: Problem[];
}

/** What only all lines together show. */
export interface ReaderEnd {
  problems: Problem[];
  warnings: string[];
}

export interface ReaderProcess {
  /** Looks at the file. Throws `IssuanceError` if it is none that is read here, and {@link MissingFile}. */
  open(file: ReaderFile): Promise<{ layout: Layout; unclear: string | undefined }>;
  /** Reads all lines. After the last one it returns what only all of them show. */
  read(rules: ReaderRules): AsyncGenerator<ReadLines, ReaderEnd>;
  close(): Promise<void>;
}

export class MissingFile extends Error {
  override name = "MissingFile";
}

export function startReaderProcess(): ReaderProcess {
  const child = startChild("reader", join(import.meta.dirname, "reader-process-child.ts"));

  async function ask(question: ReaderQuestion): Promise<Exclude<ReaderAnswer, "missing" | { refused: string }>> {
    const answer = (await child.ask(question)) as ReaderAnswer;
    if (answer === "missing") throw new MissingFile("The uploaded file is gone");
    if (typeof answer === "object" && "refused" in answer) throw new IssuanceError(answer.refused);
    return answer;
  }

  return {
    async open(file) {
      const answer = await ask({ file });
      if (typeof answer === "string" || !("layout" in answer)) throw unexpected();
      return answer;
    },
    async *read(rules) {
      await ask({ rules });
      for (;;) {
        const answer = await ask("next");
        if (typeof answer === "string" || "layout" in answer) throw unexpected();
        if ("end" in answer) return answer.end;
        yield answer;
      }
    },
    close: child.close,
  };
}

function unexpected(): Error {
  return new Error("The process that reads spreadsheets answered another question");
}
