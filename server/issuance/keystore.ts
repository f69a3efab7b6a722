// A brand's keys: one encrypted file per brand, from which everything secret follows. The administrator and issuer keys,
// the addresses of customers without a wallet, and the salts of the physical cards are all derived from its one seed, so a
// backup of the file and its passphrase is a backup of everything. Nothing here ever writes a key or passphrase anywhere else.

import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decryptKeystoreJson, encryptKeystoreJson, getAddress, getBytes, HDNodeWallet, Mnemonic } from "ethers";
import { z } from "zod";
import { ChildEndedError } from "../child-processes.ts";
import { createFile } from "../system/durable-files.ts";
import { createHolderDerivation, purposeKey } from "./holder-derivation.ts";
import { moveScryptOut } from "./scrypt.ts";

moveScryptOut();

/** The passphrase of every demo keystore. It stands in public source code: such keys protect nothing. */
export const DEMO_PASSPHRASE = "mintmark-demo-keys-protect-nothing";
/** How much work it is to try one passphrase: half a second and 134 MB. */
const SCRYPT_COST = 2 ** 17;
/** The same for a passphrase that nobody has to try. */
const DEMO_SCRYPT_COST = 2 ** 14;

/** Of a card's tag. */
export const TAG_DIGITS = 16;

const ADMIN_PATH = "m/44'/60'/0'/0/0";
const ISSUER_PATH = "m/44'/60'/0'/0/1";

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const envelopeSchema = z.object({
  version: z.literal(1),
  label: z.string().min(1),
  demo: z.boolean(),
  addresses: z.object({ admin: address, issuer: address }),
  keystore: z.looseObject({}),
});

/** The file's readable part; `keystore` is Web3 Secret Storage version 3 with the encrypted mnemonic in `x-ethers`. */
export type KeystoreEnvelope = z.infer<typeof envelopeSchema>;

/** The keys of one brand. */
export interface BrandKeys {
  /** The brand's name for the file. */
  label: string;
  /** Whether these are demo keys, whose passphrase everybody knows. */
  demo: boolean;
  /** Holds the brand's Admin role. */
  admin: HDNodeWallet;
  /** Holds the brand's Issuer role and signs what is issued. */
  issuer: HDNodeWallet;
  /**
   * The address that the brand keeps for a customer, checksummed. The same reference gives the same address, in every
   * collection of the brand. References are compared in Unicode NFKC and without white space around them; upper and
   * lower case differ. Throws `InvalidReference`.
   */
  holderAddress(reference: string): string;
  /** The key behind {@link holderAddress}, for what the brand signs on the customer's behalf. */
  holderWallet(reference: string): HDNodeWallet;
  /** The salt that hides the number of a physical card: 32 bytes, always the same for one card. */
  commitmentSalt(collection: string, serial: number): Uint8Array;
  /**
   * The tag of what a card stands for: {@link TAG_DIGITS} hexadecimal digits, always the same for the same. Nobody without the keystore can
   * tell what it was made of.
   */
  cardTag(collection: string, standsFor: string): string;
}

/** Why a keystore is not open. */
export const KEYSTORE_FAULTS = [
  /** There is no such file. */
  "missing",
  /** The system does not let it be read. */
  "unreadable",
  /** It is empty, cut off, changed, or no keystore. */
  "damaged",
  "wrong-passphrase",
  /** Nobody has said what opens it. */
  "no-passphrase",
  /** The process that opens keystores has failed. The file is not at fault, and the same attempt may succeed later. */
  "process",
] as const;
export type KeystoreFault = (typeof KEYSTORE_FAULTS)[number];

/** A keystore cannot be created, found or opened. The message is fit for a user. */
export class KeystoreError extends Error {
  override name = "KeystoreError";
  /** `exists` where one was to be created. */
  readonly fault: KeystoreFault | "exists";

  constructor(fault: KeystoreFault | "exists", message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.fault = fault;
  }
}

/**
 * Makes the keys of a new brand and writes them encrypted, with mode 0600. A reader sees the whole file or none, and an
 * existing file is never overwritten: its keys would be lost. Throws {@link KeystoreError}.
 */
export async function createKeystore(options: {
  file: string;
  label: string;
  passphrase: string;
  demo: boolean;
}): Promise<BrandKeys> {
  const { file, label, passphrase, demo } = options;
  if (existsSync(file)) throw alreadyThere(file);
  const mnemonic = Mnemonic.fromEntropy(randomBytes(16));
  const keys = brandKeys({ mnemonic, label, demo });
  const keystore = await encryptKeystoreJson(
    {
      address: keys.admin.address,
      privateKey: keys.admin.privateKey,
      mnemonic: { path: ADMIN_PATH, locale: "en", entropy: mnemonic.entropy },
    },
    passphrase,
    { scrypt: { N: demo ? DEMO_SCRYPT_COST : SCRYPT_COST } },
  ).catch((error: unknown) => {
    throw error instanceof ChildEndedError ? processFailed(`The keystore ${file} was not created`, error) : error;
  });
  const envelope: KeystoreEnvelope = {
    version: 1,
    label,
    demo,
    addresses: { admin: keys.admin.address, issuer: keys.issuer.address },
    keystore: JSON.parse(keystore),
  };
  if (!createFile(file, `${JSON.stringify(envelope, null, 2)}\n`)) throw alreadyThere(file);
  return keys;
}

