// Derives the addresses of customers in a process of its own: it takes a third of a millisecond of computing for each, and requests
// must not wait for that of 100,000. The keystore is opened there too.

import { join } from "node:path";
import { countDeath } from "../child-processes.ts";
import type { KeystoreError } from "../issuance/keystore.ts";
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
  /** Fit for a user. Where it was the process that opens keystores, the keystore is not at fault. */
  | { problem: string; fault: KeystoreError["fault"] };

export interface HolderProcess {
  /** The addresses that the brand keeps for the customers. Throws `IssuanceError`, and `ChildEndedError`; trying again may help. */
  addresses(references: readonly string[]): Promise<string[]>;
  close(): Promise<void>;
}

/** What is wrong with a keystore and may be mended while the server runs. */
const MENDED_BY_ITSELF: ReadonlySet<KeystoreError["fault"]> = new Set(["process", "missing", "unreadable", "damaged"]);

/** Starts the process at once; what is wrong with the keystore shows with the first question. */
export function startHolderProcess(keystore: KeystoreAccess): HolderProcess {
  const child = startChild("holders", join(import.meta.dirname, "holder-process-child.ts"));
  const opened = ask({ keystore });
  // Whoever asks for addresses is told.
  opened.catch(() => {});

  async function ask(question: HolderQuestion): Promise<string[]> {
    const answer = (await child.ask(question)) as HolderAnswer;
    if ("problem" in answer) {
      const { problem, fault } = answer;
      // It was a child of our child.
      if (fault === "process") countDeath("keys");
      throw new IssuanceError(problem, { retryable: MENDED_BY_ITSELF.has(fault) });
    }
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
