// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBeacon} from "@openzeppelin/contracts/proxy/beacon/IBeacon.sol";

import {IERC5484} from "../collection/IERC5484.sol";
import {ICollectionFactory} from "./ICollectionFactory.sol";

/// @title The brands of the consortium, their roles and their collections
interface IBrandRegistry is IBeacon {
    /// @notice What somebody may do for a brand.
    /// @dev Append only: the numbers are part of the role ids.
    enum BrandRole {
        /// Creates collections, sets their benefits and content, winds them down, caps issuers, gives the brand's other roles.
        Admin,
        /// Issues and renews cards, changes their tiers, and signs vouchers for them.
        Issuer,
        /// Suspends, reinstates, corrects, revokes and reissues cards.
        Steward,
        /// Redeems benefits at the counter.
        Staff
    }

    /// @notice Where a brand stands.
    /// @dev Append only: the numbers are part of the storage layout.
    enum BrandStatus {
        None,
        /// The brand's people may act.
        Active,
        /// Nobody may act for the brand until it is reinstated, but for taking away what the brand's keys have given: roles,
        /// allowlists, pending reissues, announcements. Nobody is given a role.
        Suspended,
        /// Nobody may act for the brand ever again.
        Retired
    }

    /// @notice Who a brand is.
    /// @param name The name that customers know.
    /// @param legalName The registered name of the company or public body.
    /// @param domain The brand's own internet domain, in lower case.
    /// @param filingNumber The number of the domain's filing (备案号); empty where there is none.
    /// @param profileURI Where more is published; empty where nothing is.
    /// @param profileHash keccak256 of what stands at `profileURI`; 0 where nothing does.
    struct BrandProfile {
        string name;
        string legalName;
        string domain;
        string filingNumber;
        string profileURI;
        bytes32 profileHash;
    }

    /// @notice What the registry keeps about a brand.
    /// @param status Where it stands.
    /// @param keyEpoch How often all its keys were replaced; part of its role ids.
    /// @param suspension How often it was suspended: the number of its last suspension.
    /// @param handle Its name in links, unique in the registry.
    /// @param profile Who it is.
    struct Brand {
        BrandStatus status;
        uint32 keyEpoch;
        uint32 suspension;
        string handle;
        BrandProfile profile;
    }

    /// @notice What a brand asks for when it creates a collection.
    /// @param brandId The brand.
    /// @param slug The collection's name in links: the brand's handle, a hyphen, and 1 or more of `a-z`, `0-9` and single inner
    /// hyphens; at most 32 in all; unique in the registry.
    /// @param name The collection's name.
    /// @param symbol The collection's symbol.
    /// @param maxSupply How many cards the edition has at most.
    /// @param burnAuth Who may burn a card; see {IMembershipCollection-burnAuth}.
    /// @param reissueDelay How long a holder can veto a reissue, in seconds; 0 where the brand keeps the holders' keys.
    /// @param highestTier The cards' tiers are 0 to this one.
    /// @param longestTerm For how long a card may be valid from the moment that it is given, renewed or corrected, in seconds;
    /// 2^32 - 1 where that is not limited and cards may never expire. To renew cards before they expire, choose it longer than
    /// one term.
    struct CollectionRequest {
        uint32 brandId;
        string slug;
        string name;
        string symbol;
        uint32 maxSupply;
        IERC5484.BurnAuth burnAuth;
        uint32 reissueDelay;
        uint8 highestTier;
        uint32 longestTerm;
    }

    /// @notice Emitted when the consortium admits a brand.
    event BrandAdmitted(uint32 indexed brandId, address indexed admin, string handle, BrandProfile profile);

    /// @notice Emitted when a brand is admitted, suspended, reinstated or retired.
    /// @param suspension The number of the brand's last suspension, 0 if it never was.
    /// @param reason Why, as the consortium's own code or the hash of a document; 0 where none is given.
    event BrandStatusChanged(uint32 indexed brandId, BrandStatus status, uint32 suspension, bytes32 reason);