/** Opens a brand's keys. Throws {@link KeystoreError}. */
export async function openKeystore(file: string, passphrase: string): Promise<BrandKeys> {
  const { label, demo, addresses, keystore } = readEnvelope(file);
  let account: Awaited<ReturnType<typeof decryptKeystoreJson>>;
  try {
    account = await decryptKeystoreJson(JSON.stringify(keystore), passphrase);
  } catch (error) {
    // The cause is left out: nothing that has seen the passphrase may end up in a log.
    if (error instanceof Error && error.message.includes("incorrect password"))
      throw new KeystoreError("wrong-passphrase", `The passphrase does not open the keystore ${file}.`);
    if (error instanceof ChildEndedError) throw processFailed(`The keystore ${file} is not open`, error);
    throw damaged(file);
  }
  if (account.mnemonic?.entropy === undefined) throw damaged(file);
  const keys = brandKeys({ mnemonic: Mnemonic.fromEntropy(account.mnemonic.entropy), label, demo });
  // The addresses are not encrypted, and they decide which keystore is used for which brand.
  if (
    keys.admin.address !== getAddress(addresses.admin.toLowerCase()) ||
    keys.issuer.address !== getAddress(addresses.issuer.toLowerCase())
  )
    throw damaged(file);
  return keys;
}

/** The files of all keystores of the data folder, by file name. Throws {@link KeystoreError} if it cannot be looked through. */
export function keystoreFiles(dataFolder: string): string[] {
  const folder = join(dataFolder, "keys");
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unreadable(`The folder of keystores ${folder}`, cause);
  }
  return (
    names
      // Hidden ones are what file managers leave beside a copied file.
      .filter((name) => name.endsWith(".json") && !name.startsWith("."))
      .sort()
      .map((name) => join(folder, name))
  );
}

/** All keystores of the data folder, by file name, without opening them. Throws {@link KeystoreError} if one is damaged. */
export function findKeystores(dataFolder: string): (KeystoreEnvelope & { file: string })[] {
  return keystoreFiles(dataFolder).map((file) => ({ ...readEnvelope(file), file }));
}

/** Reads the readable part of a keystore. Throws {@link KeystoreError}. */
export function readEnvelope(file: string): KeystoreEnvelope {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new KeystoreError("missing", `There is no keystore ${file}.`, { cause });
    if (code === "EISDIR") throw damaged(file);
    throw unreadable(`The keystore ${file}`, cause);
  }
  try {
    return envelopeSchema.parse(JSON.parse(text));
  } catch {
    throw damaged(file);
  }
}

function brandKeys({ mnemonic, label, demo }: { mnemonic: Mnemonic; label: string; demo: boolean }): BrandKeys {
  const holders = createHolderDerivation(mnemonic);
  const saltKey = purposeKey(getBytes(mnemonic.computeSeed()), "physical card commitment, version 1");
  const tagKey = purposeKey(getBytes(mnemonic.computeSeed()), "batch reference, version 1");
  const admin = HDNodeWallet.fromMnemonic(mnemonic, ADMIN_PATH);
  const issuer = HDNodeWallet.fromMnemonic(mnemonic, ISSUER_PATH);
  const keys = {
    label,
    demo,
    holderAddress: holders.address,
    holderWallet: holders.wallet,
    commitmentSalt(collection: string, serial: number) {
      const input = Buffer.alloc(24);
      input.set(getBytes(collection), 0);
      input.writeUInt32BE(serial, 20);
      return new Uint8Array(createHmac("sha256", saltKey).update(input).digest());
    },
    cardTag(collection: string, standsFor: string) {
      const hash = createHmac("sha256", tagKey).update(getBytes(collection)).update(standsFor).digest("hex");
      return hash.slice(0, TAG_DIGITS);
    },
  };
  // A wallet prints its mnemonic. Whoever prints the keys, or makes them JSON, must not get there.
  return Object.defineProperties(keys, { admin: { get: () => admin }, issuer: { get: () => issuer } }) as BrandKeys;
}

function alreadyThere(file: string): KeystoreError {
  return new KeystoreError(
    "exists",
    `There is a keystore ${file} already. Overwriting it would lose its keys for good.`,
  );
}

function damaged(file: string): KeystoreError {
  return new KeystoreError("damaged", `The keystore ${file} is damaged or not a keystore. Restore it from a backup.`);
}

const UNREADABLE: Record<string, string> = {
  EACCES: "Give the user that runs this program the right to read it",
  EPERM: "Give the user that runs this program the right to read it",
  EMFILE: "Too many files are open: raise the limit (ulimit -n)",
  ENFILE: "Too many files are open on this machine: close some",
  EIO: "The disk fails: restore it from a backup",
};

function unreadable(what: string, cause: unknown): KeystoreError {
  const { code = "unknown error" } = cause as NodeJS.ErrnoException;
  const advice = UNREADABLE[code] ?? "See to it that this program can read it";
  return new KeystoreError("unreadable", `${what} cannot be read (${code}). ${advice}.`, { cause });
}

function processFailed(what: string, cause: ChildEndedError): KeystoreError {
  return new KeystoreError("process", `${what}. ${cause.message} The keystore is not at fault; try again.`, { cause });
}
