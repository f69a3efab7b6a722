// What issuing needs of the chain: a look at a collection and its cards, and sending one signed transaction.

import {
  FetchRequest,
  getAddress,
  type Interface,
  isCallException,
  isError,
  JsonRpcProvider,
  toBeHex,
  ZeroAddress,
} from "ethers";
import {
  BRAND_STATUS,
  type BrandRoleNumber,
  type BrandStatus,
  brandRegistryInterface,
  CARD_STATUS,
  type CardStatus,
  membershipCollectionInterface,
} from "../chain/abi.ts";
import { createRpc, type Rpc, RpcError } from "../chain/rpc.ts";
import { explainChainError, nodeMessage } from "./contract-errors.ts";
import { IssuanceError, quoted } from "./problems.ts";

/** A collection as the chain knows it. */
export interface CollectionOnChain {
  /** Checksummed. */
  address: string;
  name: string;
  maxSupply: number;
  /** See terms.ts. */
  highestTier: number;
  longestTerm: number;
  brandId: number;
  brandName: string;
  brandStatus: BrandStatus;
}

/** A card that was issued. */
export interface CardOnChain {
  serial: number;
  /** Checksummed; the last holder if the card is dead. */
  holder: string;
  tier: number;
  /** In seconds since the Unix epoch; 0 for never. */
  expiresAt: number;
  status: CardStatus;
  /** How often it was reissued. */
  generation: number;
}

/** What became of a transaction that was sent. */
export interface Receipt {
  succeeded: boolean;
  gasUsed: number;
  blockNumber: number;
  blockHash: string;
}

/** How the node took a transaction. */
export type Submission =
  | { kind: "accepted" }
  /** Another one with the same nonce was faster, or is waiting. */
  | { kind: "raced" }
  /** The connection broke: whether the node has it can only be seen from the chain. */
  | { kind: "uncertain" }
  /** The node answered with an error. One that seals at once answers so for a transaction that is in a block and failed. */
  | { kind: "refused"; error: IssuanceError };

export interface IssuanceChain {
  chainId: number;
  /** The registry, checksummed. */
  registry: string;
  /** The newest block's number, time in seconds, gas limit, and base fee in wei. */
  head(): Promise<{ number: number; timestamp: number; gasLimit: number; baseFee: bigint }>;
  /** Finds a collection by its slug or address. Throws {@link IssuanceError} if there is none. */
  collection(slugOrAddress: string): Promise<CollectionOnChain>;
  /** Whether an account has a brand's role, and so may do what needs it while the brand is active. */
  hasRole(brandId: number, role: BrandRoleNumber, account: string): Promise<boolean>;
  /** Those of the serials that were issued, by serial. */
  cards(collection: string, serials: readonly number[]): Promise<Map<number, CardOnChain>>;
  /** The next nonce after those that are in blocks. */
  nonce(account: string): Promise<number>;
  /** The same with what waits to get into a block, as far as this node knows of it. */
  pendingNonce(account: string): Promise<number>;
  /** The gas that a transaction would take. Throws `ContractRefusal` if it would revert. */
  estimateGas(call: { from: string; to: string; data: string }): Promise<number>;
  /** Executes without sending. Throws `ContractRefusal` if it would revert. */
  simulate(call: { from: string; to: string; data: string }): Promise<void>;
  /** Hands a signed transaction to the node. */
  submit(signed: string): Promise<Submission>;
  /** Who has sent a transaction, lower-case, and its call data; nothing if the node does not know it. */
  transaction(hash: string): Promise<{ from: string; data: string } | undefined>;
  /** The receipt of a transaction; nothing while it is in no block. */
  receipt(hash: string): Promise<Receipt | undefined>;
  close(): void;
}

/** Cards per `eth_call`: about 1.5 million gas, far below any node's cap on calls. */
const CARDS_PER_CALL = 500;
const CALLS_AT_ONCE = 4;

type Call = (method: string, params: unknown[]) => Promise<unknown>;

/**
 * Connects to the chain.
 * @param options.registry Says where the registry of a chain is; asked once the chain's id is known.
 * Every member throws {@link IssuanceError} with a message fit for a user.
 */
