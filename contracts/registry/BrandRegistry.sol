// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

import {IMembershipCollection} from "../collection/IMembershipCollection.sol";
import {IBrandRegistry} from "./IBrandRegistry.sol";
import {ICollectionFactory} from "./ICollectionFactory.sol";

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
        ICollectionFactory collectionFactory;
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

    /// @dev Lengths in bytes. They keep every text fit to be shown, and nobody pays for another one's novel.
    uint256 private constant _MAX_NAME_LENGTH = 100;
    uint256 private constant _MAX_SYMBOL_LENGTH = 16;
    uint256 private constant _MAX_LEGAL_NAME_LENGTH = 200;
    /// @dev RFC 1035, section 2.3.4.
    uint256 private constant _MAX_DOMAIN_LENGTH = 253;
    uint256 private constant _MAX_URI_LENGTH = 2_000;

    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets the registry up.
     * @param consortium Who decides on brands and upgrades.
     * @param cardBaseURI_ Where metadata is served; may be empty.
     */
    function initialize(address consortium, string calldata cardBaseURI_) public virtual initializer {
        if (consortium == address(0)) revert ConsortiumMissing();
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
            !_isText(profile.name, _MAX_NAME_LENGTH) ||
            !_isText(profile.legalName, _MAX_LEGAL_NAME_LENGTH) ||
            !_isText(profile.domain, _MAX_DOMAIN_LENGTH) ||
            bytes(profile.filingNumber).length > _MAX_NAME_LENGTH ||
            bytes(profile.profileURI).length > _MAX_URI_LENGTH
        ) revert InvalidBrandProfile();

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
        if (!_isText(request.name, _MAX_NAME_LENGTH) || !_isText(request.symbol, _MAX_SYMBOL_LENGTH)) {
            revert InvalidCollectionName(request.name, request.symbol);
        }
        collection = collectionAddress(request.slug);
        if ($.brandOfCollection[collection] != 0) revert SlugTaken(request.slug, collection);

        $.collectionFactory.create(request.slug);
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
    function setCollectionFactory(ICollectionFactory factory) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        BrandRegistryStorage storage $ = _registryStorage();
        if (address($.collectionFactory) != address(0))
            revert CollectionFactoryAlreadySet(address($.collectionFactory));
        if (address(factory).code.length == 0 || factory.registry() != address(this)) {
            revert InvalidCollectionFactory(address(factory));
        }
        $.collectionFactory = factory;
        emit CollectionFactorySet(address(factory));
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
        if (address(_registryStorage().collectionFactory) == address(0)) return address(0);
        address collection = collectionAddress(slug);
        return brandOfCollection(collection) == 0 ? address(0) : collection;
    }

    /// @inheritdoc IBrandRegistry
    function collectionAddress(string calldata slug) public view virtual returns (address) {
        ICollectionFactory factory = _registryStorage().collectionFactory;
        if (address(factory) == address(0)) revert InvalidCollectionFactory(address(0));
        return factory.addressOf(slug);
    }

    /// @inheritdoc IBrandRegistry
    function cardBaseURI() public view virtual returns (string memory) {
        return _registryStorage().cardBaseURI;
    }

    /// @inheritdoc IBrandRegistry
    function collectionFactory() public view virtual returns (ICollectionFactory) {
        return _registryStorage().collectionFactory;
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

    /// @inheritdoc UUPSUpgradeable
    /// @dev Only the consortium upgrades the registry.
    function _authorizeUpgrade(address) internal virtual override onlyRole(DEFAULT_ADMIN_ROLE) {}

    function _registryStorage() private pure returns (BrandRegistryStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
