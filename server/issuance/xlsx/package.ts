// The parts of an XLSX file (ISO/IEC 29500, Open Packaging Conventions): a ZIP archive of XML documents that refer to each other.
// Must hold: no part is in memory whole, and none may grow to more than its kind is worth.

import type { Readable } from "node:stream";
import { SaxesParser, type SaxesTagPlain } from "saxes";
import yauzl from "yauzl";
import { IssuanceError } from "../problems.ts";

export interface Package {
  /** Where the part is to which another one refers by this kind of relationship; nothing if it does not. */
  related(part: string, kind: string): Promise<string | undefined>;
  /** All parts to which one refers, by the name that it calls them. */
  relationships(part: string): Promise<Map<string, { kind: string; target: string }>>;
  /** Reads a part; after each piece of it, what `flush` returns is yielded. Nothing comes of a part that is not there. */
  read<Item>(part: string, handlers: XmlHandlers, flush: () => Item): AsyncGenerator<Item, void>;
  /** The same where only the handlers matter. */
  readAll(part: string, handlers: XmlHandlers): Promise<void>;
  has(part: string): boolean;
  close(): void;
}

/** Names come without their prefix: which one stands for which namespace differs from program to program. */
export interface XmlHandlers {
  open(name: string, attributes: Record<string, string>): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** A workbook of a million rows has a few parts of a few hundred megabytes at most; more is not meant to be read. */
const MAXIMUM_PARTS = 10_000;
const MAXIMUM_PART_BYTES = 1024 * 1024 * 1024;

/** Opens a file. Throws {@link IssuanceError} if it is no package. */
export async function openPackage(file: string): Promise<Package> {
  let archive: yauzl.ZipFile;
  try {
    archive = await yauzl.openPromise(file, { autoClose: false });
  } catch (cause) {
    throw damaged(cause);
  }
  const entries = new Map<string, yauzl.Entry>();
  try {
    if (archive.entryCount > MAXIMUM_PARTS) throw damaged();
    for await (const entry of archive.eachEntry()) entries.set(entry.fileName, entry);
  } catch (cause) {
    archive.close();
    throw damaged(cause);
  }

  async function* read<Item>(part: string, handlers: XmlHandlers, flush: () => Item): AsyncGenerator<Item, void> {
    const entry = entries.get(part);
    if (entry === undefined) return;
    if (entry.isEncrypted()) throw new IssuanceError("The workbook is protected with a password. Save it without one.");
    if (entry.uncompressedSize > MAXIMUM_PART_BYTES)
      throw new IssuanceError("The workbook is too large: a part of it has more than 1 GiB. Split it.");
    const parser = createParser(handlers);
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let stream: Readable | undefined;
    try {
      stream = await archive.openReadStreamPromise(entry);
      for await (const piece of stream) {
        parser.write(decoder.decode(piece as Buffer, { stream: true }));
        yield flush();
      }
      parser.write(decoder.decode()).close();
      yield flush();
    } catch (cause) {
      throw cause instanceof IssuanceError ? cause : damaged(cause);
    } finally {
      stream?.destroy();
    }
  }

  async function readAll(part: string, handlers: XmlHandlers): Promise<void> {
    for await (const _ of read(part, handlers, () => undefined));
  }

  async function relationships(part: string): Promise<Map<string, { kind: string; target: string }>> {
    const slash = part.lastIndexOf("/") + 1;
    const [folder, name] = [part.slice(0, slash), part.slice(slash)];
    const found = new Map<string, { kind: string; target: string }>();
    await readAll(`${folder}_rels/${name}.rels`, {
      open(tag, { Id, Type, Target, TargetMode }) {
        if (tag !== "Relationship" || Id === undefined || Target === undefined || TargetMode === "External") return;
        const target = new URL(Target, `package:///${folder}`).pathname.slice(1);
        found.set(Id, { kind: Type?.slice(Type.lastIndexOf("/") + 1) ?? "", target: decodeURIComponent(target) });
      },
    });
    return found;
  }

  return {
    read,
    readAll,
    relationships,
    async related(part, kind) {
      for (const relationship of (await relationships(part)).values()) {
        if (relationship.kind === kind) return relationship.target;
      }
      return undefined;
    },
    has: (part) => entries.has(part),
    close: () => archive.close(),
  };
}

function createParser({ open, close, text }: XmlHandlers): SaxesParser<{ xmlns: false }> {
  const parser = new SaxesParser({ xmlns: false });
  parser.on("error", (error) => {
    throw damaged(error);
  });
  parser.on("opentag", ({ name, attributes }: SaxesTagPlain) => open(local(name), attributes));
  if (close !== undefined) parser.on("closetag", ({ name }: SaxesTagPlain) => close(local(name)));
  if (text !== undefined) {
    parser.on("text", text);
    parser.on("cdata", text);
  }
  return parser;
}

/** A name without its prefix. */
export function local(name: string): string {
  const colon = name.indexOf(":");
  return colon === -1 ? name : name.slice(colon + 1);
}

export function damaged(cause?: unknown): IssuanceError {
  return new IssuanceError(
    "The file is not an XLSX workbook, or it is damaged. Open it in a spreadsheet program and save it as an Excel workbook (.xlsx).",
    { cause },
  );
}
