// A PDF of A4 pages to cut up: each card's code with its number and the collection's name. Pages leave as they are full. The font has
// the Chinese characters; of it only those that are used come into the file.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import PDFDocument from "pdfkit";
import { QR_OPTIONS, qrBits } from "../../verification/qr-codes.ts";
import type { CardToPrint, PrintJob } from "./print-process.ts";

/** Points, 72 to the inch. */
const MM = 72 / 25.4;
const PAGE = { width: 210 * MM, height: 297 * MM, margin: 10 * MM };
const COLUMNS = 4;
const ROWS = 6;
const CELL = { width: (PAGE.width - 2 * PAGE.margin) / COLUMNS, height: (PAGE.height - 2 * PAGE.margin) / ROWS };
const CODE_SIZE = 31 * MM;
const NAME_SIZE = 7.5;
const SERIAL_SIZE = 9;
const FONT = join(
  dirname(createRequire(import.meta.url).resolve("@embedpdf/fonts-sc")),
  "../fonts/NotoSansHans-Regular.otf",
);

export function createSheet({ collection, brand, maxSupply }: PrintJob) {
  const pieces: Buffer[] = [];
  const document = new PDFDocument({
    size: [PAGE.width, PAGE.height],
    margin: 0,
    autoFirstPage: false,
    info: { Title: `${collection} · ${brand}`, Producer: "Mintmark", Creator: "Mintmark" },
  });
  document.on("data", (piece: Buffer) => pieces.push(piece));
  const ended = new Promise<void>((resolve) => document.on("end", resolve));
  document.font(FONT);
  const title = fitted(`${brand} · ${collection}`);
  const digits = String(maxSupply).length;
  let printed = 0;

  function fitted(text: string): string {
    document.fontSize(NAME_SIZE);
    const width = CELL.width - 4 * MM;
    const characters = [...text.replace(/\p{Cc}/gu, " ")];
    let length = characters.length;
    while (length > 1 && document.widthOfString(shortened(characters, length)) > width) length--;
    return shortened(characters, length);
  }

  function place({ serial, url }: CardToPrint): void {
    const index = printed++ % (COLUMNS * ROWS);
    if (index === 0) {
      document.addPage();
      cuttingLines(document);
    }
    const left = PAGE.margin + (index % COLUMNS) * CELL.width;
    const top = PAGE.margin + Math.floor(index / COLUMNS) * CELL.height;
    drawCode(document, url, left + (CELL.width - CODE_SIZE) / 2, top + 1 * MM);
    const line = { width: CELL.width, align: "center", lineBreak: false } as const;
    const number = `${String(serial).padStart(digits, "0")} / ${maxSupply}`;
    document.fontSize(SERIAL_SIZE).text(number, left, top + CODE_SIZE + 1.5 * MM, line);
    document.fontSize(NAME_SIZE).text(title, left, top + CODE_SIZE + 6 * MM, line);
  }

  function taken(): Buffer {
    return Buffer.concat(pieces.splice(0));
  }

  return {
    async add(cards: readonly CardToPrint[]) {
      for (const card of cards) place(card);
      return taken();
    },
    async end() {
      if (printed === 0) document.addPage();
      document.end();
      await ended;
      return taken();
    },
  };
}

function shortened(characters: readonly string[], length: number): string {
  return characters.length <= length ? characters.join("") : `${characters.slice(0, length).join("").trimEnd()}…`;
}

/** Where to cut, in light grey. */
function cuttingLines(document: PDFKit.PDFDocument): void {
  document.lineWidth(0.25).strokeColor("#bbbbbb");
  for (let column = 0; column <= COLUMNS; column++) {
    const x = PAGE.margin + column * CELL.width;
    document.moveTo(x, PAGE.margin).lineTo(x, PAGE.height - PAGE.margin);
  }
  for (let row = 0; row <= ROWS; row++) {
    const y = PAGE.margin + row * CELL.height;
    document.moveTo(PAGE.margin, y).lineTo(PAGE.width - PAGE.margin, y);
  }
  document.stroke().fillColor("#000000");
}

/**
 * Draws a code as an image of one bit for each module, a few hundred bytes (ISO 32000-1, 8.9.7). As an image mask it has no seams
 * between modules, which rectangles side by side may show.
 */
function drawCode(document: PDFKit.PDFDocument, url: string, left: number, top: number): void {
  const { rows, width } = qrBits(url, 0);
  const bytesPerRow = Math.ceil(width / 8);
  // A 0 is painted.
  const bits = Buffer.alloc(bytesPerRow * width, 0xff);
  rows.forEach((row, index) => {
    row.forEach((dark, column) => {
      const at = index * bytesPerRow + (column >> 3);
      if (dark) bits[at] = (bits[at] ?? 0) & ~(0x80 >> (column & 7));
    });
  });
  const module = CODE_SIZE / (width + 2 * QR_OPTIONS.margin);
  const side = module * width;
  const [x, y] = [left + QR_OPTIONS.margin * module, top + QR_OPTIONS.margin * module];
  document.save();
  // The library's pages count downwards; an image's unit square does not.
  document.transform(side, 0, 0, -side, x, y + side);
  document.addContent(`BI /W ${width} /H ${width} /IM true /BPC 1 /F /AHx ID ${bits.toString("hex")}> EI`);
  document.restore();
}
