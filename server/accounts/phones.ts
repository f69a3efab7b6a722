// Phone numbers: written in one form, encrypted where they are kept, and found by a keyed hash. Must hold: a plain number is in no
// table and no log, and equal numbers of two brands have different hashes.

import { createHmac } from "node:crypto";
import { parsePhoneNumberFromString } from "libphonenumber-js/max";
import { createSealing } from "./sealing.ts";
import type { Secrets } from "./secrets.ts";

/** What a number without a country code is taken for. */
const HOME_COUNTRY = "CN";

export interface Phones {
  /** What a number is found by within a brand. */
  hash(brandId: number, phone: string): string;
  /** Encrypts a number; only with the same id can it be read again. */
  seal(phone: string, customerId: string): string;
  /** Throws if the text was changed, belongs to another customer, or was made with another key. */
  open(sealed: string, customerId: string): string;
}

export function createPhones({ dataKey }: Pick<Secrets, "dataKey">): Phones {
  const hashKey = dataKey("phone hash");
  const sealing = createSealing(dataKey("phone encryption"), "A phone number");
  return {
    hash: (brandId, phone) => createHmac("sha256", hashKey).update(`${brandId}:${phone}`).digest("base64url"),
    seal: sealing.seal,
    open: sealing.open,
  };
}

/** The number in E.164; nothing if it is none. Without a country code it is one of mainland China. */
export function normalizePhone(text: string): string | undefined {
  if (text.length > 40) return undefined;
  const parsed = parsePhoneNumberFromString(text.normalize("NFKC"), { defaultCountry: HOME_COUNTRY, extract: false });
  return parsed?.isValid() && parsed.ext === undefined ? parsed.number : undefined;
}

/** Enough of a number to recognise it, and not enough to call it. */
export function maskPhone(phone: string): string {
  const tail = 4;
  const head = Math.max(3, phone.length - tail - 4);
  return `${phone.slice(0, head)}${"*".repeat(Math.max(0, phone.length - tail - head))}${phone.slice(-tail)}`;
}
