// The QR code of a card: the link to its page, as a picture.

import { crc32, deflateSync } from "node:zlib";
import QRCode from "qrcode";

/** Level M mends 15 % of damage; the quiet zone of four modules is what scanners are promised (ISO/IEC 18004). */
export const QR_OPTIONS = { errorCorrectionLevel: "M", margin: 4 } as const;
const SMALLEST_PNG = 768;
/** Lines repeat within a few hundred bytes. The library's larger buffers would be garbage of 300 kB for each code. */
const COMPRESSION = { chunkSize: 4096, memLevel: 6, windowBits: 12 };

export async function qrSvg(url: string): Promise<string> {
  return await QRCode.toString(url, { ...QR_OPTIONS, type: "svg" });
}

/**
 * One bit for each pixel. The library's own pictures have 32, of which it takes 40 ms to make one; an edition has a hundred thousand.
 */
export function qrPng(url: string): Buffer {
  const { rows, width } = qrBits(url, QR_OPTIONS.margin);
  // Whole pixels for each module, or printers blur the edges.
  const scale = Math.ceil(SMALLEST_PNG / width);
  const side = width * scale;
  const bytesPerLine = 1 + Math.ceil(side / 8);
  const pixels = scratch(bytesPerLine * side).fill(0xff);
  rows.forEach((row, module) => {
    const first = module * scale * bytesPerLine;
    // The filter of each line: none.
    pixels[first] = 0;
    row.forEach((dark, column) => {
      if (!dark) return;
      for (let x = column * scale; x < (column + 1) * scale; x++) {
        const at = first + 1 + (x >> 3);
        pixels[at] = (pixels[at] ?? 0) & ~(0x80 >> (x & 7));
      }
    });
    for (let line = 1; line < scale; line++)
      pixels.copyWithin(first + line * bytesPerLine, first, first + bytesPerLine);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // One bit of grey; compression, filter and interlacing as everybody has them.
  header.set([1, 0, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels, COMPRESSION)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The modules of a code, row by row, with a light margin: whether each is dark. */
export function qrBits(url: string, margin: number): { rows: boolean[][]; width: number } {
  const { modules } = QRCode.create(url, QR_OPTIONS);
  const width = modules.size + 2 * margin;
  const within = (place: number) => place >= margin && place < width - margin;
  const rows = Array.from({ length: width }, (_, row) =>
    Array.from(
      { length: width },
      (_, column) => within(row) && within(column) && modules.get(row - margin, column - margin) !== 0,
    ),
  );
  return { rows, width };
}

/** Pixels, used again for each picture: garbage outside of the heap is collected late. */
let pixelsOfLast = Buffer.alloc(0);
function scratch(length: number): Buffer {
  if (pixelsOfLast.length !== length) pixelsOfLast = Buffer.alloc(length);
  return pixelsOfLast;
}

/** A part of a PNG file (ISO/IEC 15948, 5.3). */
function chunk(type: string, data: Uint8Array): Buffer {
  const content = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const bytes = Buffer.alloc(8 + content.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.set(content, 4);
  bytes.writeUInt32BE(crc32(content), 4 + content.length);
  return bytes;
}
