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
  `event BrandAdmitted(uint32 indexed brandId, address indexed admin, string handle, ${BRAND_PROFILE} profile)`,
  "event BrandStatusChanged(uint32 indexed brandId, uint8 status, uint32 suspension, bytes32 reason)",
  "event BrandKeysReplaced(uint32 indexed brandId, uint32 keyEpoch, address indexed admin)",
  "event Appointed(uint32 indexed brandId, uint8 indexed role, address indexed account, uint64 appointment)",
  `event BrandProfileChanged(uint32 indexed brandId, ${BRAND_PROFILE} profile)`,
  "event DailyCapChanged(uint32 indexed brandId, address indexed issuer, uint32 dailyCap)",
  "event DailyCapLifted(uint32 indexed brandId, address indexed issuer)",
  "event DailyCapUsed(uint32 indexed brandId, address indexed issuer, uint256 used)",
  "event CollectionCreated(address indexed collection, uint32 indexed brandId, string slug, string name, string symbol, uint32 maxSupply, uint8 burnAuth, uint32 reissueDelay, uint8 highestTier, uint32 longestTerm)",
  "event CardBaseURIChanged(string cardBaseURI)",
  `function admitBrand(address admin, string handle, ${BRAND_PROFILE} profile) returns (uint32 brandId)`,
  "function createCollection(tuple(uint32 brandId, string slug, string name, string symbol, uint32 maxSupply, uint8 burnAuth, uint32 reissueDelay, uint8 highestTier, uint32 longestTerm) request) returns (address collection)",
  "function suspendBrand(uint32 brandId, bytes32 reason)",
  "function reinstateBrand(uint32 brandId, uint32 suspension)",
  "function retireBrand(uint32 brandId, bytes32 reason)",
  `function setBrandProfile(uint32 brandId, ${BRAND_PROFILE} profile)`,
  "function replaceBrandKeys(uint32 brandId, address admin)",
  "function setDailyCap(uint32 brandId, address issuer, uint32 dailyCap)",
  "function liftDailyCap(uint32 brandId, address issuer)",
  "function setCardBaseURI(string cardBaseURI_)",
  "function implementation() view returns (address)",
  "function roleId(uint32 brandId, uint8 role) view returns (bytes32)",
  "function brandCount() view returns (uint32)",
  `function brandOf(uint32 brandId) view returns (tuple(uint8 status, uint32 keyEpoch, uint32 suspension, string handle, ${BRAND_PROFILE} profile))`,
  "function brandOfHandle(string handle) view returns (uint32 brandId)",
  "function appointmentOf(uint32 brandId, uint8 role, address account) view returns (uint64)",
  "function dailyCapOf(uint32 brandId, address issuer) view returns (bool capped, uint32 dailyCap, uint256 available)",
  "function collectionFactory() view returns (address)",
  "function collectionCount() view returns (uint256)",
  "function brandOfCollection(address collection) view returns (uint32)",
  "function collectionOf(string slug) view returns (address)",
  "function cardBaseURI() view returns (string)",
  "error BrandNotFound(uint32 brandId)",
  "error BrandNotActive(uint32 brandId, uint8 status)",
  "error BrandRoleMissing(uint32 brandId, uint8 role, address account)",
  "error BrandStatusMismatch(uint32 brandId, uint8 status)",
  "error DailyCapExceeded(uint32 brandId, address issuer, uint256 cards, uint256 available)",
  "error InvalidBrandProfile()",
  "error InvalidCollectionName(string name, string symbol)",
  "error InvalidHandle(string handle)",
  "error HandleTaken(string handle, uint32 brandId)",
  "error InvalidLongestTerm(uint32 longestTerm)",
  "error InvalidSlug(string slug, string handle)",
  "error SlugTaken(string slug, address collection)",
  "error InvalidMaxSupply(uint32 maxSupply)",
  "error InvalidReissueDelay(uint32 reissueDelay)",
  "error CollectionNotFound(address collection)",
]);

const CARD = "tuple(address holder, uint32 issuedAt, uint32 expiresAt, uint8 tier, uint8 status, uint16 generation)";

