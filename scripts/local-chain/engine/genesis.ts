// How every local chain begins: as the consortium's chain does. Cancun, its own chain id, nothing to pay, blocks as large as needed.

import { hash as digest, getHashes, randomBytes } from "node:crypto";
import { type Block, createBlock } from "@ethereumjs/block";
import { type Common, createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createZeroAddress } from "@ethereumjs/util";
import { keccak256 as keccak256Text } from "ethers/crypto";

/** The chain id of every local chain. */
export const LOCAL_CHAIN_ID = 5_192_721;
export const BLOCK_GAS_LIMIT = 1_000_000_000n;
/** What each development account has in the first block, in wei: for contracts that are paid something. */
export const GENESIS_BALANCE = 10_000n * 10n ** 18n;
export const ACCOUNTS = 10;
/** The phrase of the accounts that Hardhat and anvil unlock too: everybody knows it. */
const PHRASE = "test test test test test test test test test test test junk";

/** Node brings a native Keccak from OpenSSL 3.2 on; without, the library's own, which is slower, does the same. */
const KECCAK = "keccak-256";
const hasNativeKeccak = getHashes().includes(KECCAK);
export const keccak256: (message: Uint8Array) => Uint8Array = hasNativeKeccak
  ? (message) => digest(KECCAK, message, "buffer")
  : (message) => Buffer.from(keccak256Text(message).slice(2), "hex");

export function createCommon(): Common {
  return createCustomCommon({ chainId: LOCAL_CHAIN_ID, name: "mintmark-local" }, Mainnet, {
    hardfork: Hardfork.Cancun,
    ...(hasNativeKeccak ? { customCrypto: { keccak256 } } : {}),
  });
}

/** The keys of the unlocked accounts, by address, lower-case. */
export async function developmentKeys(): Promise<Map<string, Uint8Array>> {
  // Needed rarely, and large.
  const { HDNodeWallet } = await import("ethers/wallet");
  const root = HDNodeWallet.fromPhrase(PHRASE, undefined, "m/44'/60'/0'/0");
  return new Map(
    Array.from({ length: ACCOUNTS }, (_, index) => {
      const { address, privateKey } = root.deriveChild(index);
      return [address.toLowerCase(), Buffer.from(privateKey.slice(2), "hex")];
    }),
  );
}

/** What a header says that follows from the chain's kind and not from the block. */
export const HEADER_DEFAULTS = {
  gasLimit: BLOCK_GAS_LIMIT,
  baseFeePerGas: 0n,
  coinbase: createZeroAddress(),
  excessBlobGas: 0n,
} as const;

/** No two chains begin alike, also when they are made within one second. */
export function createGenesisBlock(common: Common, stateRoot: Uint8Array, timestamp: number): Block {
  const header = { ...HEADER_DEFAULTS, number: 0n, timestamp, stateRoot, mixHash: randomBytes(32) };
  return createBlock({ header, withdrawals: [] }, { common, skipConsensusFormatValidation: true });
}
