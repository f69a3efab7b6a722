// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";

import {Card, CardStatus} from "../../../../contracts/collection/CardRecord.sol";
import {ICardIssuance} from "../../../../contracts/collection/ICardIssuance.sol";
import {ICardLifecycle} from "../../../../contracts/collection/ICardLifecycle.sol";
import {IERC5484} from "../../../../contracts/collection/IERC5484.sol";
import {IMembershipCollection} from "../../../../contracts/collection/IMembershipCollection.sol";
import {MembershipCollection} from "../../../../contracts/collection/MembershipCollection.sol";
import {BrandRegistry} from "../../../../contracts/registry/BrandRegistry.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";
import {vm} from "../support/Vm.sol";
import {RoleBooks} from "./RoleBooks.sol";

/**
 * @title People, dice and books: what every act of a handler is made of
 *
 * @dev An act is put together with dice, so that it is mostly one that must succeed and sometimes, in every way there is, one
 * that must not. While it is put together the books say why it must be refused ({_refuse}), with the very error. {_perform}
 * then calls the collection: an act with no reason against it must succeed, any other must revert with one of its reasons.
 */
abstract contract HandlerBase is RoleBooks {
    /// @notice A collection to act on.
    struct Edition {
        MembershipCollection collection;
        IERC5484.BurnAuth burnAuth;
        uint32 reissueDelay;
        uint8 highestTier;
        uint32 longestTerm;
    }

    /// @dev What the collection must know of a serial.
    /// @param batch The first serial of its batch.
    /// @param timesIssued How often it was issued; a reissue is none.
    /// @param died Whether the card was ever revoked or surrendered.
    struct Entry {
        Card card;
        ICardLifecycle.PendingReissue pending;
        uint32 batch;
        uint16 timesIssued;
        bool died;
        bytes32 root;
    }

    /// @dev One call that somebody makes.
    /// @param reasons The hashes of the errors, one of which it must be refused with; none if it must succeed.
    /// @param unentitled Whether the caller, or who signed in its place, is not who may do this.
    struct Act {
        string name;
        address caller;
        bytes call;
        bytes32[] reasons;
        uint256 reasonCount;
        bool unentitled;
    }

    /// @dev A call that worked, and who made it.
    struct SpentCall {
        bytes call;
        address caller;
    }

    error UnexpectedRefusal(string act, bytes answer);

    uint32 internal constant _BRAND = 1;
    uint256 internal constant _HOLDERS = 5;

    // The others, after the holders. The last one is the consortium, which has no key that we know.
    uint256 internal constant _ADMIN = 5;
    uint256 internal constant _ISSUER = 6;
    uint256 internal constant _SECOND_ISSUER = 7;
    uint256 internal constant _STEWARD = 8;
    uint256 internal constant _STAFF = 9;
    uint256 internal constant _GUARDIAN = 10;
    uint256 internal constant _STRANGER = 11;
    uint256 internal constant _CONSORTIUM = 12;

    uint256 private constant _FIRST_KEY = 0xCA4D0001;

    BrandRegistry internal immutable _registry;
    uint256 internal immutable _maxSupply;

    address[] private _people;
    mapping(address person => uint256 key) private _keys;
    Edition[] internal _editions;
    Edition internal _edition;

    mapping(uint256 serial => Entry entry) internal _entries;
    uint256[] internal _serials;
    IBrandRegistry.BrandStatus internal _brandStatus = IBrandRegistry.BrandStatus.Active;

    /// @dev The call that spent the last signature. It must never work again.
    SpentCall internal _spent;

    /// @dev The runner forgets between two calls what {Vm-warp} has set.
    uint256 internal _now = 1_800_000_000;
    uint256 private _dice;
    bool private _begun;

    /// @notice The serial that the last act was about, the first of them if it was about several.
    uint256 public lastSerial;

    /// @notice An act that succeeded and must not have.
    string public breach;

    /// @notice An act that succeeded although neither its caller nor a signature entitled to it.
    string public trespass;

    /// @dev Every act begins so.
    modifier move(uint256 seed) {
        vm.warp(_now);
        // Of the call alone, so that the runner can leave out calls that a failure has nothing to do with.
        _dice = uint256(keccak256(abi.encode(seed, msg.sig)));
        // The first call decides on the edition: in most sequences on the first one, where everything is possible.
        if (!_begun && _chance(3)) _edition = _editions[_roll(_editions.length)];
        _begun = true;
        _;
    }

    /// @param registry The registry, whose consortium is the caller.
    /// @param editions Collections with the same maximum supply. A sequence is about one of them.
    constructor(BrandRegistry registry, Edition[] memory editions) {
        _registry = registry;
        for (uint256 i = 0; i < editions.length; ++i) _editions.push(editions[i]);
        _edition = editions[0];
        _maxSupply = editions[0].collection.maxSupply();
        for (uint256 i = 0; i < _CONSORTIUM; ++i) {
            address person = vm.addr(_FIRST_KEY + i);
            _people.push(person);
            _keys[person] = _FIRST_KEY + i;
        }
        _people.push(msg.sender);
    }

    /// @notice The collection that this sequence is about.
    function collection() public view returns (MembershipCollection) {
        return _edition.collection;
    }

    /// @notice The time as it is for the acts.
    function time() public view returns (uint256) {
        return _now;
    }

    /// @notice Everybody there is: whoever holds a card is among them.
    function people() public view returns (address[] memory) {
        return _people;
    }

    /// @notice What the books say of a serial.
    function entryOf(uint256 serial) public view returns (Entry memory entry) {
        entry = _entries[serial];
        entry.pending = _pendingOf(serial);
    }

    /// @notice Who has the role from the beginning.
    function roleHolders(IBrandRegistry.BrandRole role) public view returns (address[] memory holders) {
        holders = new address[](role == IBrandRegistry.BrandRole.Issuer ? 2 : 1);
        holders[0] = _proper(role);
        if (holders.length == 2) holders[1] = _people[_SECOND_ISSUER];
    }

    /// @notice Who may suspend brands, and nothing else.
    function guardian() public view returns (address) {
        return _people[_GUARDIAN];
    }

    function _person(uint256 index) internal view returns (address) {
        return _people[index];
    }

    /// @dev A number below `sides`.
    function _roll(uint256 sides) internal returns (uint256) {
        _dice = uint256(keccak256(abi.encode(_dice)));
        return _dice % sides;
    }

    /// @dev True once in `times`.
    function _chance(uint256 times) internal returns (bool) {
        return _roll(times) == 0;
    }

    function _anybody() internal returns (address) {
        return _people[_roll(_people.length)];
    }

    function _anyHolder() internal returns (address) {
        return _people[_roll(_HOLDERS)];
    }

    /// @dev Who does this for the brand.
    function _proper(IBrandRegistry.BrandRole role) internal view returns (address) {
        if (role == IBrandRegistry.BrandRole.Admin) return _people[_ADMIN];
        if (role == IBrandRegistry.BrandRole.Issuer) return _people[_ISSUER];
        if (role == IBrandRegistry.BrandRole.Steward) return _people[_STEWARD];
        return _people[_STAFF];
    }

    function _newAct(string memory name, address caller) internal pure returns (Act memory act) {
        act.name = name;
        act.caller = caller;
        // More than there can be.
        act.reasons = new bytes32[](64);
    }

    /// @dev An act that needs a role, by who has it or by somebody who perhaps has not.
    function _newAct(string memory name, IBrandRegistry.BrandRole role) internal returns (Act memory act) {
        address caller = _proper(role);
        if (role == IBrandRegistry.BrandRole.Issuer && _chance(3)) caller = _people[_SECOND_ISSUER];
        act = _newAct(name, _chance(8) ? _anybody() : caller);
        _needRole(act, role, act.caller);
    }

    /// @dev An act that only takes away: it needs the role, whatever the brand's status is.
    function _newWithdrawal(string memory name, IBrandRegistry.BrandRole role) internal returns (Act memory act) {
        act = _newAct(name, _chance(8) ? _anybody() : _proper(role));
        _needRoleAlone(act, role, act.caller);
    }

    /// @dev The act must be refused, with this error or another one that it is told.
    function _refuse(Act memory act, bytes memory reason) internal pure {
        act.reasons[act.reasonCount++] = keccak256(reason);
    }

    function _needRole(Act memory act, IBrandRegistry.BrandRole role, address person) internal view {
        _needActiveBrand(act);
        _needRoleAlone(act, role, person);
    }

    function _needRoleAlone(Act memory act, IBrandRegistry.BrandRole role, address person) internal view {
        if (_hasRole(role, person)) return;
        act.unentitled = true;
        _refuse(act, abi.encodeWithSelector(IBrandRegistry.BrandRoleMissing.selector, _BRAND, role, person));
    }

    function _needActiveBrand(Act memory act) internal view {
        if (_brandStatus == IBrandRegistry.BrandStatus.Active) return;
        _refuse(act, abi.encodeWithSelector(IBrandRegistry.BrandNotActive.selector, _BRAND, _brandStatus));
    }

    function _needLive(Act memory act, uint256 serial) internal view {
        if (!_isLive(serial)) _refuseStatus(act, serial, _entries[serial].card.status);
    }

    function _refuseStatus(Act memory act, uint256 serial, CardStatus status) internal pure {
        _refuse(act, abi.encodeWithSelector(ICardLifecycle.CardStatusMismatch.selector, serial, status));
    }

    /// @dev Calls the collection, sometimes in a multicall of one.
    function _perform(Act memory act) internal returns (bool) {
        if (_chance(8)) {
            bytes[] memory calls = new bytes[](1);
            calls[0] = act.call;
            act.call = abi.encodeCall(Multicall.multicall, (calls));
        }
        return _perform(act, address(_edition.collection));
    }

    /// @dev Makes the call. Passes an unexpected revert on, which ends the campaign; notes an unexpected success.
    function _perform(Act memory act, address target) internal returns (bool success) {
        bytes memory answer;
        vm.prank(act.caller);
        (success, answer) = target.call(act.call);
        if (success) {
            if (act.reasonCount > 0) breach = act.name;
            if (act.unentitled) trespass = act.name;
            return true;
        }
        bytes32 reason = keccak256(answer);
        for (uint256 i = 0; i < act.reasonCount; ++i) {
            if (act.reasons[i] == reason) return false;
        }
        revert UnexpectedRefusal(act.name, answer);
    }

    /// @dev The signature that `signer` gives, or one that is none. It must be refused then.
    function _signature(Act memory act, address signer, bytes32 structHash) internal returns (bytes memory) {
        uint256 key = _keys[signer];
        uint256 flaw = key == 0 ? 0 : _roll(16);
        if (flaw <= 2) {
            act.unentitled = true;
            _refuse(act, abi.encodeWithSelector(IMembershipCollection.InvalidSignature.selector, signer));
        }
        if (flaw == 0) return "";
        // Somebody else's signature, or one of something else.
        if (flaw == 1) key = _FIRST_KEY + ((key - _FIRST_KEY + 1 + _roll(_CONSORTIUM - 1)) % _CONSORTIUM);
        if (flaw == 2) structHash = keccak256(abi.encode(structHash));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("MembershipCollection"),
                keccak256("1"),
                block.chainid,
                address(_edition.collection)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }

    /// @dev The last second for something; sometimes it has passed.
    function _deadline(Act memory act) internal returns (uint32 deadline) {
        deadline = uint32(_chance(12) ? _now - 1 - _roll(1 days) : _now + _roll(3) * _roll(10 days));
        _needDeadline(act, deadline);
    }

    function _needDeadline(Act memory act, uint256 deadline) internal view {
        if (deadline >= _now) return;
        _refuse(act, abi.encodeWithSelector(ICardIssuance.DeadlinePassed.selector, deadline, _now));
    }

    /// @dev A serial: mostly of a card, often of one of the first few, so that one card has a story; sometimes any.
    function _pick() internal returns (uint256 serial) {
        uint256 count = _serials.length;
        if (count == 0 || _chance(20)) return _roll(_maxSupply + 2);
        return _serials[_roll(_chance(2) && count > 5 ? 5 : count)];
    }

    /// @dev The same, preferring cards of this status.
    function _pick(CardStatus status) internal returns (uint256 serial) {
        for (uint256 i = 0; i < 5; ++i) {
            serial = _pick();
            if (_entries[serial].card.status == status) break;
        }
    }

    /// @dev One to six serials, mostly of cards that are alike in status and expiry; sometimes one twice, sometimes none.
    function _pickSeveral(CardStatus status) internal returns (uint256[] memory serials) {
        if (_chance(50)) return new uint256[](0);
        uint256 first = _pick(status);
        uint256 count = _chance(2) ? 1 : 2 + _roll(5);
        serials = new uint256[](count);
        serials[0] = first;
        uint256 found = 1;
        Card memory like = _entries[first].card;
        uint256 odd = _roll(8 * count);
        for (uint256 step = 1; step <= _maxSupply && found < count; ++step) {
            uint256 serial = (first + step) % (_maxSupply + 1);
            if (found == odd) serial = _pick();
            Card memory card = _entries[serial].card;
            if (found != odd && (card.status != like.status || card.expiresAt != like.expiresAt)) continue;
            serials[found++] = serial;
        }
        assembly ("memory-safe") {
            mstore(serials, found)
        }
    }

    /// @dev Whether the serial stands before this place too.
    function _isRepeated(uint256[] memory serials, uint256 place) internal pure returns (bool) {
        for (uint256 i = 0; i < place; ++i) {
            if (serials[i] == serials[place]) return true;
        }
        return false;
    }

    function _isLive(uint256 serial) internal view returns (bool) {
        CardStatus status = _entries[serial].card.status;
        return status == CardStatus.Active || status == CardStatus.Suspended;
    }

    function _isExpired(uint256 serial) internal view returns (bool) {
        uint256 expiresAt = _entries[serial].card.expiresAt;
        return expiresAt != 0 && expiresAt <= _now;
    }

    /// @dev What is pending; nothing once its time is over.
    function _pendingOf(uint256 serial) internal view returns (ICardLifecycle.PendingReissue memory pending) {
        pending = _entries[serial].pending;
        if (_now > uint256(pending.readyAt) + 30 days) delete pending;
    }

    /// @dev Notes that somebody was given a role, with the number that the registry says.
    function _noteAppointment(IBrandRegistry.BrandRole role, address person) internal {
        if (_appoint(role, person, _registry.appointmentOf(_BRAND, role, person))) return;
        breach = "an appointment's number was used before";
    }

    function _needTier(Act memory act, uint8 tier) internal view {
        if (tier <= _edition.highestTier) return;
        _refuse(act, abi.encodeWithSelector(ICardIssuance.TierNotDeclared.selector, tier, _edition.highestTier));
    }

    /// @dev Until when a card may be valid.
    function _needExpiry(Act memory act, uint256 expiresAt) internal view {
        if (_edition.longestTerm != type(uint32).max) {
            uint256 latest = _now + _edition.longestTerm;
            if (expiresAt == 0 || expiresAt > latest) {
                _refuse(act, abi.encodeWithSelector(ICardIssuance.TermTooLong.selector, expiresAt, latest));
            }
        }
        if (expiresAt == 0 || expiresAt > _now) return;
        _refuse(act, abi.encodeWithSelector(ICardIssuance.ExpiryNotInFuture.selector, expiresAt, _now));
    }

    /// @dev Mostly one of three, so that cards meet benefits.
    function _anyTier() internal returns (uint8) {
        return uint8(_chance(24) ? _roll(256) : _roll(3));
    }

    function _touch(uint256[] memory serials) internal {
        if (serials.length > 0) lastSerial = serials[0];
    }
}
