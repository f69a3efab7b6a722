// Signs with keys that another program holds, over JSON-RPC as Web3signer speaks it: `eth_accounts` lists them,
// `eth_signTransaction` answers with the raw transaction (https://docs.web3signer.consensys.io/reference/api/json-rpc).
//
// Must hold: what it answers is what was asked for, signed by whom it was asked of; anything else never gets to the chain.

import { getAddress, isAddress, Transaction, toQuantity } from "ethers";
import { createRpc, RpcError } from "../chain/rpc.ts";
import { IssuanceError } from "./problems.ts";
import type { CardSigner, TransactionToSign } from "./signers.ts";

const TIMEOUT_MS = 10_000;
/** A transaction is as large as a block lets it be, twice that in hexadecimal. */
const LARGEST_ANSWER_BYTES = 16 * 1024 * 1024;

export interface RemoteSigner {
  /** The accounts that it signs for. Throws {@link IssuanceError}. */
  accounts(): Promise<CardSigner[]>;
}

export function connectRemoteSigner({
  url,
  timeoutMs = TIMEOUT_MS,
}: {
  url: string;
  timeoutMs?: number;
}): RemoteSigner {
  const rpc = createRpc({ url, timeoutMs, maxAnswerBytes: LARGEST_ANSWER_BYTES, peer: "The remote signer" });
  const { endpoint } = rpc;

  async function ask(method: string, params: readonly unknown[], what: string): Promise<unknown> {
    try {
      return await rpc.call(method, params);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      throw new IssuanceError(
        error.kind === "rejected"
          ? `The remote signer at ${endpoint} refused to ${what}: ${error.message.slice(0, 200)}. Does it hold the key, and is it set to this chain's id?`
          : `${error.message}. Is it running, and is REMOTE_SIGNER_URL right?`,
        { retryable: error.retryable, cause: error },
      );
    }
  }

  async function sign(address: string, wanted: TransactionToSign): Promise<string> {
    const { chainId, nonce, to, data, gasLimit } = wanted;
    const request = {
      from: address,
      to,
      gas: toQuantity(gasLimit),
      gasPrice: "0x0",
      value: "0x0",
      nonce: toQuantity(nonce),
      data,
      // Web3signer signs for the chain that it was started for, and does not read this; others do.
      chainId: toQuantity(chainId),
    };
    const raw = await ask("eth_signTransaction", [request], `sign for ${address}`);
    const differences = differencesOf(address, wanted, raw);
    if (differences.length === 0) return raw as string;
    throw new IssuanceError(
      `The remote signer at ${endpoint} was asked to sign for ${address} and answered with something else: ${differences.join("; ")}. It was not sent. Check the signer's configuration.`,
    );
  }

  return {
    async accounts() {
      const answer = await ask("eth_accounts", [], "list its accounts");
      if (!Array.isArray(answer) || !answer.every((account) => typeof account === "string" && isAddress(account))) {
        throw new IssuanceError(
          `The remote signer at ${endpoint} did not answer eth_accounts with a list of addresses. Is REMOTE_SIGNER_URL right?`,
        );
      }
      return answer.map((account: string) => {
        const address = getAddress(account);
        return {
          address,
          source: `remote signer ${endpoint}`,
          signTransaction: (transaction) => sign(address, transaction),
        };
      });
    },
  };
}

/** In what an answer is not the signed transaction that was wanted. */
function differencesOf(address: string, wanted: TransactionToSign, raw: unknown): string[] {
  let signed: Transaction;
  let sender: string | null;
  try {
    signed = Transaction.from(String(raw));
    sender = signed.from;
  } catch {
    return ["it is no transaction"];
  }
  const compared: [name: string, is: unknown, should: unknown][] = [
    ["type", signed.type, 0],
    ["chain id", signed.chainId, BigInt(wanted.chainId)],
    ["nonce", signed.nonce, wanted.nonce],
    ["recipient", signed.to, getAddress(wanted.to)],
    ["gas limit", signed.gasLimit, BigInt(wanted.gasLimit)],
    ["gas price", signed.gasPrice, 0n],
    ["value", signed.value, 0n],
    ["data", signed.data, wanted.data.toLowerCase()],
    // Follows from the signature, and from every field above.
    ["sender", sender, address],
  ];
  return compared
    .filter(([, is, should]) => is !== should)
    .map(([name, is, should]) =>
      name === "data" ? "the data are others" : `the ${name} is ${String(is)} and not ${String(should)}`,
    );
}