    /// @notice Emitted when the consortium ends all keys of a brand: none of the roles given before counts any more.
    /// @param keyEpoch Part of the brand's role ids from now on.
    /// @param admin Who has the brand's Admin role now, and alone.
    event BrandKeysReplaced(uint32 indexed brandId, uint32 keyEpoch, address indexed admin);

    /// @notice Emitted besides AccessControl's `RoleGranted` when somebody is given a role of a brand.
    /// @param appointment Which appointment that is: never the same number twice.
    event Appointed(uint32 indexed brandId, BrandRole indexed role, address indexed account, uint64 appointment);

    /// @notice Emitted when a brand's profile changes; holds the whole new profile.
    event BrandProfileChanged(uint32 indexed brandId, BrandProfile profile);

    /// @notice Emitted when a brand caps what an issuer can give in a day.
    /// @param dailyCap How many cards; 0 lets the issuer give nothing.
    event DailyCapChanged(uint32 indexed brandId, address indexed issuer, uint32 dailyCap);

    /// @notice Emitted when a brand lets an issuer give as much as it likes.
    event DailyCapLifted(uint32 indexed brandId, address indexed issuer);

    /// @notice Emitted when a capped issuer gives something, so that what is left can be rebuilt from logs.
    /// @param used How much of the cap is used up now, before any of it comes back.
    event DailyCapUsed(uint32 indexed brandId, address indexed issuer, uint256 used);

    /// @notice Emitted when a brand creates a collection.
    event CollectionCreated(
        address indexed collection,
        uint32 indexed brandId,
        string slug,
        string name,
        string symbol,
        uint32 maxSupply,
        IERC5484.BurnAuth burnAuth,
        uint32 reissueDelay,
        uint8 highestTier,
        uint32 longestTerm
    );

    /// @notice Emitted when a deployer hands the registry over to the consortium.
    event HandedOver(address indexed consortium);

    /// @notice Emitted when the consortium sets where metadata is served.
    event CardBaseURIChanged(string cardBaseURI);

    /// @notice Emitted when the consortium gives all collections other code (ERC-1967 names this event for beacons).
    event Upgraded(address indexed implementation);

    /// @notice Emitted once, when the registry learns where its collections come from.
    event CollectionFactorySet(address factory);

    /// @notice There is no such brand.
    error BrandNotFound(uint32 brandId);

    /// @notice The brand exists, but is not active.
    error BrandNotActive(uint32 brandId, BrandStatus status);

    /// @notice The account does not have the brand's role.
    error BrandRoleMissing(uint32 brandId, BrandRole role, address account);

    /// @notice A brand needs an administrator, a name (at most 100 bytes), a legal name (200) and a domain (253); a filing
    /// number has at most 100 bytes, a profile URI 2,000.
    error InvalidBrandProfile();

    /// @notice A collection needs a name of 1 to 100 bytes and a symbol of 1 to 16 bytes.
    error InvalidCollectionName(string name, string symbol);

    /// @notice The brand's status does not allow this.
    error BrandStatusMismatch(uint32 brandId, BrandStatus status);

    /// @notice The issuer has a daily cap, and this would exceed it. `available` can be issued now; more comes back evenly
    /// over the day.
    error DailyCapExceeded(uint32 brandId, address issuer, uint256 cards, uint256 available);

    /// @notice The role of another brand's, an earlier key's, or nobody's: it cannot be given.
    error RoleNotGrantable(bytes32 role);

    /// @notice The suspension to be lifted is not the brand's last one.
    error SuspensionMismatch(uint32 brandId, uint32 suspension);

    /// @notice The handle is not 2 to 20 of `a-z` and `0-9`.
    error InvalidHandle(string handle);

    /// @notice Another brand has the handle.
    error HandleTaken(string handle, uint32 brandId);

