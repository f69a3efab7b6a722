// The addresses of customers who bring none of their own. They follow from the brand's seed and the customer reference
// alone, so nothing has to be stored, a repeated run finds the same address, and nobody without the seed can tell which
// reference an address belongs to.

import { createHmac, hkdfSync } from "node:crypto";
import { dataSlice, getAddress, getBytes, HDNodeWallet, hexlify, keccak256, type Mnemonic, SigningKey } from "ethers";

/** The account below which all customers' addresses are; the brand's own keys are in account 0. */
export const HOLDERS_PATH = "m/44'/60'/1'";

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const HARDENED = 0x80000000;
const MAXIMUM_LENGTH = 200;

export interface HolderDerivation {
  /** The address of a customer, checksummed. Throws {@link InvalidReference}. */
  address(reference: string): string;
  /** The key behind that address. Slower; for signing on the customer's behalf. Throws {@link InvalidReference}. */
  wallet(reference: string): HDNodeWallet;
}

/** A text that cannot be a customer reference. The message completes "the customer reference …". */
export class InvalidReference extends Error {
  override name = "InvalidReference";
}

/**
 * The form in which references are compared and derived from: Unicode NFKC (full-width letters and digits become plain
 * ones), without white space around it. Upper and lower case stay different. Throws {@link InvalidReference}.
 */
export function normalizeReference(reference: string): string {
  const normalized = reference.normalize("NFKC").trim();
  if (normalized === "") throw new InvalidReference("is empty");
  if (normalized.length > MAXIMUM_LENGTH) throw new InvalidReference(`is longer than ${MAXIMUM_LENGTH} characters`);
  if (/[\n\r\p{Zl}\p{Zp}]/u.test(normalized)) throw new InvalidReference("contains a line break");
  if (/[\p{Cc}\p{Cf}\p{Cs}]/u.test(normalized))
    throw new InvalidReference("contains an invisible character (shown as \\u…); remove it");
  return normalized;
}

/** A key for one purpose; keys of different purposes say nothing about each other. */
export function purposeKey(seed: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", seed, "mintmark", purpose, 32));
}

/**
 * Derives below `HOLDERS_PATH` two hardened levels, whose numbers are 62 bits of HMAC-SHA256(key, reference). Hardened
 * means that a customer who is handed the key of an address cannot compute any other. Two of a million references meet in
 * one address with a chance of one in ten million.
 */
export function createHolderDerivation(mnemonic: Mnemonic): HolderDerivation {
  const seed = getBytes(mnemonic.computeSeed());
  const pathKey = purposeKey(seed, "holder path, version 1");
  const account = HDNodeWallet.fromMnemonic(mnemonic, HOLDERS_PATH);
  const accountNode: Node = { privateKey: getBytes(account.privateKey), chainCode: getBytes(account.chainCode) };

  function indexes(reference: string): [number, number] {
    const digest = createHmac("sha256", pathKey).update(normalizeReference(reference), "utf8").digest();
    return [digest.readUInt32BE(0) | HARDENED, digest.readUInt32BE(4) | HARDENED].map((index) => index >>> 0) as [
      number,
      number,
    ];
  }

  return {
    address(reference) {
      const [first, second] = indexes(reference);
      const { privateKey } = hardenedChild(hardenedChild(accountNode, first), second);
      // Not `computeAddress`, which checks once more that the point is on the curve, at a quarter of the whole time.
      const publicKey = SigningKey.computePublicKey(privateKey, false);
      return getAddress(dataSlice(keccak256(dataSlice(publicKey, 1)), 12));
    },
    wallet(reference) {
      const [first, second] = indexes(reference);
      return account.deriveChild(first).deriveChild(second);
    },
  };
}

interface Node {
  privateKey: Uint8Array;
  chainCode: Uint8Array;
}

/** BIP-32, CKDpriv for hardened children. Of ethers' derivation it leaves out the public keys of the levels between. */
function hardenedChild(parent: Node, index: number): Node {
  const data = Buffer.alloc(37);
  data.set(parent.privateKey, 1);
  data.writeUInt32BE(index, 33);
  const digest = createHmac("sha512", parent.chainCode).update(data).digest();
  const left = BigInt(hexlify(digest.subarray(0, 32)));
  const key = (left + BigInt(hexlify(parent.privateKey))) % CURVE_ORDER;
  // BIP-32 calls such an index invalid. The chance is below 2^-127.
  if (left >= CURVE_ORDER || key === 0n) throw new InvalidReference("has no address under this brand's keys");
  return { privateKey: getBytes(`0x${key.toString(16).padStart(64, "0")}`), chainCode: digest.subarray(32) };
}
