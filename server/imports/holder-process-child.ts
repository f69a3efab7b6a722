// The process that derives addresses: see holder-process.ts.

import { type BrandKeys, KeystoreError, openKeystore } from "../issuance/keystore.ts";
import { serve } from "./child.ts";
import type { HolderAnswer, HolderQuestion } from "./holder-process.ts";

let keys: BrandKeys | undefined;

async function answer(question: HolderQuestion): Promise<HolderAnswer> {
  if ("references" in question) {
    const opened = keys;
    if (opened === undefined) throw new Error("The keystore was not opened");
    return { addresses: question.references.map((reference) => opened.holderAddress(reference)) };
  }
  try {
    keys = await openKeystore(question.keystore.file, question.keystore.passphrase);
    return { addresses: [] };
  } catch (error) {
    if (error instanceof KeystoreError) return { problem: error.message, fault: error.fault };
    throw error;
  }
}

serve((question) => answer(question as HolderQuestion));