    /// @notice The issuer has no daily cap to be lifted.
    error DailyCapMissing(uint32 brandId, address issuer);

    /// @notice Who decides on the registry is given by the constructor and {handOver}, is one account, and once it is a
    /// contract stays so: what the consortium owns cannot be given up.
    error ConsortiumIsFinal();

    /// @notice The registry needs a consortium that decides.
    error ConsortiumMissing();

    /// @notice The slug is not the brand's handle, a hyphen, and 1 or more of `a-z`, `0-9` and single inner hyphens, 32 in all.
    error InvalidSlug(string slug, string handle);

    /// @notice Another collection has the slug.
    error SlugTaken(string slug, address collection);

    /// @notice The maximum supply must be 1 to 1,000,000,000.
    error InvalidMaxSupply(uint32 maxSupply);

    /// @notice A holder's time to veto is at most 365 days.
    error InvalidReissueDelay(uint32 reissueDelay);

    /// @notice Cards need a term of more than 0 seconds.
    error InvalidLongestTerm(uint32 longestTerm);

    /// @notice The caller is not a collection of this registry.
    error CollectionNotFound(address collection);

    /// @notice This is not the code of a collection of this registry.
    error InvalidImplementation(address implementation);

    /// @notice The factory can be set only once.
    error CollectionFactoryAlreadySet(address factory);

    /// @notice The factory is not set yet, is not a contract, or belongs to another registry.
    error InvalidCollectionFactory(address factory);

    /**
     * @notice Admits a brand. Only for the consortium (`DEFAULT_ADMIN_ROLE`).
     *
     * Gives `admin` the brand's Admin role; the consortium can give and take that role, the brand's administrators can
     * give and take the others. Emits {BrandAdmitted}, {BrandStatusChanged}, {Appointed} and `RoleGranted`. Reverts with
     * {InvalidBrandProfile}, {InvalidHandle} or {HandleTaken}.
     *
     * @param handle The brand's name in links, with which the slugs of its collections begin, for ever: 2 to 20 of `a-z` and
     * `0-9`. Handles are compared by their exact bytes here; that none looks like another brand's is for whoever proposes the
     * admission to check (UTS #39, skeletons; `npm run check-handle`).
     * @return brandId The new brand's number, from 1 on.
     */
    function admitBrand(
        address admin,
        string calldata handle,
        BrandProfile calldata profile
    ) external returns (uint32 brandId);

    /**
     * @notice Ends every key of a brand at once and names its new administrator. Only for the consortium; for brands that are
     * active or suspended, which they stay.
     *
     * The role ids change, so whoever had a role has none any more: what these keys have opened or signed dies with them, and
     * nobody can give any of it back. Reissues that they have requested and acts that they have announced are left to the new
     * keys, which cancel them, or let them pass: without a key nobody carries them out. Together with {reinstateBrand}, in one decision, this is how a brand recovers
     * from stolen keys. Emits {BrandKeysReplaced}, {Appointed} and `RoleGranted`. Reverts with {BrandNotFound},
     * {BrandStatusMismatch} or, for the zero address, {InvalidBrandProfile}.
     */
    function replaceBrandKeys(uint32 brandId, address admin) external;

    /**
     * @notice Takes an active brand's right to act, at once. For the guardian (`GUARDIAN_ROLE`) and the consortium.
     *
     * Cards stay as they are and stay verifiable; holders can still surrender, and veto a reissue. Emits
     * {BrandStatusChanged}. Reverts with {BrandNotFound} or {BrandStatusMismatch}.
     */
    function suspendBrand(uint32 brandId, bytes32 reason) external;

    /// @notice Lifts a brand's suspension. Only for the consortium.
    /// @dev Emits {BrandStatusChanged}. Reverts with {BrandNotFound}, {BrandStatusMismatch} or {SuspensionMismatch}.
    /// @param suspension The number of the suspension: a decision on one does not lift the next.
    function reinstateBrand(uint32 brandId, uint32 suspension) external;