export const membershipCollectionInterface = new Interface([
  "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)",
  "event Locked(uint256 tokenId)",
  "event Issued(address indexed from, address indexed to, uint256 indexed tokenId, uint8 burnAuth)",
  "event BatchIssued(uint256 indexed firstSerial, uint256 count, uint8 tier, uint32 expiresAt, bytes32 commitmentRoot, bytes32 batchReference)",
  "event AllowlistOpened(bytes32 indexed root, address indexed issuer, uint64 appointment, uint32 firstSerial, uint32 count, uint32 deadline)",
  "event AllowlistClosed(bytes32 indexed root)",
  "event CardRenewed(uint256 indexed serial, uint32 expiresAt)",
  "event CardTierChanged(uint256 indexed serial, uint8 tier)",
  "event CardCorrected(uint256 indexed serial, uint8 tier, uint32 expiresAt, bytes32 reason)",
  "event CardSuspended(uint256 indexed serial, bytes32 reason)",
  "event CardReinstated(uint256 indexed serial)",
  "event CardRevoked(uint256 indexed serial, bytes32 reason)",
  "event CardSurrendered(uint256 indexed serial, address indexed holder)",
  "event ReissueRequested(uint256 indexed serial, address indexed to, bytes32 reason, uint32 readyAt)",
  "event ReissueCancelled(uint256 indexed serial, address indexed to, bool vetoed)",
  "event CardReissued(uint256 indexed serial, address indexed from, address indexed to, uint16 generation)",
  "event BenefitChanged(uint8 indexed tier, uint16 indexed benefitId, uint32 quota, uint32 period, uint32 startsAt)",
  "event BenefitRedeemed(uint256 indexed serial, uint16 indexed benefitId, address indexed staff, uint32 number, uint32 periodStart, uint32 used)",
  "event RedemptionUndone(uint256 indexed serial, uint16 indexed benefitId, address indexed staff, uint32 number, uint32 used, bytes32 reason)",
  "event BenefitsFrozen()",
  "event ContentChanged(string contractURI, bytes32 contentHash)",
  "event ContentFrozen()",
  "event WindDownStarted()",
  "event FinalActAnnounced(uint8 indexed act, uint32 readyAt)",
  "event FinalActCancelled(uint8 indexed act)",
  "function issue(uint256 firstSerial, address[] holders, tuple(uint8 tier, uint32 expiresAt) terms, bytes32 commitmentRoot, bytes32 batchReference)",
  "function renew(uint256[] serials, uint32 currentExpiresAt, uint32 duration)",
  "function setTier(uint256[] serials, uint8 tier)",
  "function correct(tuple(uint256 serial, uint8 tier, uint32 expiresAt, uint16 generation, uint256 deadline) correction, bytes32 reason, bytes holderSignature)",
  "function suspend(uint256[] serials, bytes32 reason)",
  "function reinstate(uint256[] serials)",
  "function revoke(uint256[] serials, bytes32 reason)",
  "function surrender(uint256 serial)",
  "function requestReissue(uint256 serial, address to, bytes32 reason)",
  "function executeReissue(uint256 serial)",
  "function cancelReissue(uint256 serial)",
  "function vetoReissue(uint256 serial)",
  "function setBenefit(uint8 tier, uint16 benefitId, tuple(uint32 quota, uint32 period, uint32 startsAt) terms)",
  "function redeem(tuple(uint256 serial, uint16 benefitId, uint32 number, uint16 generation, address staff, uint256 deadline) redemption, bytes holderSignature)",
  "function undoRedemption(uint256 serial, uint16 benefitId, uint32 number, bytes32 reason)",
  "function setContent(string contractURI_, bytes32 contentHash_)",
  "function announce(uint8 act)",
  "function cancelAnnounced(uint8 act)",
  "function carryOut(uint8 act)",
  "function announcedFor(uint8 act) view returns (uint32 readyAt)",
  "function openAllowlist(bytes32 root, uint32 firstSerial, uint32 count, uint32 deadline)",
  "function closeAllowlist(bytes32 root)",
  "function multicall(bytes[] data) returns (bytes[] results)",
  `function cardOf(uint256 serial) view returns (${CARD})`,
  `function cardsOf(uint256 firstSerial, uint256 count) view returns (${CARD}[] cards)`,
  "function batchOf(uint256 serial) view returns (uint256 firstSerial, bytes32 commitmentRoot)",
  "function collectionTerms() view returns (tuple(uint32 brandId, uint32 maxSupply, uint8 burnAuth, uint32 reissueDelay, uint8 highestTier, uint32 longestTerm))",
  "function pendingReissueOf(uint256 serial) view returns (tuple(address to, uint32 readyAt) pending)",
  "function benefitOf(uint8 tier, uint16 benefitId) view returns (tuple(uint32 quota, uint32 period, uint32 startsAt))",
  "function benefitUseOf(uint256 serial, uint16 benefitId) view returns (tuple(uint32 redemptions, uint32 periodStart, uint32 used, uint32 undone))",
  "function remainingUses(uint256 serial, uint16 benefitId) view returns (uint32)",
  "function contentHash() view returns (bytes32)",
  "function contentFrozen() view returns (bool)",
  "function benefitsFrozen() view returns (bool)",
  "function windingDown() view returns (bool)",
  "function name() view returns (string)",
  "function symbol() view returns (string)",
  "function brandId() view returns (uint32)",
  "function maxSupply() view returns (uint32)",
  "function issuedCount() view returns (uint32)",
  "function registry() view returns (address)",
  "error CardAlreadyIssued(uint256 serial)",
  "error SerialOutOfRange(uint256 firstSerial, uint256 count, uint256 maxSupply)",
  "error EmptyBatch()",
  "error ExpiryNotInFuture(uint256 expiresAt, uint256 blockTimestamp)",
  "error TierNotDeclared(uint8 tier, uint8 highestTier)",
  "error TermTooLong(uint256 expiresAt, uint256 latest)",
  "error WindingDown()",
  "error ERC721InvalidReceiver(address receiver)",
  "error BurnNotAuthorized()",
  "error CardNotIssued(uint256 serial)",
  "error CardStatusMismatch(uint256 serial, uint8 status)",
  "error BenefitNotGranted(uint8 tier, uint16 benefitId)",
  "error BenefitNotStarted(uint16 benefitId, uint32 startsAt)",
  "error QuotaExceeded(uint256 serial, uint16 benefitId, uint32 quota)",
  "error RedemptionNumberMismatch(uint256 serial, uint16 benefitId, uint32 nextNumber)",
  "error RedemptionNotUndoable(uint256 serial, uint16 benefitId, uint32 number)",
  "error StaffMismatch(address staff)",
  "error BenefitPeriodsFixed(uint16 benefitId, uint32 period, uint32 startsAt)",
  "error FinalActNotAnnounced(uint8 act)",
  "error FinalActNotReady(uint8 act, uint32 readyAt)",
  "error GenerationMismatch(uint256 serial, uint16 generation)",
  "error CardExpired(uint256 serial, uint32 expiresAt)",
  "error DeadlinePassed(uint256 deadline, uint256 blockTimestamp)",
  "error InvalidSignature(address signer)",
  "error ReissueToHolder(uint256 serial)",
  "error ReissueNotPending(uint256 serial)",
  "error ReissueNotReady(uint256 serial, uint32 readyAt)",
  "error BrandNotActive(uint32 brandId, uint8 status)",
  "error BrandRoleMissing(uint32 brandId, uint8 role, address account)",
]);

