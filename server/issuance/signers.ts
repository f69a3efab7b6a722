// Who can sign what is sent to the chain: the issuer keys of the keystores, keys from the environment, and the accounts of a
// remote signer. Which brand a signer may act for, and as what, only the chain knows: see `hasRole` of `IssuanceChain`.
//
// Must hold: no private key can be read off anything that is returned here, be it printed, logged or made JSON.

import { resolve } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import {
  type BrandKeys,
  DEMO_PASSPHRASE,
  KeystoreError,
  keystoreFiles,
  openKeystore,
  readEnvelope,
} from "./keystore.ts";
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
  /** One for each address. */
  readonly signers: readonly CardSigner[];
  /** The keys of each keystore that could be opened: what customers' addresses and physical cards' salts follow from. */
  readonly keys: readonly BrandKeys[];
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
}

/**
 * Opens all that are configured. A keystore that does not open and a remote signer that does not answer are warnings: the
 * others can still sign.
 */
export async function openSigners({ config, logger, remoteTimeoutMs }: SignerOptions): Promise<Signers> {
  const signers: CardSigner[] = [];
  const keys: BrandKeys[] = [];

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

  for (const file of filesOf(config)) {
    try {
      const opened = await openKeystore(file, passphraseOf(file, config.keystorePassphrase));
      keys.push(opened);
      add(createLocalSigner(opened.issuer, `keystore ${file}`));
    } catch (error) {
      if (!(error instanceof KeystoreError)) throw error;
      logger.warn({ file, reason: error.message }, "a keystore does not open: nothing is signed with its key");
    }
  }
  for (const privateKey of config.issuerPrivateKeys) add(createLocalSigner(privateKey, "ISSUER_PRIVATE_KEYS"));

  const remote =
    config.remoteSignerUrl === undefined
      ? undefined
      : connectRemoteSigner({
          url: config.remoteSignerUrl,
          ...(remoteTimeoutMs === undefined ? {} : { timeoutMs: remoteTimeoutMs }),
        });
  async function refresh(): Promise<CardSigner[]> {
    const known = new Set(signers.map(({ address }) => address));
    const named = (await remote?.accounts()) ?? [];
    return named.filter(({ address }) => !known.has(address)).filter(add);
  }
  try {
    await refresh();
  } catch (error) {
    if (!(error instanceof IssuanceError)) throw error;
    logger.warn(
      { reason: error.message },
      "the remote signer does not answer: nothing is signed with its keys for now",
    );
  }
  return { signers, keys, refresh };
}

function filesOf({ dataFolder, keystoreFile }: SignerOptions["config"]): string[] {
  const named = keystoreFile === undefined ? [] : [resolve(keystoreFile)];
  return [...new Set([...keystoreFiles(dataFolder), ...named])];
}

/** Throws {@link KeystoreError}. */
function passphraseOf(file: string, passphrase: string | undefined): string {
  if (readEnvelope(file).demo) return DEMO_PASSPHRASE;
  if (passphrase !== undefined) return passphrase;
  throw new KeystoreError(`The keystore ${file} needs its passphrase. Set KEYSTORE_PASSPHRASE.`);
}