export async function openIssuanceChain(options: {
  rpcUrl: string;
  registry: (chainId: number) => string | undefined;
  timeoutMs?: number;
}): Promise<IssuanceChain> {
  const { rpcUrl, timeoutMs = 30_000 } = options;
  const rpc = createRpc({ url: rpcUrl, timeoutMs });
  const { endpoint } = rpc;
  const request = new FetchRequest(rpcUrl);
  request.timeout = timeoutMs;
  // The library asks an unreachable node for its chain id for ever, so the first question goes past it.
  const chainId = await askChainId(rpc);
  const provider = new JsonRpcProvider(request, chainId, { staticNetwork: true, cacheTimeout: -1, batchMaxCount: 1 });
  const call: Call = async (method, params) => {
    try {
      return await provider.send(method, params);
    } catch (error) {
      throw explainChainError(error, endpoint);
    }
  };
  /** For large answers, which the library takes long to read. What the node refuses is asked again to be explained. */
  const callLarge: Call = async (method, params) => {
    try {
      return await rpc.call(method, params);
    } catch (error) {
      if (!(error instanceof RpcError && error.retryable)) return await call(method, params);
      throw new IssuanceError(`${error.message}. Is it running, and is RPC_URL right?`, {
        retryable: true,
        cause: error,
      });
    }
  };
  async function view(to: string, contract: Interface, method: string, values: unknown[]): Promise<unknown[]> {
    const data = contract.encodeFunctionData(method, values);
    const result = await call("eth_call", [{ to, data }, "latest"]);
    try {
      return contract.decodeFunctionResult(method, String(result)).toArray();
    } catch (cause) {
      throw notWhatItShouldBe(to, method, chainId, cause);
    }
  }

  const found = options.registry(chainId);
  if (found === undefined) {
    provider.destroy();
    throw new IssuanceError(
      `It is not known where the registry is on the chain with id ${chainId}. Set REGISTRY_ADDRESS, or deploy the registry first.`,
    );
  }
  const registry = getAddress(found);

  return {
    chainId,
    registry,
    async head() {
      const block = (await call("eth_getBlockByNumber", ["latest", false])) as Record<string, string>;
      return {
        number: Number(block["number"]),
        timestamp: Number(block["timestamp"]),
        gasLimit: Number(block["gasLimit"]),
        baseFee: BigInt(block["baseFeePerGas"] ?? 0),
      };
    },
    async collection(slugOrAddress) {
      const isAddress = /^0x[0-9a-f]{40}$/i.test(slugOrAddress);
      const address = isAddress
        ? getAddress(slugOrAddress.toLowerCase())
        : String((await view(registry, brandRegistryInterface, "collectionOf", [slugOrAddress]))[0]);
      const brandId =
        address === ZeroAddress
          ? 0
          : Number((await view(registry, brandRegistryInterface, "brandOfCollection", [address]))[0]);
      if (brandId === 0) {
        throw new IssuanceError(
          `The registry ${registry} has no collection ${quoted(slugOrAddress)}. Create it first, or correct --collection.`,
        );
      }
      const [[name], [terms], [brand]] = await Promise.all([
        view(address, membershipCollectionInterface, "name", []),
        view(address, membershipCollectionInterface, "collectionTerms", []),
        view(registry, brandRegistryInterface, "brandOf", [brandId]),
      ]);
      const { maxSupply, highestTier, longestTerm } = terms as Record<string, bigint>;
      const { status, profile } = brand as { status: bigint; profile: { name: string } };
      return {
        address,
        name: String(name),
        maxSupply: Number(maxSupply),
        highestTier: Number(highestTier),
        longestTerm: Number(longestTerm),
        brandId,
        brandName: profile.name,
        brandStatus: BRAND_STATUS[Number(status)] ?? "None",
      };
    },
    async hasRole(brandId, role, account) {
      const [roleId] = await view(registry, brandRegistryInterface, "roleId", [brandId, role]);
      const [granted] = await view(registry, brandRegistryInterface, "hasRole", [roleId, account]);
      return granted === true;
    },
    async cards(collection, serials) {
      const wanted = new Set(serials);
      const issued = new Map<number, CardOnChain>();
      const ranges = rangesOf(serials);
      async function readNext(): Promise<void> {
        for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
          const [first, count] = range;
          const data = membershipCollectionInterface.encodeFunctionData("cardsOf", [first, count]);
          const result = String(await callLarge("eth_call", [{ to: collection, data }, "latest"]));
          const cards = decodeCards(result, first);
          if (cards?.length !== count) throw notWhatItShouldBe(collection, "cardsOf", chainId);
          for (const card of cards) {
            if (card.status !== "None" && wanted.has(card.serial)) issued.set(card.serial, card);
          }
        }
      }
      await Promise.all(Array.from({ length: CALLS_AT_ONCE }, readNext));
      return issued;
    },
    async nonce(account) {
      // Never `pending`: nodes disagree about what it includes.
      return Number(await call("eth_getTransactionCount", [account, "latest"]));
    },
    async pendingNonce(account) {
      return Number(await call("eth_getTransactionCount", [account, "pending"]));
    },
    async estimateGas({ from, to, data }) {
      return Number(await call("eth_estimateGas", [{ from, to, data, gasPrice: toBeHex(0) }]));
    },
    async simulate({ from, to, data }) {
      await call("eth_call", [{ from, to, data, gasPrice: toBeHex(0) }, "latest"]);
    },
    async submit(signed) {
      try {
        await provider.send("eth_sendRawTransaction", [signed]);
        return { kind: "accepted" };
      } catch (error) {
        const message = nodeMessage(error)?.toLowerCase();
        // The very same transaction waits already: a run before or beside this one has sent it.
        if (message !== undefined && /already known|known transaction|already imported/.test(message))
          return { kind: "accepted" };
        if (isError(error, "NONCE_EXPIRED") || isError(error, "REPLACEMENT_UNDERPRICED")) return { kind: "raced" };
        if (message !== undefined && /nonce|replacement|underpriced/.test(message)) return { kind: "raced" };
        if (message === undefined && !isCallException(error)) return { kind: "uncertain" };
        return { kind: "refused", error: explainChainError(error, endpoint) };
      }
    },
    async transaction(hash) {
      const found = (await callLarge("eth_getTransactionByHash", [hash])) as { from: string; input: string } | null;
      return found === null ? undefined : { from: found.from.toLowerCase(), data: found.input };
    },
    async receipt(hash) {
      // With the logs of its cards it is large, and asked for again and again.
      const receipt = (await callLarge("eth_getTransactionReceipt", [hash])) as Record<string, string> | null;
      if (receipt === null || receipt["blockNumber"] === null) return undefined;
      return {
        succeeded: Number(receipt["status"]) === 1,
        gasUsed: Number(receipt["gasUsed"]),
        blockNumber: Number(receipt["blockNumber"]),
        blockHash: String(receipt["blockHash"]),
      };
    },
    close() {
      provider.destroy();
    },
  };
}