    /// @notice Ends an active or suspended brand for good; its cards stay verifiable. Only for the consortium.
    /// @dev Emits {BrandStatusChanged}. Reverts with {BrandNotFound} or {BrandStatusMismatch}.
    function retireBrand(uint32 brandId, bytes32 reason) external;

    /// @notice Replaces a brand's profile. Only for the consortium, because these are facts that it has checked.
    /// @dev Emits {BrandProfileChanged}. Reverts with {BrandNotFound} or {InvalidBrandProfile}.
    function setBrandProfile(uint32 brandId, BrandProfile calldata profile) external;

    /**
     * @notice Caps how many cards an issuer can give in a day. Only for the brand's administrators, while it is active; a cap
     * that takes something away can be set while the brand is suspended, too.
     *
     * The cap is a bucket: it starts full, and what was used comes back evenly over 24 hours.
     * So a stolen key gives at most the cap at once, and at most twice the cap in its first day. Counts each card that is
     * issued, renewed or changed in its tier, each card of an allowlist when it is opened, and claimed vouchers of this issuer.
     * A changed cap keeps what was used; a cap where there was none begins full. It stays when the role is taken and given
     * again, and ends when the brand's keys are replaced.
     *
     * Emits {DailyCapChanged}. Reverts as {createCollection} does for the caller.
     *
     * @param dailyCap How many cards; with 0 it can give nothing. See {liftDailyCap} for no cap at all.
     */
    function setDailyCap(uint32 brandId, address issuer, uint32 dailyCap) external;

    /// @notice Lets an issuer give as much as it likes. Only for administrators of an active brand.
    /// @dev Emits {DailyCapLifted}. Reverts with {DailyCapMissing}, and as {createCollection} does for the caller.
    function liftDailyCap(uint32 brandId, address issuer) external;

    /**
     * @notice Creates a collection. Only for administrators of an active brand.
     *
     * The address follows from the slug alone, so no two collections can share a slug and {collectionAddress} is known
     * beforehand. Emits {CollectionCreated}. Reverts with {BrandNotFound}, {BrandNotActive}, {BrandRoleMissing},
     * {InvalidSlug}, {SlugTaken}, {InvalidMaxSupply}, {InvalidReissueDelay}, {InvalidLongestTerm}, {InvalidCollectionName} or
     * {InvalidCollectionFactory}; with `ERC1967InvalidImplementation` before the first {upgradeCollections}.
     */
    function createCollection(CollectionRequest calldata request) external returns (address collection);

    /**
     * @notice The one question that a collection asks: may `account`, who called it, do this for its brand now?
     *
     * Only for collections of this registry. Not a view: what an issuer with a daily cap gives is counted. Reverts with
     * {CollectionNotFound}, {BrandNotActive}, {BrandRoleMissing} or {DailyCapExceeded}.
     *
     * @param role The role that the act needs.
     * @param account Who wants to act.
     * @param cards How many cards it gives something to; 0 if none.
     * @return appointment Which appointment gives `account` the role; see {appointmentOf}.
     */
    function authorize(BrandRole role, address account, uint256 cards) external returns (uint64 appointment);

    /**
     * @notice May `account` take away what the brand's keys have given? Whatever the brand's status is.
     *
     * Only for collections of this registry. What an administrator may take away, the guardian may, too. Reverts with
     * {CollectionNotFound} or {BrandRoleMissing}.
     */
    function authorizeWithdrawal(BrandRole role, address account) external view;

    /// @notice The same as {appointmentOf}, while the brand is active. Reverts with {BrandNotFound} or {BrandNotActive}.
    function activeAppointmentOf(uint32 brandId, BrandRole role, address account) external view returns (uint64);

    /// @notice Reverts with {BrandNotFound} or {BrandNotActive} unless the brand is active.
    function requireActive(uint32 brandId) external view;

