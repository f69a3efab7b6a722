// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IBeacon} from "@openzeppelin/contracts/proxy/beacon/IBeacon.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

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
 * production. Brand roles are ordinary AccessControl roles, given and taken with the standard's own functions and events.
 * Their ids hold the brand's number and its key epoch, so one write ends all of a brand's keys, however many there are.
 * Who has a role is kept here and not in OpenZeppelin's mapping, because it has a number: see {appointmentOf}.
 */
contract BrandRegistry is IBrandRegistry, AccessControl {
    /**
     * @dev How an account has a role, and for an issuer, what it may give in a day: one slot, so that an act reads and writes no
     * more than that. The cap stays when the role is taken away, lest it be lost by giving the role again.
     *
     * The cap is a bucket as OpenZeppelin's RateLimiter has it, whose two slots would cost each act 5,000 gas more.
     *
     * @param number Which appointment this is; 0 if the account does not have the role.
     * @param capped Whether there is a cap.
     * @param dailyCap What comes back in a day, and is there at most.
     * @param used What was used up at `usedAt`.
     * @param usedAt When that was, in seconds since the Unix epoch.
     */
    struct Appointment {
        uint64 number;
        bool capped;
        uint32 dailyCap;
        uint32 used;
        uint48 usedAt;
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

    /// @dev Where the parts of a brand's role ids stand; above them there is nothing, which tells them from all other roles.
    uint256 private constant _ROLE_EPOCH_SHIFT = 32;
    uint256 private constant _ROLE_BRAND_SHIFT = 64;
    uint256 private constant _ROLE_BITS = 96;

    address private _implementation;
    ICollectionFactory private _collectionFactory;
    uint32 private _brandCount;
    uint64 private _appointmentCount;
    string private _cardBaseURI;
    address[] private _collections;
    mapping(uint32 brandId => Brand brand) private _brands;
    mapping(string handle => uint32 brandId) private _brandOfHandle;
    mapping(bytes32 role => mapping(address account => Appointment appointment)) private _appointments;
    mapping(address collection => uint32 brandId) private _brandOfCollection;

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
        string calldata handle,
        BrandProfile calldata profile
    ) public virtual onlyRole(DEFAULT_ADMIN_ROLE) returns (uint32 brandId) {
        if (admin == address(0)) revert InvalidBrandProfile();
        _checkProfile(profile);
        if (!_isHandle(bytes(handle))) revert InvalidHandle(handle);
        if (_brandOfHandle[handle] != 0) revert HandleTaken(handle, _brandOfHandle[handle]);

        brandId = ++_brandCount;
        _brandOfHandle[handle] = brandId;
        _brands[brandId].handle = handle;
        _brands[brandId].profile = profile;
        emit BrandAdmitted(brandId, admin, handle, profile);
        _setBrandStatus(brandId, BrandStatus.Active, 0);
        _grantRole(roleId(brandId, BrandRole.Admin), admin);
    }

    /// @inheritdoc IBrandRegistry
    function replaceBrandKeys(uint32 brandId, address admin) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        if (admin == address(0)) revert InvalidBrandProfile();
        BrandStatus status = _requireBrand(brandId);
        if (status == BrandStatus.Retired) revert BrandStatusMismatch(brandId, status);
        uint32 keyEpoch = ++_brands[brandId].keyEpoch;
        emit BrandKeysReplaced(brandId, keyEpoch, admin);
        _appoint(roleId(brandId, BrandRole.Admin), admin);
    }

    /// @inheritdoc IBrandRegistry
    function suspendBrand(uint32 brandId, bytes32 reason) public virtual {
        if (!hasRole(GUARDIAN_ROLE, msg.sender)) _checkRole(DEFAULT_ADMIN_ROLE, msg.sender);
        BrandStatus status = _requireBrand(brandId);
        if (status != BrandStatus.Active) revert BrandStatusMismatch(brandId, status);
        ++_brands[brandId].suspension;
        _setBrandStatus(brandId, BrandStatus.Suspended, reason);
    }

    /// @inheritdoc IBrandRegistry
    function reinstateBrand(uint32 brandId, uint32 suspension) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        BrandStatus status = _requireBrand(brandId);
        if (status != BrandStatus.Suspended) revert BrandStatusMismatch(brandId, status);
        uint32 last = _brands[brandId].suspension;
        if (suspension != last) revert SuspensionMismatch(brandId, last);
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
        Appointment storage appointment = _appointments[roleId(brandId, BrandRole.Issuer)][issuer];
        Appointment memory before = appointment;
        if (before.capped && dailyCap > before.dailyCap) requireActive(brandId);
        _checkBrandRole(brandId, BrandRole.Admin, msg.sender);
        // What came back so far came back at the old rate; while there is no cap, nothing is counted.
        appointment.used = before.capped ? _used(before) : 0;
        appointment.usedAt = uint48(block.timestamp);
        appointment.capped = true;
        appointment.dailyCap = dailyCap;
        emit DailyCapChanged(brandId, issuer, dailyCap);
    }

    /// @inheritdoc IBrandRegistry
    function liftDailyCap(uint32 brandId, address issuer) public virtual {
        requireActive(brandId);
        _checkBrandRole(brandId, BrandRole.Admin, msg.sender);
        Appointment storage appointment = _appointments[roleId(brandId, BrandRole.Issuer)][issuer];
        if (!appointment.capped) revert DailyCapMissing(brandId, issuer);
        appointment.capped = false;
        emit DailyCapLifted(brandId, issuer);
    }

    /// @inheritdoc IBrandRegistry
    function createCollection(CollectionRequest calldata request) public virtual returns (address collection) {
        requireActive(request.brandId);
        _checkBrandRole(request.brandId, BrandRole.Admin, msg.sender);
        string memory handle = _brands[request.brandId].handle;
        if (!_isSlug(bytes(request.slug), bytes(handle))) revert InvalidSlug(request.slug, handle);
        if (request.maxSupply == 0 || request.maxSupply > _MAX_SUPPLY_LIMIT) revert InvalidMaxSupply(request.maxSupply);
        if (request.reissueDelay > _MAX_REISSUE_DELAY) revert InvalidReissueDelay(request.reissueDelay);
        if (request.longestTerm == 0) revert InvalidLongestTerm(0);
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
            request.reissueDelay,
            request.highestTier,
            request.longestTerm
        );

        IMembershipCollection(collection).initialize(
            request.name,
            request.symbol,
            IMembershipCollection.CollectionTerms({
                brandId: request.brandId,
                maxSupply: request.maxSupply,
                burnAuth: request.burnAuth,
                reissueDelay: request.reissueDelay,
                highestTier: request.highestTier,
                longestTerm: request.longestTerm
            })
        );
    }

    /// @inheritdoc IBrandRegistry
    function authorize(BrandRole role, address account, uint256 cards) public virtual returns (uint64 appointment) {
        uint32 brandId = _requireCollection(msg.sender);
        requireActive(brandId);
        Appointment storage held = _checkBrandRole(brandId, role, account);
        appointment = held.number;
        if (cards != 0 && held.capped) {
            uint32 used = _used(held);
            uint256 available = Math.saturatingSub(held.dailyCap, used);
            if (cards > available) revert DailyCapExceeded(brandId, account, cards, available);
            // Cannot overflow: at most the cap.
            unchecked {
                used += uint32(cards);
            }
            held.used = used;
            held.usedAt = uint48(block.timestamp);
            emit DailyCapUsed(brandId, account, used);
        }
    }

    /// @inheritdoc IBrandRegistry
    function authorizeWithdrawal(BrandRole role, address account) public view virtual {
        uint32 brandId = _requireCollection(msg.sender);
        if (role == BrandRole.Admin && hasRole(GUARDIAN_ROLE, account)) return;
        _checkBrandRole(brandId, role, account);
    }

    /// @inheritdoc IBrandRegistry
    function upgradeCollections(address implementation_) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        // In place first: what only passes calls on to what is in place, as a collection does, would find itself without end.
        _implementation = implementation_;
        if (!_isCollectionCode(implementation_)) revert InvalidImplementation(implementation_);
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

    /// @inheritdoc IBrandRegistry
    function handOver(address consortium) public virtual onlyRole(DEFAULT_ADMIN_ROLE) {
        if (msg.sender.code.length != 0) revert ConsortiumIsFinal();
        if (consortium.code.length == 0) revert ConsortiumMissing();
        delete _appointments[DEFAULT_ADMIN_ROLE][msg.sender];
        emit RoleRevoked(DEFAULT_ADMIN_ROLE, msg.sender, msg.sender);
        _appoint(DEFAULT_ADMIN_ROLE, consortium);
        emit HandedOver(consortium);
    }

    /// @inheritdoc IBeacon
    function implementation() public view virtual returns (address) {
        return _implementation;
    }

    /// @inheritdoc IBrandRegistry
    function activeAppointmentOf(uint32 brandId, BrandRole role, address account) public view virtual returns (uint64) {
        requireActive(brandId);
        return appointmentOf(brandId, role, account);
    }

    /// @inheritdoc IBrandRegistry
    function requireActive(uint32 brandId) public view virtual {
        BrandStatus status = _requireBrand(brandId);
        if (status != BrandStatus.Active) revert BrandNotActive(brandId, status);
    }

    /// @inheritdoc IBrandRegistry
    function roleId(uint32 brandId, BrandRole role) public view virtual returns (bytes32) {
        return
            bytes32(
                (uint256(brandId) << _ROLE_BRAND_SHIFT) |
                    (uint256(_brands[brandId].keyEpoch) << _ROLE_EPOCH_SHIFT) |
                    (uint256(role) + 1)
            );
    }

    /// @inheritdoc IBrandRegistry
    function appointmentOf(uint32 brandId, BrandRole role, address account) public view virtual returns (uint64) {
        return _appointments[roleId(brandId, role)][account].number;
    }

    /// @inheritdoc IAccessControl
    /// @dev Nobody has a role of an earlier key epoch.
    function hasRole(bytes32 role, address account) public view virtual override returns (bool) {
        return _appointments[role][account].number != 0 && !_isStale(role);
    }

    /// @inheritdoc IAccessControl
    /// @dev The Admin of a brand's role is of the same key epoch as the role.
    function getRoleAdmin(bytes32 role) public view virtual override returns (bytes32) {
        uint256 id = uint256(role);
        uint256 adminId = uint256(BrandRole.Admin) + 1;
        if (id >> _ROLE_BITS != 0 || id >> _ROLE_BRAND_SHIFT == 0 || uint32(id) == adminId) return DEFAULT_ADMIN_ROLE;
        return bytes32(((id >> _ROLE_EPOCH_SHIFT) << _ROLE_EPOCH_SHIFT) | adminId);
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
    function brandOf(uint32 brandId) public view virtual returns (Brand memory) {
        _requireBrand(brandId);
        return _brands[brandId];
    }

    /// @inheritdoc IBrandRegistry
    function brandOfHandle(string calldata handle) public view virtual returns (uint32 brandId) {
        return _brandOfHandle[handle];
    }

    /// @inheritdoc IBrandRegistry
    function dailyCapOf(
        uint32 brandId,
        address issuer
    ) public view virtual returns (bool capped, uint32 dailyCap, uint256 available) {
        Appointment memory appointment = _appointments[roleId(brandId, BrandRole.Issuer)][issuer];
        capped = appointment.capped;
        dailyCap = capped ? appointment.dailyCap : 0;
        available = capped ? Math.saturatingSub(dailyCap, _used(appointment)) : type(uint256).max;
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
        Brand storage brand = _brands[brandId];
        brand.status = status;
        emit BrandStatusChanged(brandId, status, brand.suspension, reason);
    }

    /// @dev The choke-point of {grantRole}: nothing is given to a brand that is not active, nor a role that is nobody's.
    function _grantRole(bytes32 role, address account) internal virtual override returns (bool) {
        if (role == DEFAULT_ADMIN_ROLE) {
            // From the constructor alone.
            if (address(this).code.length != 0) revert ConsortiumIsFinal();
        } else if (role != GUARDIAN_ROLE) {
            uint32 brandId = uint32(uint256(role) >> _ROLE_BRAND_SHIFT);
            requireActive(brandId);
            uint32 number = uint32(uint256(role));
            bool exists = number != 0 && number <= uint256(type(BrandRole).max) + 1;
            if (!exists || role != roleId(brandId, BrandRole(number - 1))) revert RoleNotGrantable(role);
        }
        return _appoint(role, account);
    }

    /// @dev Gives a role, numbered.
    function _appoint(bytes32 role, address account) internal returns (bool) {
        Appointment storage appointment = _appointments[role][account];
        if (appointment.number != 0) return false;
        // Nobody can foresee it: who once had an issuer's signer could have signed vouchers for appointments to come. None of
        // its lower bytes is zero, so that a voucher costs the same whichever number it names.
        uint64 number = (++_appointmentCount << 32) | uint32(uint256(_lastBlockHash())) | 0x01010101;
        appointment.number = number;
        emit RoleGranted(role, account, msg.sender);
        if (role != DEFAULT_ADMIN_ROLE && role != GUARDIAN_ROLE) {
            uint32 brandId = uint32(uint256(role) >> _ROLE_BRAND_SHIFT);
            emit Appointed(brandId, BrandRole(uint32(uint256(role)) - 1), account, number);
        }
        return true;
    }

    /// @dev Zero in block 0, in which nodes try out what is sent to a chain that has no other yet.
    function _lastBlockHash() private view returns (bytes32) {
        unchecked {
            return blockhash(block.number - 1);
        }
    }

    /// @dev The choke-point of {revokeRole} and {renounceRole}. The consortium can neither leave nor be sent away.
    function _revokeRole(bytes32 role, address account) internal virtual override returns (bool) {
        if (role == DEFAULT_ADMIN_ROLE) revert ConsortiumIsFinal();
        if (_appointments[role][account].number == 0) return false;
        // A cap stays.
        _appointments[role][account].number = 0;
        emit RoleRevoked(role, account, msg.sender);
        return true;
    }

    /// @dev How much of a cap is used up now: what was used comes back evenly over a day.
    function _used(Appointment memory appointment) internal view returns (uint32) {
        uint256 back = ((block.timestamp - appointment.usedAt) * appointment.dailyCap) / 1 days;
        return uint32(Math.saturatingSub(appointment.used, back));
    }

    /// @dev Whether this is a role of a brand from before its keys were replaced.
    function _isStale(bytes32 role) internal view returns (bool) {
        uint256 id = uint256(role);
        if (id >> _ROLE_BITS != 0 || id >> _ROLE_BRAND_SHIFT == 0) return false;
        return uint32(id >> _ROLE_EPOCH_SHIFT) != _brands[uint32(id >> _ROLE_BRAND_SHIFT)].keyEpoch;
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

    /// @dev The brand of a collection. Reverts if it is none of this registry's.
    function _requireCollection(address collection) internal view returns (uint32 brandId) {
        brandId = _brandOfCollection[collection];
        if (brandId == 0) revert CollectionNotFound(collection);
    }

    /// @dev How `account` has the brand's role. Reverts if it does not.
    function _checkBrandRole(
        uint32 brandId,
        BrandRole role,
        address account
    ) internal view returns (Appointment storage appointment) {
        appointment = _appointments[roleId(brandId, role)][account];
        if (appointment.number == 0) revert BrandRoleMissing(brandId, role, account);
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

    /// @dev 2 to 20 of `a-z` and `0-9`. Without hyphens, so that no handle is the beginning of another brand's slugs.
    function _isHandle(bytes calldata handle) internal pure returns (bool) {
        uint256 length = handle.length;
        if (length < 2 || length > 20) return false;
        for (uint256 i = 0; i < length; ++i) {
            if (!_isAlphanumeric(handle[i])) return false;
        }
        return true;
    }

    /// @dev The handle, a hyphen, and 1 or more of `a-z`, `0-9` and single inner hyphens; at most 32 in all.
    function _isSlug(bytes calldata slug, bytes memory handle) internal pure returns (bool) {
        (uint256 length, uint256 start) = (slug.length, handle.length);
        if (length < start + 2 || length > 32) return false;
        if (keccak256(slug[:start]) != keccak256(handle) || slug[start] != "-") return false;
        bool afterHyphen = true;
        for (uint256 i = start + 1; i < length; ++i) {
            bool isHyphen = slug[i] == "-";
            if (isHyphen ? afterHyphen : !_isAlphanumeric(slug[i])) return false;
            afterHyphen = isHyphen;
        }
        return !afterHyphen;
    }

    function _isAlphanumeric(bytes1 char) private pure returns (bool) {
        return (char >= "a" && char <= "z") || (char >= "0" && char <= "9");
    }
}
