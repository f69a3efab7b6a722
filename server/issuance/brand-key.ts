// Which keystore issues for a brand, and how it is opened.

import { BRAND_ROLE, BRAND_STATUS } from "../chain/abi.ts";
import type { CollectionOnChain, IssuanceChain } from "./chain.ts";
import { brandNotActive, roleMissing } from "./contract-errors.ts";
import { DEMO_PASSPHRASE, findKeystores, type KeystoreEnvelope, readEnvelope } from "./keystore.ts";
import { IssuanceError } from "./problems.ts";

/**
 * Finds the keystore whose issuer key may issue the collection's cards: the one that was named, or the one of the data
 * folder. Throws {@link IssuanceError}, also where the choice is not clear: which keystore it is decides which addresses
 * the customers get.
 */
export async function findIssuerKeystore(options: {
  chain: Pick<IssuanceChain, "hasRole">;
  collection: CollectionOnChain;
  dataFolder: string;
  keystoreFile: string | undefined;
}): Promise<KeystoreEnvelope & { file: string }> {
  const { chain, collection, dataFolder, keystoreFile } = options;
  const { brandId, brandName, brandStatus } = collection;
  if (brandStatus !== "Active") throw new IssuanceError(brandNotActive(brandId, BRAND_STATUS.indexOf(brandStatus)));
  if (keystoreFile !== undefined) {
    const keystore = { ...readEnvelope(keystoreFile), file: keystoreFile };
    if (await chain.hasRole(brandId, BRAND_ROLE.Issuer, keystore.addresses.issuer)) return keystore;
    throw new IssuanceError(roleMissing(brandId, BRAND_ROLE.Issuer, keystore.addresses.issuer));
  }
  const suitable: (KeystoreEnvelope & { file: string })[] = [];
  for (const keystore of findKeystores(dataFolder)) {
    if (await chain.hasRole(brandId, BRAND_ROLE.Issuer, keystore.addresses.issuer)) suitable.push(keystore);
  }
  const [only, ...others] = suitable;
  if (only === undefined) {
    throw new IssuanceError(
      `None of the keystores in ${dataFolder}/keys has the Issuer role of brand ${brandId} (${brandName}). Set KEYSTORE_FILE, or have the brand's administrator grant the role.`,
    );
  }
  if (others.length > 0) {
    throw new IssuanceError(
      `Several keystores have the Issuer role of brand ${brandId} (${brandName}): ${suitable.map(({ file }) => file).join(", ")}. Say with KEYSTORE_FILE which one issues; it decides which addresses customers get.`,
    );
  }
  return only;
}

/**
 * The passphrase of a keystore: the one that was set, for demo keys the one that everybody knows, or what the user enters.
 * Throws {@link IssuanceError} where nobody can be asked.
 */
export async function passphraseFor(
  keystore: KeystoreEnvelope & { file: string },
  options: { passphrase: string | undefined; ask: ((question: string) => Promise<string>) | undefined },
): Promise<string> {
  if (options.passphrase !== undefined) return options.passphrase;
  if (keystore.demo) return DEMO_PASSPHRASE;
  if (options.ask !== undefined) return await options.ask(`Passphrase of ${keystore.file}: `);
  throw new IssuanceError(`The keystore ${keystore.file} needs its passphrase. Set KEYSTORE_PASSPHRASE.`);
}