/**
 * Decodes what `cardsOf` returns: the offset and length of the array, then six words for each card. By hand, because the
 * library takes a tenth of a second for 500 cards. Nothing if it is something else.
 */
export function decodeCards(result: string, firstSerial: number): CardOnChain[] | undefined {
  const words = result.slice(2).match(/.{64}/g) ?? [];
  const [offset, length, ...fields] = words;
  if (Number(`0x${offset}`) !== 32 || fields.length !== Number(`0x${length}`) * 6) return undefined;
  return Array.from({ length: fields.length / 6 }, (_, index) => {
    const field = (number: number) => fields[index * 6 + number] ?? "";
    return {
      serial: firstSerial + index,
      holder: getAddress(`0x${field(0).slice(24)}`),
      expiresAt: Number(`0x${field(2)}`),
      tier: Number(`0x${field(3)}`),
      status: CARD_STATUS[Number(`0x${field(4)}`)] ?? "None",
      generation: Number(`0x${field(5)}`),
    };
  });
}

function notWhatItShouldBe(address: string, method: string, chainId: number, cause?: unknown): IssuanceError {
  return new IssuanceError(
    `The contract at ${address} is not what it should be: it does not answer ${method}(). Is the address right, and is this the right chain (chain id ${chainId})?`,
    { cause },
  );
}

async function askChainId(rpc: Rpc): Promise<number> {
  try {
    return Number(await rpc.call<string>("eth_chainId"));
  } catch (error) {
    throw new IssuanceError(
      `${error instanceof Error ? error.message : `The chain's node at ${rpc.endpoint} failed`}. Is it running, and is RPC_URL right?`,
      { retryable: true, cause: error },
    );
  }
}

/** Ranges [first, count] that cover the serials, each fit for one call. Small gaps are read along. */
function rangesOf(serials: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const serial of serials.toSorted((left, right) => left - right)) {
    const range = ranges.at(-1);
    if (range !== undefined && serial < range[0] + CARDS_PER_CALL && serial - (range[0] + range[1]) < 50)
      range[1] = Math.max(range[1], serial - range[0] + 1);
    else ranges.push([serial, 1]);
  }
  return ranges;
}
