// Which keystore the addresses of a brand's customers follow from: the one whose issuer key has the brand's Issuer role.

import { resolve } from "node:path";
import { BRAND_ROLE } from "../chain/abi.ts";
import type { Config } from "../config.ts";
import type { IssuanceChain } from "../issuance/chain.ts";
import {
  DEMO_PASSPHRASE,
  type KeystoreEnvelope,
  KeystoreError,
  keystoreFiles,
  readEnvelope,
} from "../issuance/keystore.ts";
import { IssuanceError, KeystoreClosedError } from "../issuance/problems.ts";
import { faultSentence } from "../issuance/signing-state.ts";
import type { KeystoreAccess } from "./holder-process.ts";

/** Throws `IssuanceError`, retryable while the chain cannot be asked, or a keystore that may be the brand's cannot be read. */
export async function findKeystoreAccess(
  brandId: number,
  options: {
    chain: Pick<IssuanceChain, "hasRole">;
    config: Pick<Config, "dataFolder" | "keystoreFile" | "keystorePassphrase">;
  },
): Promise<KeystoreAccess> {
  const { chain, config } = options;
  const named = config.keystoreFile === undefined ? [] : [resolve(config.keystoreFile)];
  /** Of those that cannot be read nobody knows whose they are. */
  let unread: KeystoreClosedError | undefined;
  for (const file of new Set([...named, ...attempt(() => keystoreFiles(config.dataFolder), [])])) {
    const envelope = attempt<KeystoreEnvelope | undefined>(() => readEnvelope(file), undefined);
    if (envelope === undefined) continue;
    const { addresses, demo } = envelope;
    if (!(await chain.hasRole(brandId, BRAND_ROLE.Issuer, addresses.issuer))) continue;
    const passphrase = demo ? DEMO_PASSPHRASE : config.keystorePassphrase;
    if (passphrase !== undefined) return { file, passphrase };
    throw new IssuanceError(
      "The server needs the passphrase of the brand's keystore to derive the addresses of customers. Have its operator set KEYSTORE_PASSPHRASE; then choose the columns again.",
    );
  }
  if (unread !== undefined) throw unread;
  throw new IssuanceError(
    "The server has no keystore of this brand, from which the addresses of customers are derived. Have its operator put it into the data folder, or give holder addresses instead of customer references.",
  );

  function attempt<Result>(read: () => Result, otherwise: Result): Result {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof KeystoreError) || error.fault === "exists") throw error;
      unread = new KeystoreClosedError(faultSentence(error.fault));
      return otherwise;
    }
  }
}
