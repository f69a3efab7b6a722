// Who can sign what is sent to the chain: the issuer keys of the keystores, keys from the environment, and the accounts of a
// remote signer. Which brand a signer may act for, and as what, only the chain knows: see `hasRole` of `IssuanceChain`.
//
// Must hold: no private key can be read off anything that is returned here, be it printed, logged or made JSON.

import type { Logger } from "pino";
import { steadyClock } from "../clocks.ts";
import type { Config } from "../config.ts";
import type { BrandKeys } from "./keystore.ts";
import { createKeystores, type KeystoreProblem } from "./keystores.ts";
import { createLocalSigner } from "./local-signer.ts";
import { IssuanceError } from "./problems.ts";
import { connectRemoteSigner } from "./remote-signer.ts";

/** A transaction to sign. It is of type 0, pays nothing for gas, and carries no value. */
export interface TransactionToSign {
  chainId: number;
  nonce: number;
  to: string;
  /** With 0x. */
  data: string;
  gasLimit: number;
}

export interface CardSigner {
  /** Checksummed. */
  readonly address: string;
  /** Where the key is, for a log. */
  readonly source: string;
  /** The signed transaction, raw, with 0x. Throws {@link IssuanceError}, retryable where the signer is out of reach. */
  signTransaction(transaction: TransactionToSign): Promise<string>;
}

export interface Signers {
  /** One for each address; grows. */
  readonly signers: readonly CardSigner[];
  /** The keys of each keystore that is open: what customers' addresses and physical cards' salts follow from. Grows. */
  readonly keys: readonly BrandKeys[];
  /** The keystores that are not open, or would not be after a restart. */
  keystoreProblems(): KeystoreProblem[];
  /** Why the remote signer does not say which accounts it has; nothing while it does, and where there is none. */
  remoteProblem(): { message: string; since: number } | undefined;
  /** Whether there is a remote signer. */
  readonly hasRemote: boolean;
  /** Opens all for the first time. What does not open is a warning. */
  open(): Promise<void>;
  /** Tries again what is not open, and asks the remote signer how it is. Never rejects. */
  look(): Promise<void>;
  /**
   * Asks the remote signer for accounts that it did not name before, and returns those. Throws {@link IssuanceError},
   * retryable where it is out of reach.
   */
  refresh(): Promise<CardSigner[]>;
}

export interface SignerOptions {
  config: Pick<Config, "dataFolder" | "keystoreFile" | "keystorePassphrase" | "issuerPrivateKeys" | "remoteSignerUrl">;
  logger: Pick<Logger, "info" | "warn">;
  /** How long the remote signer may take for an answer. */
  remoteTimeoutMs?: number;
  /** The wall clock, in milliseconds. */
  now?(): number;
  /** The steady clock. */
  steady?(): number;
}

/** How often the remote signer is asked how it is. */
const REMOTE_LOOK_MS = 5_000;
/** What takes longer is no lost connection. */
const QUICK_MS = 1_000;

/**
 * Opens all that are configured. A keystore that does not open and a remote signer that does not answer are warnings: the
 * others can still sign, and these are tried again with each look.
 */
export async function openSigners(options: SignerOptions): Promise<Signers> {
  const signers = createSigners(options);
  await signers.open();
  return signers;
}

/** All that are configured, none of them open yet. */
export function createSigners(options: SignerOptions): Signers {
  const { config, logger, remoteTimeoutMs, now = Date.now, steady = steadyClock } = options;
  const signers: CardSigner[] = [];

  /** Whether it is the first one for its address: with two, each would give out the address's nonces. */
  function add(signer: CardSigner): boolean {
    const { address, source } = signer;
    const other = signers.find((known) => known.address === address);
    if (other !== undefined) {
      logger.info({ address, source, insteadOf: other.source }, "this signer's key is known from elsewhere");
      return false;
    }
    signers.push(signer);
    logger.info({ address, source }, "signer opened");
    return true;
  }

  const keystores = createKeystores({
    config,
    logger,
    onOpened: (opened, file) => void add(createLocalSigner(opened.issuer, `keystore ${file}`)),
    now,
    steady,
  });
  const remote =
    config.remoteSignerUrl === undefined
      ? undefined
      : connectRemoteSigner({
          url: config.remoteSignerUrl,
          ...(remoteTimeoutMs === undefined ? {} : { timeoutMs: remoteTimeoutMs }),
        });
  let remoteProblem: { message: string; since: number } | undefined;

  /** Once more at once where it failed at once: a connection that was kept may have been closed just then. */
  async function remoteAccounts(): Promise<CardSigner[]> {
    const askedAt = performance.now();
    try {
      return (await remote?.accounts()) ?? [];
    } catch (error) {
      if (!(error instanceof IssuanceError && error.retryable) || performance.now() - askedAt > QUICK_MS) throw error;
      return (await remote?.accounts()) ?? [];
    }
  }

  async function refresh(): Promise<CardSigner[]> {
    try {
      const named = await remoteAccounts();
      remoteProblem = undefined;
      const known = new Set(signers.map(({ address }) => address));
      return named.filter(({ address }) => !known.has(address)).filter(add);
    } catch (error) {
      if (!(error instanceof IssuanceError)) throw error;
      if (remoteProblem === undefined) {
        const reason = error.message;
        logger.warn(
          { reason },
          "the remote signer does not answer as it should: nothing is signed with its keys for now",
        );
      }
      remoteProblem = { message: error.message, since: remoteProblem?.since ?? now() };
      throw error;
    }
  }
  async function askRemote(): Promise<void> {
    try {
      await refresh();
    } catch (error) {
      // The other ones were written down.
      if (!(error instanceof IssuanceError))
        logger.warn({ err: error }, "the remote signer could not be asked; trying again");
    }
  }
  let asking: Promise<void> | undefined;
  let askedAt = 0;
  return {
    signers,
    keys: keystores.keys,
    keystoreProblems: keystores.problems,
    remoteProblem: () => remoteProblem,
    hasRemote: remote !== undefined,
    refresh,
    async open() {
      await keystores.look();
      for (const privateKey of config.issuerPrivateKeys) add(createLocalSigner(privateKey, "ISSUER_PRIVATE_KEYS"));
      await askRemote();
      askedAt = steady();
    },
    async look() {
      // One that hangs must not keep a keystore from being opened.
      if (asking === undefined && steady() - askedAt >= REMOTE_LOOK_MS) {
        askedAt = steady();
        asking = askRemote().finally(() => {
          asking = undefined;
        });
      }
      await keystores.look();
    },
  };
}
