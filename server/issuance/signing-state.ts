// Whether everything that this server is to sign with can sign: for /ready and for Prometheus. Anybody may ask for it, so it says no
// names of folders and no addresses of other programs; the log does.

import { basename } from "node:path";
import { Gauge, type Registry } from "prom-client";
import { KEYSTORE_FAULTS } from "./keystore.ts";
import type { KeystoreProblem } from "./keystores.ts";
import type { SilentKey } from "./sending/sender.ts";
import type { Signers } from "./signers.ts";

export const SIGNING_FAULTS = ["opening", ...KEYSTORE_FAULTS, "remote-signer-away", "does-not-sign"] as const;

/** One thing that this server should sign with and cannot, or could not after a restart. */
export interface SigningProblem {
  /** Which keystore, or which key. */
  signer: string;
  /** A name for what is wrong. */
  fault: (typeof SIGNING_FAULTS)[number];
  /** In milliseconds. */
  since: number;
  /** What is wrong, and what to do. */
  detail: string;
}

const SENTENCES: Record<KeystoreProblem["fault"], string> = {
  opening: "It is being opened.",
  process: "The process that opens it fails, and is started again. Is memory short?",
  missing: "Its file is missing. Bring it back.",
  unreadable: "Its file cannot be read. Let the user that runs the server read it; the log says what keeps it from it.",
  damaged: "Its file is damaged or empty. Restore it from a backup.",
  "wrong-passphrase":
    "The passphrase does not open it. Correct KEYSTORE_PASSPHRASE and restart, or bring the right file.",
  "no-passphrase": "Nothing says what opens it. Set KEYSTORE_PASSPHRASE and restart.",
};

/** What is wrong with a keystore and what to do, without names of files. */
export function faultSentence(fault: KeystoreProblem["fault"]): string {
  return SENTENCES[fault];
}

/** What is told of the parts that sign. */
export interface SigningParts {
  signers: Pick<Signers, "keystoreProblems" | "remoteProblem" | "hasRemote">;
  silent: readonly SilentKey[];
}

export function signingProblems({ signers, silent }: SigningParts): SigningProblem[] {
  const keystores = signers.keystoreProblems().map(({ file, fault, since, stillOpen }) => ({
    signer: `keystore ${basename(file)}`,
    fault,
    since,
    detail: stillOpen
      ? `${faultSentence(fault)} Its keys are open in this server, and would not be after a restart.`
      : faultSentence(fault),
  }));
  const remote = signers.remoteProblem();
  const away: SigningProblem[] =
    remote === undefined
      ? []
      : [
          {
            signer: "remote signer",
            fault: "remote-signer-away",
            since: remote.since,
            detail: "It does not answer as it should. Is it running, and is REMOTE_SIGNER_URL right?",
          },
        ];
  const mute = silent.map(({ address, since }) => ({
    signer: `key ${address}`,
    fault: "does-not-sign" as const,
    since,
    detail: "It did not sign when it was last asked to; what waits for it is tried again. The log says why.",
  }));
  return [...keystores, ...away, ...mute];
}

/** Registers the metrics of what signs. Once for each registry. */
export function measureSigning(registry: Registry, parts: () => SigningParts): void {
  const registers = [registry];
  const faults = ["opening", ...KEYSTORE_FAULTS] as const;
  new Gauge({
    name: "mintmark_keystores_closed",
    help: "Keystores that are not open, or would not be after a restart, by reason.",
    labelNames: ["reason"],
    registers,
    collect() {
      const problems = parts().signers.keystoreProblems();
      for (const reason of faults) this.set({ reason }, problems.filter(({ fault }) => fault === reason).length);
    },
  });
  new Gauge({
    name: "mintmark_remote_signer_away",
    help: "1 if the remote signer does not answer as it should, 0 if it does; absent where there is none.",
    registers,
    collect() {
      const { signers } = parts();
      if (!signers.hasRemote) this.remove();
      else this.set(signers.remoteProblem() === undefined ? 0 : 1);
    },
  });
  new Gauge({
    name: "mintmark_signers_silent",
    help: "Keys that did not sign when they were last asked to.",
    registers,
    collect() {
      this.set(parts().silent.length);
    },
  });
}
