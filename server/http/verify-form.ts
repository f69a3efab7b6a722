// The form that leads to a card's page: what people type, read kindly.

import type { Text } from "../../web/text/text.ts";

/** A collection that the form offers. */
export interface OfferedCollection {
  slug: string;
  name: string;
  brandName: string;
}

export interface FormModel {
  /** What was typed. */
  collection: string;
  serial: string;
  offered: OfferedCollection[];
  /** A list to choose from while it is short enough and holds what was typed. */
  asSelect: boolean;
  errors: { collection?: string; serial?: string };
}

const LONGEST_SELECT = 20;
const LONGEST_INPUT = 120;

export function createForm(
  offered: OfferedCollection[],
  typed: { collection?: string; serial?: string } = {},
  errors: FormModel["errors"] = {},
): FormModel {
  const collection = (typed.collection ?? "").slice(0, LONGEST_INPUT);
  const known = collection === "" || offered.some(({ slug }) => slug === collection);
  return {
    collection,
    serial: (typed.serial ?? "").slice(0, LONGEST_INPUT),
    offered,
    asSelect: known && offered.length > 0 && offered.length <= LONGEST_SELECT,
    errors,
  };
}

/** The text that was typed for a serial as digits: `No. 0042 / 5000` is 42. */
export function readSerial(typed: string, text: Text["form"]): { serial: string } | { error: string } {
  const cleaned = typed
    .normalize("NFKC")
    .trim()
    .replace(/^(?:#|no\.?|nr\.?)\s*/i, "")
    .replace(/\s*\/\s*\d+$/, "");
  if (cleaned === "") return { error: text.serialMissing };
  if (!/^\d{1,78}$/.test(cleaned)) return { error: text.serialInvalid };
  const serial = cleaned.replace(/^0+/, "");
  return serial === "" ? { error: text.serialZero } : { serial };
}

/** The collection that was meant: its slug, its name in any case, or an address. */
export function readCollection(
  typed: string,
  offered: OfferedCollection[],
  text: Text["form"],
): { slug: string } | { address: string } | { error: string } {
  const cleaned = typed.normalize("NFKC").trim();
  if (cleaned === "") return { error: text.collectionMissing };
  const wanted = cleaned.toLowerCase();
  const named = offered.find(({ slug, name }) => slug === wanted || name.toLowerCase() === wanted);
  if (named !== undefined) return { slug: named.slug };
  if (/^0x[0-9a-f]{40}$/.test(wanted)) return { address: wanted };
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(wanted) && wanted.length <= 32) return { slug: wanted };
  return { error: text.collectionUnknown(cleaned.slice(0, 60)) };
}
