// What ours are compared with, on the same chain: other contracts that do the same or less. Sources in test/contracts/peers,
// except Unlock's, which its package brings compiled.

import { createHash } from "node:crypto";
import proxyArtifact from "@openzeppelin/contracts/build/contracts/ERC1967Proxy.json" with { type: "json" };
import publicLockArtifact from "@unlock-protocol/contracts/dist/abis/PublicLock/PublicLockV15.json" with {
  type: "json",
};
import unlockArtifact from "@unlock-protocol/contracts/dist/abis/Unlock/UnlockV14.json" with { type: "json" };
import {
  type BaseContract,
  type ContractTransactionResponse,
  Interface,
  type InterfaceAbi,
  MaxUint256,
  ZeroAddress,
} from "ethers";
import { EXPIRES_AT, FIRST_FREE, type GasWorld, gasOf, holders, TERMS } from "./world.ts";

/** Of the template above, as `publicLockVersion` answers. */
const LOCK_VERSION = 15;
/** The key that {@link deployLock} grants to the holder. */
const FIRST_KEY = 1;
const YEAR = 365 * 86_400;

/** Issues tokens in one transaction and says what that took. */
type Issue = (firstSerial: number, owners: string[]) => Promise<number>;

export interface Peer {
  key: string;
  what: string;
  /** Deploys it. What it returns issues to distinct holders, unless `what` says otherwise. */
  deploy(world: GasWorld): Promise<Issue>;
}

/** Something that a peer can do too, beside one of our operations. */
export interface Counterpart {
  /** The key of our operation. */
  beside: string;
  what: string;
  run(world: GasWorld): Promise<number>;
}

const solady: Peer = {
  key: "solady",
  what: "Solady ERC721, bare: `Transfer` only, anyone may mint",
  deploy: async ({ ethers }) => {
    const contract = await ethers.deployContract("BareSoladyERC721");
    return async (first, owners) => await gasOf(contract.mintBatch(first, owners));
  },
};

const plain: Peer = {
  key: "plain",
  what: "OpenZeppelin ERC721: `Transfer` only",
  deploy: async ({ ethers }) => {
    const contract = await ethers.deployContract("PlainERC721");
    return async (first, owners) => await gasOf(contract.mintBatch(first, owners));
  },
};

const unlock: Peer = {
  key: "unlock",
  what: "Unlock PublicLock 15, `grantKeys`: expiry; `Transfer`",
  deploy: async (world) => {
    const { lock } = await deployLock(world);
    return async (_, owners) => await gasOf(grantKeys(lock, owners));
  },
};

/** Whatever issues in batches. Unlock limits a holder to one key, and so do these measurements. */
export const PEERS: readonly Peer[] = [
  solady,
  plain,
  {
    key: "record",
    what: "OpenZeppelin ERC721 + record in its own slot: `Transfer`, `Locked`",
    deploy: async ({ ethers }) => {
      const contract = await ethers.deployContract("RecordERC721");
      return async (first, owners) => await gasOf(contract.mintBatch(first, owners, TERMS.tier, TERMS.expiresAt));
    },
  },
  {
    key: "uri-storage",
    what: "OpenZeppelin ERC721URIStorage, an IPFS address per token: `Transfer`, `MetadataUpdate`",
    deploy: async ({ ethers }) => {
      const contract = await ethers.deployContract("URIStorageERC721");
      return async (first, owners) => {
        const uris = owners.map((_, index) => ipfsAddress(`card ${first + index}`));
        return await gasOf(contract.mintBatch(first, owners, uris));
      };
    },
  },
  {
    key: "enumerable",
    what: "OpenZeppelin ERC721Enumerable: `Transfer`",
    deploy: async ({ ethers }) => {
      const contract = await ethers.deployContract("EnumerableERC721");
      return async (first, owners) => await gasOf(contract.mintBatch(first, owners));
    },
  },
  {
    key: "erc721a",
    what: "ERC721A: `Transfer`",
    deploy: async ({ ethers }) => {
      const contract = await ethers.deployContract("SequentialERC721A");
      return async (_, owners) => await gasOf(contract.mintBatch(owners));
    },
  },
  {
    key: "erc721a-one",
    what: "ERC721A, **all to one holder**, which it is made for: `Transfer`",
    deploy: async ({ ethers }) => {
      const contract = await ethers.deployContract("SequentialERC721A");
      return async (_, [owner = ZeroAddress, ...others]) => await gasOf(contract.mintRun(owner, 1 + others.length));
    },
  },
  unlock,
];