/** Solidity's `IBrandRegistry.BrandRole`. */
export const BRAND_ROLE = { Admin: 0, Issuer: 1, Steward: 2, Staff: 3 } as const;
export type BrandRoleNumber = (typeof BRAND_ROLE)[keyof typeof BRAND_ROLE];

/** Their names, by number. */
export const BRAND_ROLES = ["Admin", "Issuer", "Steward", "Staff"] as const satisfies (keyof typeof BRAND_ROLE)[];
export type BrandRole = (typeof BRAND_ROLES)[number];

/** Solidity's `IFinalActs.FinalAct`: what cannot be undone, and is announced a week before. */
export const FINAL_ACT = { FreezeContent: 0, FreezeBenefits: 1, WindDown: 2 } as const;
export const FINAL_ACTS = ["FreezeContent", "FreezeBenefits", "WindDown"] as const satisfies (keyof typeof FINAL_ACT)[];
export type FinalAct = (typeof FINAL_ACTS)[number];

/** For so long a reissue can be executed once it is ready; then it is void. In seconds. */
export const REISSUE_WINDOW_SECONDS = 30 * 86_400;

/** Of a collection: a card may be valid for as long as one likes, also for ever. */
export const UNLIMITED_TERM = 2 ** 32 - 1;

/** Solidity's `IBrandRegistry.BrandStatus`, by number. */
export const BRAND_STATUS = ["None", "Active", "Suspended", "Retired"] as const;
export type BrandStatus = (typeof BRAND_STATUS)[number];

/** Solidity's `CardStatus`, by number. */
export const CARD_STATUS = ["None", "Active", "Suspended", "Revoked", "Surrendered"] as const;
export type CardStatus = (typeof CARD_STATUS)[number];

/** Solidity's `IERC5484.BurnAuth`, by number. */
export const BURN_AUTH = ["IssuerOnly", "OwnerOnly", "Both", "Neither"] as const;
export type BurnAuth = (typeof BURN_AUTH)[number];
