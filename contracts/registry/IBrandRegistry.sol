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
        /// Suspends, reinstates, revokes and reissues cards.
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
        /// Nobody may act for the brand until it is reinstated. Its administrators can still take and give roles, which is
        /// how they get rid of a stolen key.
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

    /// @notice What a brand asks for when it creates a collection.
    /// @param brandId The brand.
    /// @param slug The collection's name in links: 3 to 32 of `a-z`, `0-9` and single inner hyphens; unique in the registry.
    /// @param name The collection's name.
    /// @param symbol The collection's symbol.
    /// @param maxSupply How many cards the edition has at most.
    /// @param burnAuth Who may burn a card (ERC-5484).
    /// @param reissueDelay How long a holder can veto a reissue, in seconds; 0 where the brand keeps the holders' keys.
    struct CollectionRequest {
        uint32 brandId;
        string slug;
        string name;
        string symbol;
        uint32 maxSupply;
        IERC5484.BurnAuth burnAuth;
        uint32 reissueDelay;
    }

    /// @notice Emitted when the consortium admits a brand.
    event BrandAdmitted(uint32 indexed brandId, address indexed admin, BrandProfile profile);

    /// @notice Emitted when a brand is admitted, suspended, reinstated or retired.
    /// @param reason Why, as the consortium's own code or the hash of a document; 0 where none is given.
    event BrandStatusChanged(uint32 indexed brandId, BrandStatus status, bytes32 reason);

    /// @notice Emitted when a brand's profile changes; holds the whole new profile.
    event BrandProfileChanged(uint32 indexed brandId, BrandProfile profile);

    /// @notice Emitted when a brand caps what an issuer can issue in a day.
    /// @param dailyCap How many cards; 0 if the issuer has no cap.
    event DailyCapChanged(uint32 indexed brandId, address indexed issuer, uint32 dailyCap);

    /// @notice Emitted when a capped issuer issues, so that what is left can be rebuilt from logs.
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
        uint32 reissueDelay
    );

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

    /// @notice The consortium cannot give itself up; another administrator has to take the role away.
    error ConsortiumCannotLeave();

    /// @notice The registry needs a consortium that decides.
    error ConsortiumMissing();

    /// @notice The slug is not 3 to 32 of `a-z`, `0-9` and single inner hyphens.
    error InvalidSlug(string slug);

    /// @notice Another collection has the slug.
    error SlugTaken(string slug, address collection);

    /// @notice The maximum supply must be 1 to 1,000,000,000.
    error InvalidMaxSupply(uint32 maxSupply);

    /// @notice A holder's time to veto is at most 365 days.
    error InvalidReissueDelay(uint32 reissueDelay);

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
     * give and take the others. Emits {BrandAdmitted}, {BrandStatusChanged} and AccessControl's role events. Reverts with
     * {InvalidBrandProfile}.
     *
     * @return brandId The new brand's number, from 1 on.
     */
    function admitBrand(address admin, BrandProfile calldata profile) external returns (uint32 brandId);

    /**
     * @notice Takes an active brand's right to act, at once. For the guardian (`GUARDIAN_ROLE`) and the consortium.
     *
     * Cards stay as they are and stay verifiable; holders can still surrender, and veto a reissue. Emits
     * {BrandStatusChanged}. Reverts with {BrandNotFound} or {BrandStatusMismatch}.
     */
    function suspendBrand(uint32 brandId, bytes32 reason) external;

    /// @notice Lets a suspended brand act again. Only for the consortium.
    /// @dev Emits {BrandStatusChanged}. Reverts with {BrandNotFound} or {BrandStatusMismatch}.
    function reinstateBrand(uint32 brandId) external;

    /// @notice Ends an active or suspended brand for good; its cards stay verifiable. Only for the consortium.
    /// @dev Emits {BrandStatusChanged}. Reverts with {BrandNotFound} or {BrandStatusMismatch}.
    function retireBrand(uint32 brandId, bytes32 reason) external;

    /// @notice Replaces a brand's profile. Only for the consortium, because these are facts that it has checked.
    /// @dev Emits {BrandProfileChanged}. Reverts with {BrandNotFound} or {InvalidBrandProfile}.
    function setBrandProfile(uint32 brandId, BrandProfile calldata profile) external;

    /**
     * @notice Caps how many cards an issuer can issue in a day. Only for administrators of an active brand.
     *
     * The cap is a bucket (OpenZeppelin's RateLimiter): it starts full, and what was used comes back evenly over 24 hours.
     * So a stolen key issues at most the cap at once, and at most twice the cap in its first day. Applies to {issue},
     * to allowlists when they are opened, and to claimed vouchers of this issuer. A changed cap keeps what was used; a cap
     * where there was none begins full.
     *
     * Emits {DailyCapChanged}. Reverts as {createCollection} does for the caller.
     *
     * @param dailyCap How many cards; 0 lifts the cap.
     */
    function setDailyCap(uint32 brandId, address issuer, uint32 dailyCap) external;

    /**
     * @notice Creates a collection. Only for administrators of an active brand.
     *
     * The address follows from the slug alone, so no two collections can share a slug and {collectionAddress} is known
     * beforehand. Emits {CollectionCreated}. Reverts with {BrandNotFound}, {BrandNotActive}, {BrandRoleMissing},
     * {InvalidSlug}, {SlugTaken}, {InvalidMaxSupply}, {InvalidReissueDelay}, {InvalidCollectionName} or
     * {InvalidCollectionFactory}; with `ERC1967InvalidImplementation` before the first {upgradeCollections}.
     */
    function createCollection(CollectionRequest calldata request) external returns (address collection);

    /**
     * @notice The one question that a collection asks: may `account`, who called it, do this for its brand now?
     *
     * Only for collections of this registry. Not a view: what an issuer with a daily cap issues is counted. Reverts with
     * {CollectionNotFound}, {BrandNotActive}, {BrandRoleMissing} or {DailyCapExceeded}; returns nothing where the answer
     * is yes.
     *
     * @param role The role that the act needs.
     * @param account Who wants to act.
     * @param cards How many new cards it creates; 0 if none.
     */
    function authorize(BrandRole role, address account, uint256 cards) external;

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

    /// @notice The AccessControl role id of a brand's role.
    function roleId(uint32 brandId, BrandRole role) external pure returns (bytes32);

    /// @notice How many brands were admitted; brands are numbered from 1.
    function brandCount() external view returns (uint32);

    /// @notice The AccessControl role that may suspend brands, and nothing else.
    function GUARDIAN_ROLE() external pure returns (bytes32);

    /// @notice A brand's status; `None` if there is no such brand.
    function brandStatus(uint32 brandId) external view returns (BrandStatus);

    /// @notice An issuer's daily cap, 0 for none, and how many cards it can issue now.
    function dailyCapOf(uint32 brandId, address issuer) external view returns (uint32 dailyCap, uint256 available);

    /// @notice A brand's status and profile. Reverts with {BrandNotFound}.
    function brandOf(uint32 brandId) external view returns (BrandStatus status, BrandProfile memory profile);

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
