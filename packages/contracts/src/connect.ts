// Reading cards from any node, by the contracts alone: no server of ours is asked, and none has to be trusted.

import { Interface, type Result } from "ethers";
import { brandRegistryAbi } from "./abi/brandRegistry.ts";
import { membershipCollectionAbi } from "./abi/membershipCollection.ts";
import { type Deployment, deployments } from "./deployments.ts";
import { looksLike } from "./handles.ts";

/** A wallet or a node as EIP-1193 has it: `window.ethereum`, viem's client and transports, ethers' `provider.send` in a wrapper. */
export interface Eip1193Provider {
  request(args: { method: string; params?: unknown[] }): Promise<unknown>;
}

const BRAND_STATUS = ["None", "Active", "Suspended", "Retired"] as const;
const CARD_STATUS = ["None", "Active", "Suspended", "Revoked", "Surrendered"] as const;
const EFFECTIVE_STATUS = ["NotIssued", "Active", "Suspended", "Expired", "Revoked", "Surrendered"] as const;
const BURN_AUTH = ["IssuerOnly", "OwnerOnly", "Both", "Neither"] as const;
const NOBODY = `0x${"0".repeat(40)}`;
const NOTHING = `0x${"0".repeat(64)}`;
const UNLIMITED_TERM = 2 ** 32 - 1;

export type BrandStatus = (typeof BRAND_STATUS)[number];
export type CardStatus = (typeof CARD_STATUS)[number];
export type BurnAuth = (typeof BURN_AUTH)[number];

export interface Brand {
  brandId: number;
  status: BrandStatus;
  /** Its name in links. */
  handle: string;
  name: string;
  legalName: string;
  domain: string;
  /** The number of the domain's filing; empty where there is none. */
  filingNumber: string;
}

/** What the contract says about one serial. */
export interface Card {
  serial: number;
  /** Who holds it; of a card that has ended, who held it last; nobody if it was never issued. */
  holder: string | undefined;
  status: CardStatus;
  tier: number;
  issuedAt: Date | undefined;
  /** From when on it is expired; nothing if it never is. */
  expiresAt: Date | undefined;
  /** How often it was reissued. */
  generation: number;
}

/** All that is needed to judge a card, of one block. */
export interface Verification {
  serial: number;
  /** `Active` is a card that is good now, if the brand is active, too. */
  status: (typeof EFFECTIVE_STATUS)[number];
  brandId: number;
  brandStatus: BrandStatus;
  /** Who owns it in the sense of ERC-721; nobody if it is not issued or has ended. */
  owner: string | undefined;
  tier: number;
  issuedAt: Date | undefined;
  expiresAt: Date | undefined;
  generation: number;
  /** The first serial of the batch that it was issued in. */
  batchFirstSerial: number | undefined;
  /** The batch's commitment to the physical cards. */
  commitmentRoot: string | undefined;
  /** keccak256 of the collection's description. */
  contentHash: string | undefined;
}

export interface CollectionTerms {
  brandId: number;
  maxSupply: number;
  burnAuth: BurnAuth;
  /** For how long a holder can veto a reissue, in seconds. */
  reissueDelay: number;
  /** Its tiers are 0 to this one. */
  highestTier: number;
  /** For how long a card may be valid from the moment that it is given or renewed, in seconds; nothing where that is not limited. */
  longestTerm: number | undefined;
}

export interface Collection {
  address: string;
  name(): Promise<string>;
  terms(): Promise<CollectionTerms>;
  /** How many cards were ever issued. */
  issuedCount(): Promise<number>;
  card(serial: number): Promise<Card>;
  verify(serial: number): Promise<Verification>;
  /** Where a card's metadata is (ERC-721); nothing for one that is not live, or where none is served. */
  metadataUri(serial: number): Promise<string | undefined>;
}

export interface MintmarkContracts {
  chainId: number;
  deployment: Deployment;
  brand(brandId: number): Promise<Brand | undefined>;
  /** The brand with this handle. */
  brandOfHandle(handle: string): Promise<Brand | undefined>;
  /** The brands whose handles look like this one ({@link looksLike}): none, before a brand is admitted with it. */
  brandsLike(handle: string): Promise<Brand[]>;
  /** The collection with this slug or at this address; nothing if the registry does not know it. */
  collection(slugOrAddress: string): Promise<Collection | undefined>;
}

/** What a reader can do something about. The message says what. */
export class MintmarkChainError extends Error {
  override name = "MintmarkChainError";
}

const registryInterface = new Interface(brandRegistryAbi);
const collectionInterface = new Interface(membershipCollectionAbi);

/**
 * Reads the contracts of a chain.
 *
 * Asks the node once which chain it is of. Throws {@link MintmarkChainError} if that is another one, if this version knows no
 * deployment there and none is given, or if there is no registry at its address.
 *
 * @param chainId The chain that the caller means.
 * @param provider Where the chain is asked.
 * @param deployment Where the registry is, for a chain that {@link deployments} does not have.
 */
