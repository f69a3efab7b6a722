// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IBeacon} from "@openzeppelin/contracts/proxy/beacon/IBeacon.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IERC5192} from "../collection/IERC5192.sol";
import {IMembershipCollection} from "../collection/IMembershipCollection.sol";
import {IBrandRegistry} from "./IBrandRegistry.sol";
import {ICollectionFactory} from "./ICollectionFactory.sol";

/**
 * @title The brands of the consortium, their roles and their collections
 *
 * @dev Not upgradeable: who may act for whom is not a rule to change under anybody. Collections ask the registry that
 * their code names, so even this rule could be replaced, by an upgrade of the collections that the consortium votes on in
 * public.
 *
 * The registry is itself the beacon (ERC-1967) that all collections follow: one authority decides on brands and on code,
 * and a collection's act touches one account less, which saves it 2,500 gas.
 *
 * The consortium is whoever has `DEFAULT_ADMIN_ROLE`: one key on a developer's machine, the governance timelock in
 * production. Brand roles are ordinary AccessControl roles whose ids derive from the brand's number, so they are listed,
 * given and taken with the standard's own functions and events.
 */
contract BrandRegistry is IBrandRegistry, AccessControl {
    using RateLimiter for RateLimiter.RefillingBucket;

    struct BrandEntry {
        BrandStatus status;
        BrandProfile profile;
    }

    /// @inheritdoc IBrandRegistry
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @dev Serials stay below 2^30, so databases and clients can keep them in signed 32-bit integers.
    uint32 private constant _MAX_SUPPLY_LIMIT = 1_000_000_000;

    /// @dev A year. A longer wait would be a lost card for good.
    uint32 private constant _MAX_REISSUE_DELAY = 365 days;

    /// @dev Lengths in bytes. They keep every text fit to be shown, and nobody pays for another one's novel.
    uint256 private constant _MAX_NAME_LENGTH = 100;
    uint256 private constant _MAX_SYMBOL_LENGTH = 16;
    uint256 private constant _MAX_LEGAL_NAME_LENGTH = 200;
    /// @dev RFC 1035, section 2.3.4.
    uint256 private constant _MAX_DOMAIN_LENGTH = 253;
    uint256 private constant _MAX_URI_LENGTH = 2_000;

    /// @dev The bucket of a cap belongs to one issuer, so one key is enough.
    bytes32 private constant _CAP_KEY = 0;

    address private _implementation;
    ICollectionFactory private _collectionFactory;
    uint32 private _brandCount;
    string private _cardBaseURI;
    address[] private _collections;
    mapping(uint32 brandId => BrandEntry brand) private _brands;
    mapping(address collection => uint32 brandId) private _brandOfCollection;
    mapping(uint32 brandId => mapping(address issuer => RateLimiter.RefillingBucket cap)) private _dailyCaps;

    /// @param consortium Who decides on brands.
    /// @param cardBaseURI_ Where metadata is served; may be empty.
    constructor(address consortium, string memory cardBaseURI_) {
        if (consortium == address(0)) revert ConsortiumMissing();
        _grantRole(DEFAULT_ADMIN_ROLE, consortium);
        _setCardBaseURI(cardBaseURI_);
    }

    /// @inheritdoc IBrandRegistry
    function admitBrand(
        address admin,
        BrandProfile calldata profile
    ) public virtual onlyRole(DEFAULT_ADMIN_ROLE) returns (uint32 brandId) {
        if (admin == address(0)) revert InvalidBrandProfile();
        _checkProfile(profile);

        brandId = ++_brandCount;
        _brands[brandId].profile = profile;
        emit BrandAdmitted(brandId, admin, profile);
        _setBrandStatus(brandId, BrandStatus.Active, 0);

        bytes32 adminRole = roleId(brandId, BrandRole.Admin);
        _setRoleAdmin(roleId(brandId, BrandRole.Issuer), adminRole);
        _setRoleAdmin(roleId(brandId, BrandRole.Steward), adminRole);
        _setRoleAdmin(roleId(brandId, BrandRole.Staff), adminRole);
        _grantRole(adminRole, admin);
    }

    /// @inheritdoc IBrandRegistry
    function suspendBrand(uint32 brandId, bytes32 reason) public virtual {
        if (!hasRole(GUARDIAN_ROLE, msg.sender)) _checkRole(DEFAULT_ADMIN_ROLE, msg.sender);
        BrandStatus status = _requireBrand(brandId);
        if (status != BrandStatus.Active) revert BrandStatusMismatch(brandId, status);
        _setBrandStatus(brandId, BrandStatus.Suspended, reason);
    }

    /// @inheritdoc IBrandRegistry
    function reinstateBrand(uint32 brandId) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        BrandStatus status = _requireBrand(brandId);
        if (status != BrandStatus.Suspended) revert BrandStatusMismatch(brandId, status);
        _setBrandStatus(brandId, BrandStatus.Active, 0);
    }

    /// @inheritdoc IBrandRegistry
    function retireBrand(uint32 brandId, bytes32 reason) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        BrandStatus status = _requireBrand(brandId);
        if (status == BrandStatus.Retired) revert BrandStatusMismatch(brandId, status);
        _setBrandStatus(brandId, BrandStatus.Retired, reason);
    }

    /// @inheritdoc IBrandRegistry
    function setBrandProfile(
        uint32 brandId,
        BrandProfile calldata profile
    ) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        _requireBrand(brandId);
        _checkProfile(profile);
        _brands[brandId].profile = profile;
        emit BrandProfileChanged(brandId, profile);
    }

    /// @inheritdoc IBrandRegistry
    function setDailyCap(uint32 brandId, address issuer, uint32 dailyCap) public virtual {
        _checkBrandRole(brandId, BrandRole.Admin, msg.sender);
        RateLimiter.RefillingBucket storage bucket = _dailyCaps[brandId][issuer];
        // What came back so far came back at the old rate; while there is no cap, nothing is counted.
        if (bucket._capacity == 0) bucket.reset(_CAP_KEY);
        else bucket.sync(_CAP_KEY);
        bucket.updateSettings(1 days, dailyCap);
        emit DailyCapChanged(brandId, issuer, dailyCap);
    }

    /// @inheritdoc IBrandRegistry
    function createCollection(CollectionRequest calldata request) public virtual returns (address collection) {
        _checkBrandRole(request.brandId, BrandRole.Admin, msg.sender);
        if (!_isSlug(bytes(request.slug))) revert InvalidSlug(request.slug);
        if (request.maxSupply == 0 || request.maxSupply > _MAX_SUPPLY_LIMIT) revert InvalidMaxSupply(request.maxSupply);
        if (request.reissueDelay > _MAX_REISSUE_DELAY) revert InvalidReissueDelay(request.reissueDelay);
        if (!_isText(request.name, _MAX_NAME_LENGTH) || !_isText(request.symbol, _MAX_SYMBOL_LENGTH)) {
            revert InvalidCollectionName(request.name, request.symbol);
        }
        collection = collectionAddress(request.slug);
        if (_brandOfCollection[collection] != 0) revert SlugTaken(request.slug, collection);

        _collectionFactory.create(request.slug);
        _collections.push(collection);
        _brandOfCollection[collection] = request.brandId;
        emit CollectionCreated(
            collection,
            request.brandId,
            request.slug,
            request.name,
            request.symbol,
            request.maxSupply,
            request.burnAuth,
            request.reissueDelay
        );

        IMembershipCollection(collection).initialize(
            request.name,
            request.symbol,
            IMembershipCollection.CollectionTerms({
                brandId: request.brandId,
                maxSupply: request.maxSupply,
                burnAuth: request.burnAuth,
                reissueDelay: request.reissueDelay
            })
        );
    }

    /// @inheritdoc IBrandRegistry
    function authorize(BrandRole role, address account, uint256 cards) public virtual {
        uint32 brandId = _brandOfCollection[msg.sender];
        if (brandId == 0) revert CollectionNotFound(msg.sender);
        _checkBrandRole(brandId, role, account);
        if (cards == 0) return;
        RateLimiter.RefillingBucket storage bucket = _dailyCaps[brandId][account];
        if (bucket._capacity == 0) return;
        if (!bucket.tryConsume(_CAP_KEY, cards)) {
            revert DailyCapExceeded(brandId, account, cards, bucket.available(_CAP_KEY));
        }
        emit DailyCapUsed(brandId, account, bucket.used(_CAP_KEY));
    }

    /// @inheritdoc IBrandRegistry
    function upgradeCollections(address implementation_) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_isCollectionCode(implementation_)) revert InvalidImplementation(implementation_);
        _implementation = implementation_;
        emit Upgraded(implementation_);
    }

    /// @inheritdoc IBrandRegistry
    function setCardBaseURI(string calldata cardBaseURI_) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        _setCardBaseURI(cardBaseURI_);
    }

    /// @inheritdoc IBrandRegistry
    function setCollectionFactory(ICollectionFactory factory) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        if (address(_collectionFactory) != address(0)) {
            revert CollectionFactoryAlreadySet(address(_collectionFactory));
        }
        if (!_isFactory(factory)) revert InvalidCollectionFactory(address(factory));
        _collectionFactory = factory;
        emit CollectionFactorySet(address(factory));
    }

    /// @inheritdoc IBeacon
    function implementation() public view virtual returns (address) {
        return _implementation;
    }

    /// @inheritdoc IBrandRegistry
    function requireActive(uint32 brandId) public view virtual {
        BrandStatus status = _requireBrand(brandId);
        if (status != BrandStatus.Active) revert BrandNotActive(brandId, status);
    }

    /// @inheritdoc IBrandRegistry
    function roleId(uint32 brandId, BrandRole role) public pure virtual returns (bytes32) {
        return keccak256(abi.encode(brandId, role));
    }

    /// @inheritdoc IBrandRegistry
    function brandCount() public view virtual returns (uint32) {
        return _brandCount;
    }

    /// @inheritdoc IBrandRegistry
    function brandStatus(uint32 brandId) public view virtual returns (BrandStatus) {
        return _brands[brandId].status;
    }

    /// @inheritdoc IBrandRegistry
    function brandOf(uint32 brandId) public view virtual returns (BrandStatus status, BrandProfile memory profile) {
        return (_requireBrand(brandId), _brands[brandId].profile);
    }

    /// @inheritdoc IBrandRegistry
    function dailyCapOf(
        uint32 brandId,
        address issuer
    ) public view virtual returns (uint32 dailyCap, uint256 available) {
        RateLimiter.RefillingBucket storage bucket = _dailyCaps[brandId][issuer];
        dailyCap = uint32(bucket._capacity);
        available = dailyCap == 0 ? type(uint256).max : bucket.available(_CAP_KEY);
    }

    /// @inheritdoc IBrandRegistry
    function collectionCount() public view virtual returns (uint256) {
        return _collections.length;
    }

    /// @inheritdoc IBrandRegistry
    function collectionAt(uint256 index) public view virtual returns (address) {
        return _collections[index];
    }

    /// @inheritdoc IBrandRegistry
    function brandOfCollection(address collection) public view virtual returns (uint32) {
        return _brandOfCollection[collection];
    }

    /// @inheritdoc IBrandRegistry
    function collectionOf(string calldata slug) public view virtual returns (address) {
        if (address(_collectionFactory) == address(0)) return address(0);
        address collection = collectionAddress(slug);
        return brandOfCollection(collection) == 0 ? address(0) : collection;
    }

    /// @inheritdoc IBrandRegistry
    function collectionAddress(string calldata slug) public view virtual returns (address) {
        if (address(_collectionFactory) == address(0)) revert InvalidCollectionFactory(address(0));
        return _collectionFactory.addressOf(slug);
    }

    /// @inheritdoc IBrandRegistry
    function cardBaseURI() public view virtual returns (string memory) {
        return _cardBaseURI;
    }

    /// @inheritdoc IBrandRegistry
    function collectionURI(address collection) public view virtual returns (string memory) {
        if (bytes(_cardBaseURI).length == 0) return "";
        return string.concat(_cardBaseURI, Strings.toHexString(collection));
    }

    /// @inheritdoc IBrandRegistry
    function cardURI(address collection, uint256 serial) public view virtual returns (string memory) {
        if (bytes(_cardBaseURI).length == 0) return "";
        return string.concat(collectionURI(collection), "/", Strings.toString(serial));
    }

    /// @inheritdoc IBrandRegistry
    function collectionFactory() public view virtual returns (ICollectionFactory) {
        return _collectionFactory;
    }

    function _setCardBaseURI(string memory cardBaseURI_) internal {
        _cardBaseURI = cardBaseURI_;
        emit CardBaseURIChanged(cardBaseURI_);
    }

    function _setBrandStatus(uint32 brandId, BrandStatus status, bytes32 reason) internal {
        _brands[brandId].status = status;
        emit BrandStatusChanged(brandId, status, reason);
    }

    /// @dev An administrator cannot take its own role away, so there is always one that can decide.
    function _revokeRole(bytes32 role, address account) internal virtual override returns (bool) {
        if (role == DEFAULT_ADMIN_ROLE && account == msg.sender) revert ConsortiumCannotLeave();
        return super._revokeRole(role, account);
    }

    /// @dev Whether this can be the code of this registry's collections. A collection's own address cannot: it would look for
    /// its code here, and find itself. What is wrong here would make every collection useless at once.
    function _isCollectionCode(address code) internal view returns (bool) {
        if (_brandOfCollection[code] != 0) return false;
        if (!ERC165Checker.supportsInterface(code, type(IERC5192).interfaceId)) return false;
        try IMembershipCollection(code).registry() returns (IBrandRegistry registry) {
            return address(registry) == address(this);
        } catch {
            return false;
        }
    }

    /// @dev Whether this makes collections for this registry.
    function _isFactory(ICollectionFactory factory) internal view returns (bool) {
        if (address(factory).code.length == 0) return false;
        try factory.registry() returns (address registry) {
            if (registry != address(this)) return false;
        } catch {
            return false;
        }
        try factory.addressOf("") returns (address) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev The brand's status. Reverts if there is no such brand.
    function _requireBrand(uint32 brandId) internal view returns (BrandStatus status) {
        status = _brands[brandId].status;
        if (status == BrandStatus.None) revert BrandNotFound(brandId);
    }

    /// @dev Reverts unless the brand is active and `account` has its role.
    function _checkBrandRole(uint32 brandId, BrandRole role, address account) internal view {
        requireActive(brandId);
        if (!hasRole(roleId(brandId, role), account)) revert BrandRoleMissing(brandId, role, account);
    }

    function _checkProfile(BrandProfile calldata profile) internal pure {
        if (
            !_isText(profile.name, _MAX_NAME_LENGTH) ||
            !_isText(profile.legalName, _MAX_LEGAL_NAME_LENGTH) ||
            !_isText(profile.domain, _MAX_DOMAIN_LENGTH) ||
            bytes(profile.filingNumber).length > _MAX_NAME_LENGTH ||
            bytes(profile.profileURI).length > _MAX_URI_LENGTH
        ) revert InvalidBrandProfile();
    }

    /// @dev 1 to `maxLength` bytes. That they are UTF-8 is not checked: readers must do without it.
    function _isText(string calldata text, uint256 maxLength) internal pure returns (bool) {
        uint256 length = bytes(text).length;
        return length > 0 && length <= maxLength;
    }

    /// @dev 3 to 32 of `a-z`, `0-9` and single inner hyphens; nothing that looks like something else can be registered.
    function _isSlug(bytes calldata slug) internal pure returns (bool) {
        uint256 length = slug.length;
        if (length < 3 || length > 32) return false;
        bool afterHyphen = true;
        for (uint256 i = 0; i < length; ++i) {
            bytes1 char = slug[i];
            bool isHyphen = char == "-";
            if (isHyphen ? afterHyphen : !((char >= "a" && char <= "z") || (char >= "0" && char <= "9"))) return false;
            afterHyphen = isHyphen;
        }
        return !afterHyphen;
    }
}
