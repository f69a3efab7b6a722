// The one place where the contracts' interfaces reach the server. A test compares it with the compiled contracts, so the
// server runs without the compiler and still cannot drift from the sources.

import { Interface } from "ethers";

const BRAND_PROFILE =
  "tuple(string name, string legalName, string domain, string filingNumber, string profileURI, bytes32 profileHash)";

const ACCESS_CONTROL = [
  "event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)",
  "event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)",
  "function grantRole(bytes32 role, address account)",
  "function hasRole(bytes32 role, address account) view returns (bool)",
  "error AccessControlUnauthorizedAccount(address account, bytes32 neededRole)",
] as const;

export const brandRegistryInterface = new Interface([
  ...ACCESS_CONTROL,
  `event BrandAdmitted(uint32 indexed brandId, address indexed admin, ${BRAND_PROFILE} profile)`,
  "event CollectionCreated(address indexed collection, uint32 indexed brandId, string slug, string name, string symbol, uint32 maxSupply, uint8 burnAuth)",
  "event CardBaseURIChanged(string cardBaseURI)",
  `function admitBrand(address admin, ${BRAND_PROFILE} profile) returns (uint32 brandId)`,
  "function createCollection(tuple(uint32 brandId, string slug, string name, string symbol, uint32 maxSupply, uint8 burnAuth) request) returns (address collection)",
  "function setCardBaseURI(string cardBaseURI_)",
  "function roleId(uint32 brandId, uint8 role) pure returns (bytes32)",
  "function brandCount() view returns (uint32)",
  `function brandOf(uint32 brandId) view returns (uint8 status, ${BRAND_PROFILE} profile)`,
  "function brandOfCollection(address collection) view returns (uint32)",
  "function collectionOf(string slug) view returns (address)",
  "function cardBaseURI() view returns (string)",
  "error BrandNotFound(uint32 brandId)",
  "error BrandNotActive(uint32 brandId, uint8 status)",
  "error BrandRoleMissing(uint32 brandId, uint8 role, address account)",
  "error InvalidBrandProfile()",
  "error InvalidCollectionName(string name, string symbol)",
  "error InvalidSlug(string slug)",
  "error SlugTaken(string slug, address collection)",
  "error InvalidMaxSupply(uint32 maxSupply)",
  "error CollectionNotFound(address collection)",
]);

const CARD = "tuple(address holder, uint32 issuedAt, uint32 expiresAt, uint8 tier, uint8 status, uint16 generation)";

export const membershipCollectionInterface = new Interface([
  "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)",
  "event Locked(uint256 tokenId)",
  "event Issued(address indexed from, address indexed to, uint256 indexed tokenId, uint8 burnAuth)",
  "event BatchIssued(uint256 indexed firstSerial, uint256 count, uint8 tier, uint32 expiresAt, bytes32 commitmentRoot)",
  "function issue(uint256 firstSerial, address[] holders, tuple(uint8 tier, uint32 expiresAt) terms, bytes32 commitmentRoot)",
  "function multicall(bytes[] data) returns (bytes[] results)",
  `function cardOf(uint256 serial) view returns (${CARD})`,
  `function cardsOf(uint256 firstSerial, uint256 count) view returns (${CARD}[] cards)`,
  "function batchOf(uint256 serial) view returns (uint256 firstSerial, bytes32 commitmentRoot)",
  "function name() view returns (string)",
  "function symbol() view returns (string)",
  "function brandId() view returns (uint32)",
  "function maxSupply() view returns (uint32)",
  "function issuedCount() view returns (uint32)",
  "function registry() view returns (address)",
  "error CardAlreadyIssued(uint256 serial)",
  "error SerialOutOfRange(uint256 firstSerial, uint256 count, uint256 maxSupply)",
  "error EmptyBatch()",
  "error ExpiryNotInFuture(uint32 expiresAt, uint256 blockTimestamp)",
  "error ERC721InvalidReceiver(address receiver)",
  "error BrandNotActive(uint32 brandId, uint8 status)",
  "error BrandRoleMissing(uint32 brandId, uint8 role, address account)",
]);

/** Solidity's `IBrandRegistry.BrandRole`. */
export const BRAND_ROLE = { Admin: 0, Issuer: 1, Steward: 2, Staff: 3 } as const;

/** Solidity's `IBrandRegistry.BrandStatus`, by number. */
export const BRAND_STATUS = ["None", "Active", "Suspended", "Retired"] as const;
export type BrandStatus = (typeof BRAND_STATUS)[number];

/** Solidity's `CardStatus`, by number. */
export const CARD_STATUS = ["None", "Active", "Suspended", "Revoked", "Surrendered"] as const;
export type CardStatus = (typeof CARD_STATUS)[number];

/** Solidity's `IERC5484.BurnAuth`, by number. */
export const BURN_AUTH = ["IssuerOnly", "OwnerOnly", "Both", "Neither"] as const;
export type BurnAuth = (typeof BURN_AUTH)[number];
