// What to tell a person of any error that ends a command or a process, those of the database's storage included.

import { storageFaultOf, storageSentence } from "./database/unusable.ts";
import {
  describeFailure as describeOtherFailure,
  giveLastWords as giveOtherLastWords,
  writeError,
} from "./system/failures.mjs";

/** The error's message if that was written for people, a sentence for a fault of the system or of a database, or the stack. */
export function describeFailure(error: unknown): string {
  // What the system itself says is more exact; what a database says of its disk arrives in its client's errors.
  const isOfDatabase = error instanceof Error && /^PrismaClient|^DriverAdapterError$/.test(error.name);
  const fault = isOfDatabase ? storageFaultOf(error) : undefined;
  return fault === undefined ? describeOtherFailure(error) : `${storageSentence(fault)} Mend that, and run this again.`;
}

/** See {@link giveOtherLastWords}. */
export function giveLastWords(tell: (sentence: string, error: unknown) => void = writeError): void {
  giveOtherLastWords((_sentence, error) => tell(describeFailure(error), error));
}
