// Proof that somebody holds a wallet: a signed message as EIP-4361 ("Sign-In with Ethereum") words it, by a key or, after ERC-1271,
// by a contract. Must hold: a message that was signed for another site, another chain or another time proves nothing here.

import { ParsedMessage, SiweParseError } from "@signinwithethereum/siwe-parser";
import { concat, getAddress, hashMessage, Interface, recoverAddress } from "ethers";
import { type Rpc, RpcError } from "../chain/rpc.ts";

/** How old a message may be, and how far ahead of ours the clock of whoever wrote it. */
const LONGEST_AGE_MS = 600_000;
const CLOCK_SKEW_MS = 60_000;
const EOA_SIGNATURE = /^0x[0-9a-fA-F]{130}$/;
const HEXADECIMAL = /^0x([0-9a-fA-F]{2})*$/;

const erc1271 = new Interface(["function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)"]);
/** What a contract answers that holds a signature to be its own (ERC-1271). */
const MAGIC_VALUE = "0x1626ba7e";

/** What a message says that is made for us. */
export interface WalletStatement {
  /** Lower-case. */
  address: string;
  nonce: string;
}

type SignatureVerdict = "right" | "wrong" | "unknown";

export interface Wallets {
  /** What a message must say, for whoever writes it. */
  expected(): { domain: string; uri: string; version: "1"; chainId: number | null };
  /** What a message says; nothing if it is none, or is not for this site, this chain and this moment. */
  read(message: string): WalletStatement | undefined;
  /** Whether the address has signed the message; `unknown` if the chain would have to say so and cannot. */
  verify(statement: WalletStatement, message: string, signature: string): Promise<SignatureVerdict>;
  /** The same of 32 bytes, as EIP-712 makes them. The address is lower-case. */
  verifyDigest(address: string, digest: string, signature: string): Promise<SignatureVerdict>;
}

export interface WalletsOptions {
  publicUrl: string;
  /** Which chain the mirror follows; nothing before it has reached one. */
  chainId(): number | undefined;
  rpc: Pick<Rpc, "call">;
  now(): number;
}

export function createWallets({ publicUrl, chainId, rpc, now }: WalletsOptions): Wallets {
  const { host, origin } = new URL(publicUrl);

  function isNow(message: ParsedMessage): boolean {
    const time = now();
    const issuedAt = Date.parse(message.issuedAt);
    if (!(issuedAt >= time - LONGEST_AGE_MS && issuedAt <= time + CLOCK_SKEW_MS)) return false;
    // What is not a time is no reason to let somebody in.
    if (message.expirationTime !== undefined && !(Date.parse(message.expirationTime) > time)) return false;
    return message.notBefore === undefined || Date.parse(message.notBefore) <= time;
  }

  return {
    expected: () => ({ domain: host, uri: origin, version: "1", chainId: chainId() ?? null }),
    read(message) {
      const parsed = parse(message);
      if (parsed === undefined || !isNow(parsed)) return undefined;
      if (parsed.domain.toLowerCase() !== host || parsed.version !== "1" || parsed.chainId !== chainId())
        return undefined;
      if (!URL.canParse(parsed.uri) || new URL(parsed.uri).origin !== origin) return undefined;
      return { address: parsed.address.toLowerCase(), nonce: parsed.nonce };
    },
    verify: ({ address }, message, signature) => verifyDigest(address, hashMessage(message), signature),
    verifyDigest,
  };

  async function verifyDigest(address: string, digest: string, signature: string): Promise<SignatureVerdict> {
    if (!HEXADECIMAL.test(signature)) return "wrong";
    if (EOA_SIGNATURE.test(signature) && recover(digest, signature) === address) return "right";
    return await askContract(address, digest, signature);
  }

  async function askContract(address: string, digest: string, signature: string) {
    const data = erc1271.encodeFunctionData("isValidSignature", [digest, signature]);
    try {
      const answer = await rpc.call<string>("eth_call", [{ to: getAddress(address), data }, "latest"]);
      // A plain address answers with nothing.
      return answer.toLowerCase() === concat([MAGIC_VALUE, `0x${"00".repeat(28)}`]) ? "right" : "wrong";
    } catch (error) {
      if (error instanceof RpcError && error.kind === "rejected") return "wrong";
      if (error instanceof RpcError) return "unknown";
      throw error;
    }
  }
}

function parse(message: string): ParsedMessage | undefined {
  try {
    return new ParsedMessage(message);
  } catch (error) {
    if (error instanceof SiweParseError) return undefined;
    // The parser's own parts throw plain errors for some malformed texts.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function recover(digest: string, signature: string): string | undefined {
  try {
    return recoverAddress(digest, signature).toLowerCase();
  } catch {
    // Not the signature of any key.
    return undefined;
  }
}
