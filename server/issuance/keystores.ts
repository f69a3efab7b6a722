// The keystores of this server, open for as long as it runs. What does not open is tried again: when its file has changed, or, where
// the file is not at fault, after a while. Must hold: a keystore that was mended is open within seconds, without a restart; keys that
// are open stay open, whatever becomes of their file.

import { resolve } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import {
  type BrandKeys,
  DEMO_PASSPHRASE,
  type KeystoreEnvelope,
  KeystoreError,
  type KeystoreFault,
  keystoreFiles,
  openKeystore,
  readEnvelope,
} from "./keystore.ts";

/** What is wrong with a keystore. */
export interface KeystoreProblem {
  file: string;
  /** `opening` before it was tried. */
  fault: KeystoreFault | "opening";
  /** For the operator. */
  message: string;
  /** In milliseconds. */
  since: number;
  /** Whose keys they are, checksummed or not; nothing if the file does not say so. */
  issuer: string | undefined;
  /** Whether its keys are open in this process all the same. They would not be after a restart. */
  stillOpen: boolean;
}

export interface Keystores {
  /** Of those that are open; grows. */
  readonly keys: readonly BrandKeys[];
  problems(): KeystoreProblem[];
  /** Opens what can be opened now. One look at a time. Never rejects. */
  look(): Promise<void>;
}

export interface KeystoresOptions {
  config: Pick<Config, "dataFolder" | "keystoreFile" | "keystorePassphrase">;
  logger: Pick<Logger, "info" | "warn">;
  /** Is told of each keystore that was opened. */
  onOpened(keys: BrandKeys, file: string): void;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady(): number;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 5_000;

/** What is known of a file. */
interface Entry {
  /** The issuer's address of the keys that were opened from it. */
  open: string | undefined;
  /** What the file said when it was last tried, and what was wrong with that: unless it has changed, trying again gives the same. */
  tried: { content: string; fault: KeystoreProblem["fault"] | undefined } | undefined;
  problem: Omit<KeystoreProblem, "file" | "stillOpen"> | undefined;
  failures: number;
  retryAt: number;
}

export function createKeystores({ config, logger, onOpened, now, steady }: KeystoresOptions): Keystores {
  const keys: BrandKeys[] = [];
  const entries = new Map<string, Entry>();
  let looking: Promise<void> | undefined;

  function entryOf(file: string): Entry {
    const known = entries.get(file);
    if (known !== undefined) return known;
    const opening = { fault: "opening" as const, message: `The keystore ${file} is being opened.`, issuer: undefined };
    const entry: Entry = {
      open: undefined,
      tried: undefined,
      problem: { ...opening, since: now() },
      failures: 0,
      retryAt: 0,
    };
    entries.set(file, entry);
    return entry;
  }

  /** All files that are to be open. The folder, where it cannot be looked through, counts as one of them. */
  function files(): Set<string> {
    const named = config.keystoreFile === undefined ? [] : [resolve(config.keystoreFile)];
    const folder = resolve(config.dataFolder, "keys");
    try {
      const found = keystoreFiles(config.dataFolder);
      entries.delete(folder);
      return new Set([...found, ...named]);
    } catch (error) {
      if (!(error instanceof KeystoreError)) throw error;
      fail(folder, error, undefined);
      // Those that were found there before are still wanted.
      const before = [...entries.keys()].filter((file) => file !== folder);
      return new Set([...before, ...named]);
    }
  }

  function fail(file: string, error: KeystoreError, issuer: string | undefined): void {
    const entry = entryOf(file);
    const fault = error.fault === "exists" ? "unreadable" : error.fault;
    const before = entry.problem;
    const isNew = before === undefined || before.fault !== fault;
    entry.problem = {
      fault,
      message: error.message,
      since: isNew ? now() : before.since,
      issuer: issuer ?? entry.open ?? before?.issuer,
    };
    if (!isNew) return;
    const consequence =
      entry.open === undefined
        ? "a keystore does not open: nothing is signed with its key; trying again"
        : "the file of a keystore is at fault: its keys are open until the server ends, and not after that";
    logger.warn({ file, fault, reason: error.message }, consequence);
  }

  async function lookAt(file: string): Promise<void> {
    const entry = entryOf(file);
    let envelope: KeystoreEnvelope;
    try {
      envelope = readEnvelope(file);
    } catch (error) {
      if (!(error instanceof KeystoreError)) throw error;
      return fail(file, error, undefined);
    }
    const { issuer } = envelope.addresses;
    const content = JSON.stringify(envelope);
    const { tried, problem } = entry;
    if (tried?.content === content) {
      if (tried.fault === undefined) {
        entry.problem = undefined;
        return;
      }
      if (tried.fault === problem?.fault && (tried.fault !== "process" || entry.retryAt > steady())) return;
    }
    try {
      const opened = await openKeystore(file, passphraseOf(file, envelope, config.keystorePassphrase));
      const state = { tried: { content, fault: undefined }, problem: undefined, failures: 0 };
      Object.assign(entry, { ...state, open: opened.issuer.address });
      if (keys.every(({ issuer }) => issuer.address !== opened.issuer.address)) {
        keys.push(opened);
        onOpened(opened, file);
      }
    } catch (error) {
      if (!(error instanceof KeystoreError)) throw error;
      entry.failures++;
      entry.retryAt = steady() + Math.min(RETRY_FIRST_MS * 2 ** (entry.failures - 1), RETRY_LAST_MS);
      fail(file, error, issuer);
      entry.tried = { content, fault: entry.problem?.fault };
    }
  }

  /** A file that is gone: nothing is missed of one that was not open, and none that is open under another name now. */
  function lookForMissing(file: string, entry: Entry): void {
    const elsewhere = [...entries].some(([name, other]) => name !== file && other.open === entry.open);
    if (entry.open === undefined || elsewhere) entries.delete(file);
    else fail(file, new KeystoreError("missing", `There is no keystore ${file} any more. Bring it back.`), entry.open);
  }

  async function lookOnce(): Promise<void> {
    const wanted = files();
    for (const file of wanted) entryOf(file);
    for (const file of wanted) {
      try {
        await lookAt(file);
      } catch (error) {
        logger.warn({ err: error, file }, "a keystore could not be looked at; trying again");
      }
    }
    const folder = resolve(config.dataFolder, "keys");
    for (const [file, entry] of entries) if (!wanted.has(file) && file !== folder) lookForMissing(file, entry);
  }

  return {
    keys,
    problems: () =>
      [...entries].flatMap(([file, { problem, open }]) =>
        problem === undefined ? [] : [{ ...problem, file, stillOpen: open !== undefined }],
      ),
    look() {
      looking ??= lookOnce()
        .catch((error: unknown) => logger.warn({ err: error }, "keystores could not be looked at; trying again"))
        .finally(() => {
          looking = undefined;
        });
      return looking;
    },
  };
}

/** Throws {@link KeystoreError}. */
function passphraseOf(file: string, { demo }: KeystoreEnvelope, passphrase: string | undefined): string {
  if (demo) return DEMO_PASSPHRASE;
  if (passphrase !== undefined) return passphrase;
  throw new KeystoreError(
    "no-passphrase",
    `The keystore ${file} needs its passphrase. Set KEYSTORE_PASSPHRASE, and restart.`,
  );
}