    /**
     * @notice Gives all collections, present and future, other code. Only for the consortium.
     *
     * What {IBeacon-implementation} answers from then on. Emits {Upgraded}. Reverts with {InvalidImplementation} unless it is
     * a contract that was made for this registry.
     */
    function upgradeCollections(address implementation) external;

    /// @notice Sets where metadata is served. Only for the consortium.
    /// @dev Emits {CardBaseURIChanged}, and not ERC-4906's events: those are the collections', of which there are many. The
    /// same metadata is merely served elsewhere.
    function setCardBaseURI(string calldata cardBaseURI_) external;

    /// @notice Sets where collections come from. Only for the consortium, and only once.
    /// @dev Emits {CollectionFactorySet}. Reverts with {CollectionFactoryAlreadySet} or {InvalidCollectionFactory}.
    function setCollectionFactory(ICollectionFactory factory) external;

    /// @notice Makes `consortium`, a contract, the one who decides on everything here. Only for the account that does so now, and
    /// only as long as that is not a contract itself: on a developer's machine or while the consortium is founded.
    /// @dev Emits {HandedOver} and AccessControl's events. Reverts with {ConsortiumIsFinal} or {ConsortiumMissing}.
    function handOver(address consortium) external;

    /**
     * @notice The AccessControl role id of a brand's role, as long as the brand's keys are not replaced.
     *
     * The id says what it is: the brand's number in the bits from 64 on, its key epoch in those from 32 on, and below the
     * role's number plus 1. Ids of earlier epochs, which have no members any more, can be told by that.
     */
    function roleId(uint32 brandId, BrandRole role) external view returns (bytes32);

    /// @notice Which appointment gives an account a brand's role; 0 if it does not have it.
    /// @dev Numbers grow with each appointment and are never used twice, so what names one dies with it, also when the role is
    /// given again.
    function appointmentOf(uint32 brandId, BrandRole role, address account) external view returns (uint64);

    /// @notice How many brands were admitted; brands are numbered from 1.
    function brandCount() external view returns (uint32);

    /// @notice The AccessControl role that may suspend brands, and nothing else.
    function GUARDIAN_ROLE() external pure returns (bytes32);

    /// @notice A brand's status; `None` if there is no such brand.
    function brandStatus(uint32 brandId) external view returns (BrandStatus);

    /// @notice Whether an issuer has a daily cap, which, and how many cards it can give something to now.
    function dailyCapOf(
        uint32 brandId,
        address issuer
    ) external view returns (bool capped, uint32 dailyCap, uint256 available);

    /// @notice What is known of a brand. Reverts with {BrandNotFound}.
    function brandOf(uint32 brandId) external view returns (Brand memory);

    /// @notice The brand with this handle; 0 if there is none.
    function brandOfHandle(string calldata handle) external view returns (uint32 brandId);

    /// @notice How many collections there are.
    function collectionCount() external view returns (uint256);

    /// @notice A collection by its place in the order of creation, from 0 on.
    function collectionAt(uint256 index) external view returns (address);

    /// @notice The brand of a collection; 0 for an address that is not a collection of this registry.
    function brandOfCollection(address collection) external view returns (uint32);

    /// @notice The collection with this slug; zero if there is none.
    function collectionOf(string calldata slug) external view returns (address);

    /// @notice The address that a collection with this slug has or would have.
    function collectionAddress(string calldata slug) external view returns (address);

    /// @notice Where metadata is served. Empty if nowhere.
    function cardBaseURI() external view returns (string memory);

    /// @notice Where a collection is described: `<cardBaseURI><collection>`. Empty if nowhere.
    function collectionURI(address collection) external view returns (string memory);

    /// @notice Where a card's metadata is: `<cardBaseURI><collection>/<serial>`. Empty if nowhere.
    function cardURI(address collection, uint256 serial) external view returns (string memory);

    /// @notice Where collections come from; zero before it is set.
    function collectionFactory() external view returns (ICollectionFactory);
}
