// Signs with a key that this process holds.
// Must hold: the key is in a closure and in no property, so whoever prints the signer does not print it.

import { type BaseWallet, Wallet } from "ethers";
import type { CardSigner } from "./signers.ts";

/** @param key The key, or its wallet. `source` says for a log where it is from. */
export function createLocalSigner(key: string | BaseWallet, source: string): CardSigner {
  const wallet = typeof key === "string" ? new Wallet(key) : key;
  return {
    address: wallet.address,
    source,
    async signTransaction({ chainId, nonce, to, data, gasLimit }) {
      return await wallet.signTransaction({ type: 0, chainId, nonce, to, data, gasLimit, gasPrice: 0, value: 0 });
    },
  };
}
