// Where a list goes on. A cursor is the key of the last item in base64url: fixed bytes, so that every string of the right
// form is a position and none needs a look-up.

import { Buffer } from "node:buffer";

/** Of a collection's cards: the last serial. */
export function encodeCardCursor(serial: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(serial);
  return bytes.toString("base64url");
}

export function decodeCardCursor(cursor: string): number {
  // The tables hold signed 32-bit numbers; whatever is beyond is after the last card in any case.
  return Math.min(Buffer.from(cursor, "base64url").readUInt32BE(), 2 ** 31 - 1);
}

/** Of the collections: the last address. */
export function encodeCollectionCursor(address: string): string {
  return Buffer.from(address.slice(2), "hex").toString("base64url");
}

export function decodeCollectionCursor(cursor: string): string {
  return `0x${Buffer.from(cursor, "base64url").toString("hex")}`;
}

/** A card's place among all the cards of a holder. */
export interface HolderPosition {
  collectionAddress: string;
  serial: number;
}

export function encodeHolderCursor({ collectionAddress, serial }: HolderPosition): string {
  const bytes = Buffer.alloc(24);
  bytes.write(collectionAddress.slice(2), "hex");
  bytes.writeUInt32BE(serial, 20);
  return bytes.toString("base64url");
}

export function decodeHolderCursor(cursor: string): HolderPosition {
  const bytes = Buffer.from(cursor, "base64url");
  return {
    collectionAddress: `0x${bytes.subarray(0, 20).toString("hex")}`,
    serial: Math.min(bytes.readUInt32BE(20), 2 ** 31 - 1),
  };
}

/** Of imports: the last id, imp_ and a UUID. */
export function encodeImportCursor(id: string): string {
  return Buffer.from(id.slice(4).replaceAll("-", ""), "hex").toString("base64url");
}

export function decodeImportCursor(cursor: string): string {
  const hexadecimal = Buffer.from(cursor, "base64url").toString("hex");
  return `imp_${hexadecimal.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")}`;
}