export const COUNTERPARTS: readonly Counterpart[] = [
  issueOne(solady, "Solady `_mint`"),
  issueOne(plain, "OpenZeppelin `_mint`"),
  issueOne(unlock, "Unlock `grantKeys`"),
  {
    beside: "revoke",
    what: "Solady `_burn`",
    run: async ({ ethers }) => {
      const contract = await ethers.deployContract("BareSoladyERC721");
      await contract.mintBatch(1, holders(2));
      return await gasOf(contract.burn(1));
    },
  },
  {
    beside: "revoke",
    what: "OpenZeppelin `_burn`",
    run: async ({ ethers }) => {
      const contract = await ethers.deployContract("PlainERC721");
      await contract.mintBatch(1, holders(2));
      return await gasOf(contract.burn(1));
    },
  },
  onKey("revoke", "expireAndRefundFor", ({ issuer }, lock) =>
    lock.connect(issuer).getFunction("expireAndRefundFor").send(FIRST_KEY, 0),
  ),
  onKey("surrender", "cancelAndRefund", ({ holder }, lock) =>
    lock.connect(holder).getFunction("cancelAndRefund").send(FIRST_KEY),
  ),
  onKey("renew", "grantKeyExtension", ({ issuer }, lock) =>
    lock.connect(issuer).getFunction("grantKeyExtension").send(FIRST_KEY, YEAR),
  ),
  {
    beside: "createCollection",
    what: "Unlock `createUpgradeableLock`",
    run: async (world) => {
      const { createLock } = await deployLock(world);
      return await gasOf(createLock("Bench Membership 2"));
    },
  },
];

function issueOne({ deploy }: Peer, what: string): Counterpart {
  return {
    beside: "issue 1",
    what,
    run: async (world) => {
      const issue = await deploy(world);
      await issue(1, holders(2));
      return await issue(FIRST_FREE, holders(1, "new"));
    },
  };
}

/** One call of a lock that concerns its first key, which the holder has. */
function onKey(
  beside: string,
  name: string,
  send: (world: GasWorld, lock: BaseContract) => Promise<ContractTransactionResponse>,
): Counterpart {
  return {
    beside,
    what: `Unlock \`${name}\``,
    run: async (world) => await gasOf(send(world, (await deployLock(world)).lock)),
  };
}

/**
 * A lock as Unlock makes it: the `Unlock` contract, behind a proxy as everywhere (its constructor closes it), is the factory;
 * `PublicLock` is the template; the lock is a transparent proxy that the factory deploys and initialises. Granting keys
 * does not call the factory, so nothing else of Unlock (token, oracles, fees) is deployed.
 */
async function deployLock(world: GasWorld) {
  const { ethers, consortium, issuer, holder } = world;
  const deploy = async ({ abi, bytecode }: { abi: InterfaceAbi; bytecode: string }, ...args: unknown[]) => {
    const contract = await new ethers.ContractFactory(abi, bytecode, consortium).deploy(...args);
    return await contract.getAddress();
  };
  const unlockInterface = new Interface(unlockArtifact.abi);
  const initialize = unlockInterface.encodeFunctionData("initialize", [consortium.address]);
  const proxy = await deploy(proxyArtifact, await deploy(unlockArtifact), initialize);
  const factory = new ethers.Contract(proxy, unlockInterface, consortium);
  const template = await deploy(publicLockArtifact);
  await factory.getFunction("addLockTemplate").send(template, LOCK_VERSION);
  await factory.getFunction("setLockTemplate").send(template);

  const lockInterface = new Interface(publicLockArtifact.abi);
  // The issuer manages the lock; keys last for ever unless granted otherwise, cost nothing, and are not limited.
  const terms = [issuer.address, MaxUint256, ZeroAddress, 0, MaxUint256];
  const createLock = (name: string) =>
    factory.getFunction("createUpgradeableLock").send(lockInterface.encodeFunctionData("initialize", [...terms, name]));
  const receipt = await (await createLock("Bench Membership")).wait();
  const created = receipt?.logs.map((log) => factory.interface.parseLog(log)).find((log) => log?.name === "NewLock");
  if (!created) throw new Error("Unlock did not say where the lock is");
  const lock = new ethers.Contract(created.args[1], lockInterface, issuer);
  // The first key also pays for the counters that all later ones share.
  await (await grantKeys(lock, [holder.address])).wait();
  return { lock, createLock };
}

/** Without a key manager, which is the cheapest: the holder manages the key. */
function grantKeys(lock: BaseContract, owners: string[]) {
  const expiry = owners.map(() => EXPIRES_AT);
  return lock.getFunction("grantKeys").send(
    owners,
    expiry,
    owners.map(() => ZeroAddress),
  );
}

/** The address of a file in IPFS as its tools print it: version 1, raw, SHA-256, base 32. */
function ipfsAddress(content: string): string {
  const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
  const cid = Buffer.concat([Buffer.from([0x01, 0x55, 0x12, 0x20]), createHash("sha256").update(content).digest()]);
  const bits = [...cid].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = bits.match(/.{1,5}/g) ?? [];
  return `ipfs://b${digits.map((digit) => ALPHABET[Number.parseInt(digit.padEnd(5, "0"), 2)]).join("")}`;
}