export async function connect(
  chainId: number,
  provider: Eip1193Provider,
  deployment: Deployment | undefined = deployments[chainId],
): Promise<MintmarkContracts> {
  if (deployment === undefined)
    throw new MintmarkChainError(
      `No deployment is known on chain ${chainId}: pass { name, registry, deployedAtBlock }.`,
    );
  const actual = Number(await provider.request({ method: "eth_chainId" }));
  if (actual !== chainId)
    throw new MintmarkChainError(`The node is of chain ${actual}, not ${chainId}: choose that network in the wallet.`);
  const { registry } = deployment;
  if ((await provider.request({ method: "eth_getCode", params: [registry, "latest"] })) === "0x")
    throw new MintmarkChainError(`There is no contract at ${registry} on chain ${chainId}: is it the right network?`);

  async function read(to: string, contract: Interface, method: string, args: readonly unknown[] = []): Promise<Result> {
    const call = { to, data: contract.encodeFunctionData(method, args) };
    const data = await provider.request({ method: "eth_call", params: [call, "latest"] });
    return contract.decodeFunctionResult(method, String(data));
  }

  async function brand(brandId: number): Promise<Brand | undefined> {
    const [status] = await read(registry, registryInterface, "brandStatus", [brandId]);
    if (Number(status) === 0) return undefined;
    const [entry] = await read(registry, registryInterface, "brandOf", [brandId]);
    const { handle, profile } = entry as Result & { handle: string; profile: Result };
    return {
      brandId,
      status: at(BRAND_STATUS, (entry as Result)["status"]),
      handle,
      name: String(profile["name"]),
      legalName: String(profile["legalName"]),
      domain: String(profile["domain"]),
      filingNumber: String(profile["filingNumber"]),
    };
  }

  function open(address: string): Collection {
    const ask = async (method: string, args: readonly unknown[] = []) =>
      await read(address, collectionInterface, method, args);
    return {
      address,
      name: async () => String((await ask("name"))[0]),
      issuedCount: async () => Number((await ask("issuedCount"))[0]),
      async terms() {
        const [terms] = (await ask("collectionTerms")) as unknown as [Record<string, bigint>];
        return {
          brandId: Number(terms["brandId"]),
          maxSupply: Number(terms["maxSupply"]),
          burnAuth: at(BURN_AUTH, terms["burnAuth"]),
          reissueDelay: Number(terms["reissueDelay"]),
          highestTier: Number(terms["highestTier"]),
          longestTerm: Number(terms["longestTerm"]) === UNLIMITED_TERM ? undefined : Number(terms["longestTerm"]),
        };
      },
      async card(serial) {
        const [card] = (await ask("cardOf", [serial])) as unknown as [Record<string, unknown>];
        return {
          serial,
          holder: known(card["holder"], NOBODY),
          status: at(CARD_STATUS, card["status"]),
          tier: Number(card["tier"]),
          issuedAt: timeOf(card["issuedAt"]),
          expiresAt: timeOf(card["expiresAt"]),
          generation: Number(card["generation"]),
        };
      },
      async verify(serial) {
        const [answer] = (await ask("verify", [serial])) as unknown as [Record<string, unknown>];
        const status = at(EFFECTIVE_STATUS, answer["status"]);
        return {
          serial,
          status,
          brandId: Number(answer["brandId"]),
          brandStatus: at(BRAND_STATUS, answer["brandStatus"]),
          owner: known(answer["owner"], NOBODY),
          tier: Number(answer["tier"]),
          issuedAt: timeOf(answer["issuedAt"]),
          expiresAt: timeOf(answer["expiresAt"]),
          generation: Number(answer["generation"]),
          batchFirstSerial: status === "NotIssued" ? undefined : Number(answer["batchFirstSerial"]),
          commitmentRoot: known(answer["commitmentRoot"], NOTHING),
          contentHash: known(answer["contentHash"], NOTHING),
        };
      },
      async metadataUri(serial) {
        const { owner } = await this.verify(serial);
        if (owner === undefined) return undefined;
        return known((await ask("tokenURI", [serial]))[0], "");
      },
    };
  }

  return {
    chainId,
    deployment,
    brand,
    async brandOfHandle(handle) {
      const [brandId] = await read(registry, registryInterface, "brandOfHandle", [handle]);
      return Number(brandId) === 0 ? undefined : await brand(Number(brandId));
    },
    async brandsLike(handle) {
      const [count] = await read(registry, registryInterface, "brandCount");
      const found: Brand[] = [];
      for (let brandId = 1; brandId <= Number(count); brandId++) {
        const admitted = await brand(brandId);
        if (admitted !== undefined && looksLike(admitted.handle, handle)) found.push(admitted);
      }
      return found;
    },
    async collection(slugOrAddress) {
      if (/^0x[0-9a-f]{40}$/i.test(slugOrAddress)) {
        const [brandId] = await read(registry, registryInterface, "brandOfCollection", [slugOrAddress]);
        return Number(brandId) === 0 ? undefined : open(slugOrAddress);
      }
      const [address] = await read(registry, registryInterface, "collectionOf", [slugOrAddress]);
      return address === NOBODY ? undefined : open(String(address));
    },
  };
}

function at<Value>(values: readonly Value[], index: unknown): Value {
  const value = values[Number(index)];
  if (value === undefined)
    throw new MintmarkChainError("The contract answers what this version does not know: update it.");
  return value;
}

function known(value: unknown, nothing: string): string | undefined {
  return value === nothing ? undefined : String(value);
}

function timeOf(seconds: unknown): Date | undefined {
  return Number(seconds) === 0 ? undefined : new Date(Number(seconds) * 1000);
}
