// Derives the addresses of customers in a process of its own: it takes a third of a millisecond of computing for each, and requests
// must not wait for that of 100,000. The keystore is opened there too.

import { join } from "node:path";
import { IssuanceError } from "../issuance/problems.ts";
import { startChild } from "./child.ts";

/** An encrypted keystore and what opens it. */
export interface KeystoreAccess {
  file: string;
  passphrase: string;
}

/** The keystore first, then references. */
export type HolderQuestion = { keystore: KeystoreAccess } | { references: readonly string[] };

export type HolderAnswer =
  /** Checksummed, in the order of the references. */
  | { addresses: string[] }
  /** Fit for a user. */
  | { problem: string };

export interface HolderProcess {
  /** The addresses that the brand keeps for the customers. Throws `IssuanceError`. */
  addresses(references: readonly string[]): Promise<string[]>;
  close(): Promise<void>;
}

/** Starts the process at once; what is wrong with the keystore shows with the first question. */
export function startHolderProcess(keystore: KeystoreAccess): HolderProcess {
  const child = startChild(join(import.meta.dirname, "holder-process-child.ts"));
  const opened = ask({ keystore });
  // Whoever asks for addresses is told.
  opened.catch(() => {});

  async function ask(question: HolderQuestion): Promise<string[]> {
    const answer = (await child.ask(question)) as HolderAnswer;
    if ("problem" in answer) throw new IssuanceError(answer.problem);
    return answer.addresses;
  }

  return {
    async addresses(references) {
      await opened;
      return await ask({ references });
    },
    close: child.close,
  };
}
