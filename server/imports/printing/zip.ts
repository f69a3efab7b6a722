// Writes a ZIP archive piece by piece, each file whole when it is added; of what was written only the directory is kept. With
// ZIP64 records from the start (APPNOTE 6.3, 4.3.14), since an edition's codes are more files than the old directory counts.
// Written here because the libraries that stream look through all files again for each one, or stop at 65,535.

import { crc32, deflateRawSync } from "node:zlib";

export interface ZipWriter {
  /** The archive's next bytes. Pictures are compressed already. Must not be called after `end`. */
  add(name: string, content: Uint8Array, options?: { compressed: boolean }): Buffer;
  /** The archive's last bytes. */
  end(): Buffer;
}

const SIGNATURE = { file: 0x04034b50, entry: 0x02014b50, end64: 0x06064b50, locator64: 0x07064b50, end: 0x06054b50 };
const VERSION = { deflate: 20, zip64: 45 };
const METHOD = { stored: 0, deflated: 8 };
/** The library's larger buffers would be garbage of 300 kB for each small file. */
const COMPRESSION = { chunkSize: 4096, memLevel: 6 };
/** Names are UTF-8. */
const FLAGS = 0x0800;
const IN_ZIP64 = 0xffffffff;
const IN_ZIP64_SHORT = 0xffff;

/** @param modified The time that the files are given. */
export function createZipWriter(modified: Date): ZipWriter {
  const { date, time } = dosTime(modified);
  /** Side by side: small buffers of their own would each keep alive what they were cut out of. */
  let directory = Buffer.alloc(64 * 1024);
  let directoryLength = 0;
  let files = 0;
  let offset = 0;
  function remember(entry: Buffer): void {
    if (directoryLength + entry.length > directory.length)
      directory = Buffer.concat([directory, Buffer.alloc(directory.length)]);
    directoryLength += entry.copy(directory, directoryLength);
    files += 1;
  }
  return {
    add(name, content, { compressed } = { compressed: false }) {
      const path = Buffer.from(name);
      const data = compressed ? content : deflateRawSync(content, COMPRESSION);
      const method = compressed ? METHOD.stored : METHOD.deflated;

      const common = Buffer.alloc(26);
      common.writeUInt16LE(VERSION.deflate, 0);
      common.writeUInt16LE(FLAGS, 2);
      common.writeUInt16LE(method, 4);
      common.writeUInt16LE(time, 6);
      common.writeUInt16LE(date, 8);
      common.writeUInt32LE(crc32(content), 10);
      common.writeUInt32LE(data.length, 14);
      common.writeUInt32LE(content.length, 18);
      common.writeUInt16LE(path.length, 22);

      // Only where the file begins may be beyond 4 GiB: a file itself is held whole.
      const extra = Buffer.alloc(12);
      extra.writeUInt16LE(0x0001, 0);
      extra.writeUInt16LE(8, 2);
      extra.writeBigUInt64LE(BigInt(offset), 4);
      const entry = Buffer.alloc(14);
      entry.writeUInt32LE(IN_ZIP64, 10);
      const described = Buffer.from(common);
      described.writeUInt16LE(VERSION.zip64, 0);
      described.writeUInt16LE(extra.length, 24);
      remember(Buffer.concat([word(SIGNATURE.entry), short(VERSION.zip64), described, entry, path, extra]));

      const bytes = Buffer.concat([word(SIGNATURE.file), common, path, data]);
      offset += bytes.length;
      return bytes;
    },
    end() {
      const entries = directory.subarray(0, directoryLength);
      const end64 = Buffer.alloc(56);
      end64.writeUInt32LE(SIGNATURE.end64, 0);
      end64.writeBigUInt64LE(44n, 4);
      end64.writeUInt16LE(VERSION.zip64, 12);
      end64.writeUInt16LE(VERSION.zip64, 14);
      end64.writeBigUInt64LE(BigInt(files), 24);
      end64.writeBigUInt64LE(BigInt(files), 32);
      end64.writeBigUInt64LE(BigInt(entries.length), 40);
      end64.writeBigUInt64LE(BigInt(offset), 48);
      const locator = Buffer.alloc(20);
      locator.writeUInt32LE(SIGNATURE.locator64, 0);
      locator.writeBigUInt64LE(BigInt(offset + entries.length), 8);
      locator.writeUInt32LE(1, 16);
      const end = Buffer.alloc(22);
      end.writeUInt32LE(SIGNATURE.end, 0);
      end.writeUInt16LE(IN_ZIP64_SHORT, 8);
      end.writeUInt16LE(IN_ZIP64_SHORT, 10);
      end.writeUInt32LE(IN_ZIP64, 12);
      end.writeUInt32LE(IN_ZIP64, 16);
      return Buffer.concat([entries, end64, locator, end]);
    },
  };
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** A time to two seconds, in UTC, as the format has it. */
function dosTime(moment: Date): { date: number; time: number } {
  return {
    date: ((moment.getUTCFullYear() - 1980) << 9) | ((moment.getUTCMonth() + 1) << 5) | moment.getUTCDate(),
    time: (moment.getUTCHours() << 11) | (moment.getUTCMinutes() << 5) | (moment.getUTCSeconds() >> 1),
  };
}
