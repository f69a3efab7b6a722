// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {BeaconProxy} from "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

import {IMembershipCollection} from "../collection/IMembershipCollection.sol";
import {IBrandRegistry} from "./IBrandRegistry.sol";

/**
 * @title The brands of the consortium, their roles and their collections
 *
 * @dev Stands behind a UUPS proxy. The consortium is whoever has `DEFAULT_ADMIN_ROLE`: one key on a developer's machine,
 * the governance timelock in production. Brand roles are ordinary AccessControl roles whose ids derive from the brand's
 * number, so they are listed, given and taken with the standard's own functions and events.
 */
contract BrandRegistry is IBrandRegistry, AccessControlUpgradeable, UUPSUpgradeable {
    struct BrandEntry {
        BrandStatus status;
        BrandProfile profile;
    }

    /// @custom:storage-location erc7201:mintmark.storage.BrandRegistry
    struct BrandRegistryStorage {
        address collectionBeacon;
        uint32 brandCount;
        string cardBaseURI;
        address[] collections;
        mapping(uint32 brandId => BrandEntry brand) brands;
        mapping(address collection => uint32 brandId) brandOfCollection;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.BrandRegistry")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0xceba3733acd6bd470e57c534d344f4118ce6aa67977cf1caf96f36e775407900;

    /// @dev Serials stay below 2^30, so databases and clients can keep them in signed 32-bit integers.
    uint32 private constant _MAX_SUPPLY_LIMIT = 1_000_000_000;

    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets the registry up.
     * @param consortium Who decides on brands and upgrades.
     * @param cardBaseURI_ Where metadata is served; may be empty.
     */
    function initialize(address consortium, string calldata cardBaseURI_) public virtual initializer {
        __AccessControl_init();
        _grantRole(DEFAULT_ADMIN_ROLE, consortium);
        _setCardBaseURI(cardBaseURI_);
    }

    /// @inheritdoc IBrandRegistry
    function admitBrand(
        address admin,
        BrandProfile calldata profile
    ) public virtual onlyRole(DEFAULT_ADMIN_ROLE) returns (uint32 brandId) {
        if (
            admin == address(0) ||
            bytes(profile.name).length == 0 ||
            bytes(profile.legalName).length == 0 ||
            bytes(profile.domain).length == 0
        ) revert BrandProfileIncomplete();

        BrandRegistryStorage storage $ = _registryStorage();
        brandId = ++$.brandCount;
        $.brands[brandId].status = BrandStatus.Active;
        $.brands[brandId].profile = profile;
        emit BrandAdmitted(brandId, admin, profile);

        bytes32 adminRole = roleId(brandId, BrandRole.Admin);
        _setRoleAdmin(roleId(brandId, BrandRole.Issuer), adminRole);
        _setRoleAdmin(roleId(brandId, BrandRole.Steward), adminRole);
        _setRoleAdmin(roleId(brandId, BrandRole.Staff), adminRole);
        _grantRole(adminRole, admin);
    }

    /// @inheritdoc IBrandRegistry
    function createCollection(CollectionRequest calldata request) public virtual returns (address collection) {
        BrandRegistryStorage storage $ = _registryStorage();
        _checkBrandRole(request.brandId, BrandRole.Admin, msg.sender);
        if (!_isSlug(bytes(request.slug))) revert InvalidSlug(request.slug);
        if (request.maxSupply == 0 || request.maxSupply > _MAX_SUPPLY_LIMIT) revert InvalidMaxSupply(request.maxSupply);
        collection = collectionAddress(request.slug);
        if ($.brandOfCollection[collection] != 0) revert SlugTaken(request.slug, collection);

        new BeaconProxy{salt: _salt(request.slug)}($.collectionBeacon, "");
        $.collections.push(collection);
        $.brandOfCollection[collection] = request.brandId;
        emit CollectionCreated(
            collection,
            request.brandId,
            request.slug,
            request.name,
            request.symbol,
            request.maxSupply,
            request.burnAuth
        );

        IMembershipCollection(collection).initialize(
            request.name,
            request.symbol,
            IMembershipCollection.CollectionTerms({
                brandId: request.brandId,
                maxSupply: request.maxSupply,
                burnAuth: request.burnAuth
            })
        );
    }

    /// @inheritdoc IBrandRegistry
    function authorize(BrandRole role, address account, uint256) public virtual {
        uint32 brandId = _registryStorage().brandOfCollection[msg.sender];
        if (brandId == 0) revert CollectionNotFound(msg.sender);
        _checkBrandRole(brandId, role, account);
    }

    /// @inheritdoc IBrandRegistry
    function setCardBaseURI(string calldata cardBaseURI_) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        _setCardBaseURI(cardBaseURI_);
    }

    /// @inheritdoc IBrandRegistry
    function setCollectionBeacon(address beacon) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        BrandRegistryStorage storage $ = _registryStorage();
        if ($.collectionBeacon != address(0)) revert CollectionBeaconAlreadySet($.collectionBeacon);
        if (beacon.code.length == 0) revert InvalidCollectionBeacon(beacon);
        $.collectionBeacon = beacon;
        emit CollectionBeaconSet(beacon);
    }

    /// @inheritdoc IBrandRegistry
    function roleId(uint32 brandId, BrandRole role) public pure virtual returns (bytes32) {
        return keccak256(abi.encode(brandId, role));
    }

    /// @inheritdoc IBrandRegistry
    function brandCount() public view virtual returns (uint32) {
        return _registryStorage().brandCount;
    }

    /// @inheritdoc IBrandRegistry
    function brandOf(uint32 brandId) public view virtual returns (BrandStatus status, BrandProfile memory profile) {
        BrandEntry storage brand = _registryStorage().brands[brandId];
        if (brand.status == BrandStatus.None) revert BrandNotFound(brandId);
        return (brand.status, brand.profile);
    }

    /// @inheritdoc IBrandRegistry
    function collectionCount() public view virtual returns (uint256) {
        return _registryStorage().collections.length;
    }

    /// @inheritdoc IBrandRegistry
    function collectionAt(uint256 index) public view virtual returns (address) {
        return _registryStorage().collections[index];
    }

    /// @inheritdoc IBrandRegistry
    function brandOfCollection(address collection) public view virtual returns (uint32) {
        return _registryStorage().brandOfCollection[collection];
    }

    /// @inheritdoc IBrandRegistry
    function collectionOf(string calldata slug) public view virtual returns (address) {
        if (_registryStorage().collectionBeacon == address(0)) return address(0);
        address collection = collectionAddress(slug);
        return brandOfCollection(collection) == 0 ? address(0) : collection;
    }

    /// @inheritdoc IBrandRegistry
    function collectionAddress(string calldata slug) public view virtual returns (address) {
        address beacon = _registryStorage().collectionBeacon;
        if (beacon == address(0)) revert InvalidCollectionBeacon(beacon);
        return
            Create2.computeAddress(
                _salt(slug),
                keccak256(abi.encodePacked(type(BeaconProxy).creationCode, abi.encode(beacon, "")))
            );
    }

    /// @inheritdoc IBrandRegistry
    function cardBaseURI() public view virtual returns (string memory) {
        return _registryStorage().cardBaseURI;
    }

    /// @inheritdoc IBrandRegistry
    function collectionBeacon() public view virtual returns (address) {
        return _registryStorage().collectionBeacon;
    }

    function _setCardBaseURI(string calldata cardBaseURI_) internal {
        _registryStorage().cardBaseURI = cardBaseURI_;
        emit CardBaseURIChanged(cardBaseURI_);
    }

    /// @dev Reverts unless the brand is active and `account` has its role.
    function _checkBrandRole(uint32 brandId, BrandRole role, address account) internal view {
        BrandStatus status = _registryStorage().brands[brandId].status;
        if (status == BrandStatus.None) revert BrandNotFound(brandId);
        if (status != BrandStatus.Active) revert BrandNotActive(brandId, status);
        if (!hasRole(roleId(brandId, role), account)) revert BrandRoleMissing(brandId, role, account);
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

    /// @inheritdoc UUPSUpgradeable
    /// @dev Only the consortium upgrades the registry.
    function _authorizeUpgrade(address) internal virtual override onlyRole(DEFAULT_ADMIN_ROLE) {}

    function _salt(string calldata slug) private pure returns (bytes32) {
        return keccak256(bytes(slug));
    }

    function _registryStorage() private pure returns (BrandRegistryStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
