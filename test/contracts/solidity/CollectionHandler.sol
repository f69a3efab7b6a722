// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Card, CardStatus} from "../../../contracts/collection/CardRecord.sol";
import {ICardIssuance} from "../../../contracts/collection/ICardIssuance.sol";
import {ICardLifecycle} from "../../../contracts/collection/ICardLifecycle.sol";
import {IMembershipCollection} from "../../../contracts/collection/IMembershipCollection.sol";
import {bound, vm} from "./support/Vm.sol";

/**
 * @title What a brand and its customers do to a collection, in any order
 *
 * @dev The runner calls these functions with arguments that it makes up. Beside the collection the handler keeps its own
 * books, simple enough to be right. They say of each act whether it must succeed, and an act that does otherwise either
 * reverts here, which fails the test (`failOnRevert`), or is a {breach}. The invariants compare books and collection.
 */
contract CollectionHandler {
    /// @dev Few, so that one holder comes to have several cards.
    uint256 private constant _HOLDERS = 5;
    uint256 private constant _MAX_BATCH = 4;

    IMembershipCollection private immutable _collection;
    uint256 private immutable _maxSupply;

    /// @dev What the collection must know of each serial, by the handler's books.
    mapping(uint256 serial => Card card) private _cards;
    mapping(uint256 serial => ICardLifecycle.PendingReissue pending) private _pending;
    uint256[] private _serials;

    /// @dev The runner forgets between two calls what {Vm-warp} has set.
    uint256 private _now = 1_800_000_000;

    /// @notice An act that succeeded and must not have.
    string public breach;

    modifier inTime() {
        vm.warp(_now);
        _;
    }

    /// @param collection_ The collection, whose issuer and steward the handler must be.
    constructor(IMembershipCollection collection_) {
        _collection = collection_;
        _maxSupply = collection_.maxSupply();
    }

    /// @notice Time passes, at most some weeks.
    function wait(uint256 time) public {
        _now += bound(time, 1, 40 days);
    }

    /// @notice Issues a batch anywhere; where a serial of it is taken or beyond the edition, it must be refused as a whole.
    function issue(uint256 firstSerial, uint256 count, uint256 seed, uint8 tier, uint256 lifetime) public inTime {
        count = bound(count, 1, _MAX_BATCH);
        firstSerial = bound(firstSerial, 0, _maxSupply + 1);
        // Every second batch never expires; some would be expired already.
        uint32 expiresAt = seed % 2 == 0 ? 0 : uint32(_now - 1 + bound(lifetime, 0, 60 days));
        bool allowed = firstSerial > 0 && firstSerial + count - 1 <= _maxSupply && (expiresAt == 0 || expiresAt > _now);
        address[] memory holders = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            holders[i] = holderAt(uint256(keccak256(abi.encode(seed, i))) % _HOLDERS);
            if (_cards[firstSerial + i].status != CardStatus.None) allowed = false;
        }
        ICardIssuance.CardTerms memory terms = ICardIssuance.CardTerms({tier: tier, expiresAt: expiresAt});
        bytes memory call = abi.encodeCall(ICardIssuance.issue, (firstSerial, holders, terms, bytes32(seed)));
        if (!_act(address(this), call, allowed, "issue")) return;
        for (uint256 i = 0; i < count; ++i) {
            _serials.push(firstSerial + i);
            _cards[firstSerial + i] = Card({
                holder: holders[i],
                issuedAt: uint32(_now),
                expiresAt: expiresAt,
                tier: tier,
                status: CardStatus.Active,
                generation: 0
            });
        }
    }

    function renew(uint256 seed, uint256 duration) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        duration = bound(duration, 0, 60 days);
        uint32 current = card.expiresAt;
        bool allowed = _isLive(card) && current != 0 && duration != 0;
        bytes memory call = abi.encodeCall(ICardLifecycle.renew, (_one(serial), current, uint32(duration)));
        if (!_act(address(this), call, allowed, "renew")) return;
        card.expiresAt = uint32((current > _now ? current : _now) + duration);
    }

    function setTier(uint256 seed, uint8 tier) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        bool allowed = _isLive(card) && card.tier != tier;
        if (!_act(address(this), abi.encodeCall(ICardLifecycle.setTier, (_one(serial), tier)), allowed, "setTier"))
            return;
        card.tier = tier;
    }

    function suspend(uint256 seed, bytes32 reason) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        bytes memory call = abi.encodeCall(ICardLifecycle.suspend, (_one(serial), reason));
        if (_act(address(this), call, card.status == CardStatus.Active, "suspend")) card.status = CardStatus.Suspended;
    }

    function reinstate(uint256 seed) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        bytes memory call = abi.encodeCall(ICardLifecycle.reinstate, (_one(serial)));
        if (_act(address(this), call, card.status == CardStatus.Suspended, "reinstate"))
            card.status = CardStatus.Active;
    }

    function revoke(uint256 seed, bytes32 reason) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        bytes memory call = abi.encodeCall(ICardLifecycle.revoke, (_one(serial), reason));
        if (!_act(address(this), call, _isLive(card), "revoke")) return;
        card.status = CardStatus.Revoked;
        delete _pending[serial];
    }

    /// @notice A card is given up, by its holder or by somebody who is not.
    function surrender(uint256 seed, uint256 callerSeed) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        address caller = holderAt(callerSeed % _HOLDERS);
        bool allowed = _isLive(card) && card.holder == caller;
        if (!_act(caller, abi.encodeCall(ICardLifecycle.surrender, (serial)), allowed, "surrender")) return;
        card.status = CardStatus.Surrendered;
        delete _pending[serial];
    }

    function requestReissue(uint256 seed, uint256 toSeed) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        address to = holderAt(toSeed % _HOLDERS);
        bytes memory call = abi.encodeCall(ICardLifecycle.requestReissue, (serial, to, bytes32(seed)));
        if (!_act(address(this), call, _isLive(card) && card.holder != to, "requestReissue")) return;
        uint32 readyAt = uint32(_now + _collection.collectionTerms().reissueDelay);
        _pending[serial] = ICardLifecycle.PendingReissue({to: to, readyAt: readyAt});
    }

    function executeReissue(uint256 seed) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        ICardLifecycle.PendingReissue memory pending = _pending[serial];
        bool allowed = pending.to != address(0) && _now >= pending.readyAt;
        if (!_act(address(this), abi.encodeCall(ICardLifecycle.executeReissue, (serial)), allowed, "executeReissue"))
            return;
        card.holder = pending.to;
        ++card.generation;
        delete _pending[serial];
    }

    function cancelReissue(uint256 seed) public inTime {
        (uint256 serial, ) = _pick(seed);
        bool allowed = _pending[serial].to != address(0);
        bytes memory call = abi.encodeCall(ICardLifecycle.cancelReissue, (serial));
        if (_act(address(this), call, allowed, "cancelReissue")) delete _pending[serial];
    }

    function vetoReissue(uint256 seed, uint256 callerSeed) public inTime {
        (uint256 serial, Card storage card) = _pick(seed);
        address caller = holderAt(callerSeed % _HOLDERS);
        bool allowed = _pending[serial].to != address(0) && card.holder == caller;
        bytes memory call = abi.encodeCall(ICardLifecycle.vetoReissue, (serial));
        if (_act(caller, call, allowed, "vetoReissue")) delete _pending[serial];
    }

    /// @notice What the collection must say of a serial.
    function cardOf(uint256 serial) public view returns (Card memory) {
        return _cards[serial];
    }

    /// @notice The reissue that the collection must have pending for a serial.
    function pendingReissueOf(uint256 serial) public view returns (ICardLifecycle.PendingReissue memory) {
        return _pending[serial];
    }

    /// @notice How many cards were issued.
    function issuedCount() public view returns (uint256) {
        return _serials.length;
    }

    /// @notice How many holders there are.
    function holderCount() public pure returns (uint256) {
        return _HOLDERS;
    }

    /// @notice The holder of this number, from 0.
    function holderAt(uint256 index) public pure returns (address) {
        return address(uint160(0xCA4D0000 + index));
    }

    /// @dev Every function of the handler, for {Invariants-_target}; what prepares the others stands in it several times.
    function selectors() public pure returns (bytes4[] memory list) {
        list = new bytes4[](14);
        list[0] = this.wait.selector;
        list[1] = this.issue.selector;
        list[2] = this.issue.selector;
        list[3] = this.renew.selector;
        list[4] = this.setTier.selector;
        list[5] = this.suspend.selector;
        list[6] = this.reinstate.selector;
        list[7] = this.revoke.selector;
        list[8] = this.surrender.selector;
        list[9] = this.requestReissue.selector;
        list[10] = this.requestReissue.selector;
        list[11] = this.executeReissue.selector;
        list[12] = this.cancelReissue.selector;
        list[13] = this.vetoReissue.selector;
    }

    /// @dev Calls the collection. Passes a revert on where the books allow the act.
    function _act(address caller, bytes memory call, bool allowed, string memory name) private returns (bool success) {
        bytes memory answer;
        if (caller != address(this)) vm.prank(caller);
        (success, answer) = address(_collection).call(call);
        if (success && !allowed) breach = name;
        if (!success && allowed) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    /// @dev A serial that was issued, or any where none was; one of eight was perhaps never issued.
    function _pick(uint256 seed) private view returns (uint256 serial, Card storage card) {
        bool any = _serials.length == 0 || seed % 8 == 0;
        serial = any ? (seed >> 8) % (_maxSupply + 2) : _serials[(seed >> 8) % _serials.length];
        card = _cards[serial];
    }

    function _isLive(Card storage card) private view returns (bool) {
        return card.status == CardStatus.Active || card.status == CardStatus.Suspended;
    }

    function _one(uint256 serial) private pure returns (uint256[] memory serials) {
        serials = new uint256[](1);
        serials[0] = serial;
    }
}
