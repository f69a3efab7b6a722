// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Card, CardStatus} from "../../../../contracts/collection/CardRecord.sol";
import {ICardBenefits} from "../../../../contracts/collection/ICardBenefits.sol";
import {ICardLifecycle} from "../../../../contracts/collection/ICardLifecycle.sol";
import {IERC5484} from "../../../../contracts/collection/IERC5484.sol";
import {IMembershipCollection} from "../../../../contracts/collection/IMembershipCollection.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";
import {vm} from "../support/Vm.sol";
import {CapBooks} from "./CapBooks.sol";

/// @title What happens to a card after it was issued, in any order
abstract contract LifecycleHandler is CapBooks {
    bytes32 private constant _SURRENDER_TYPEHASH = keccak256(
        "Surrender(uint256 serial,uint16 generation,uint256 deadline)"
    );
    bytes32 private constant _VETO_TYPEHASH = keccak256(
        "VetoReissue(uint256 serial,address to,uint256 readyAt,uint256 deadline)"
    );

    bytes32 private constant _CORRECTION_TYPEHASH = keccak256(
        "Correction(uint256 serial,uint8 tier,uint32 expiresAt,uint16 generation,uint256 deadline)"
    );

    function renew(uint256 seed) public move(seed) {
        Act memory act = _newAct("renew", IBrandRegistry.BrandRole.Issuer);
        uint256[] memory serials = _pickSeveral(CardStatus.Active);
        for (uint256 i = 0; i < 4 && serials.length > 0 && _entries[serials[0]].card.expiresAt == 0; ++i) {
            serials = _pickSeveral(CardStatus.Active);
        }
        uint256 current = serials.length == 0 ? _now + 1 days : _entries[serials[0]].card.expiresAt;
        if (_chance(16)) current += 1;
        uint256 duration = _chance(16) ? _roll(2) * type(uint32).max : 1 + _roll(60 days);
        uint256 renewedTo = (current > _now ? current : _now) + duration;
        if (current == 0) _refuse(act, abi.encodeWithSelector(ICardLifecycle.CardNeverExpires.selector));
        if (duration == 0 || renewedTo > type(uint32).max) {
            _refuse(act, abi.encodeWithSelector(ICardLifecycle.InvalidDuration.selector, duration));
        }
        if (current != 0) _needExpiry(act, renewedTo);
        _needCap(act, act.caller, serials.length);
        _needSome(act, serials);
        for (uint256 i = 0; i < serials.length; ++i) {
            _needLive(act, serials[i]);
            uint256 expiresAt = _isRepeated(serials, i) ? renewedTo : _entries[serials[i]].card.expiresAt;
            if (expiresAt == current) continue;
            _refuse(act, abi.encodeWithSelector(ICardLifecycle.ExpiryMismatch.selector, serials[i], expiresAt));
        }
        act.call = abi.encodeCall(ICardLifecycle.renew, (serials, uint32(current), uint32(duration)));
        if (!_perform(act)) return;
        _touch(serials);
        _useCap(act.caller, serials.length);
        for (uint256 i = 0; i < serials.length; ++i) _entries[serials[i]].card.expiresAt = uint32(renewedTo);
    }

    function setTier(uint256 seed) public move(seed) {
        Act memory act = _newAct("setTier", IBrandRegistry.BrandRole.Issuer);
        uint256[] memory serials = _pickSeveral(CardStatus.Active);
        uint8 tier = _anyTier();
        _needTier(act, tier);
        _needCap(act, act.caller, serials.length);
        _needSome(act, serials);
        for (uint256 i = 0; i < serials.length; ++i) {
            _needLive(act, serials[i]);
            if (_entries[serials[i]].card.tier != tier && !_isRepeated(serials, i)) continue;
            _refuse(act, abi.encodeWithSelector(ICardLifecycle.TierUnchanged.selector, serials[i], tier));
        }
        act.call = abi.encodeCall(ICardLifecycle.setTier, (serials, tier));
        if (!_perform(act)) return;
        _touch(serials);
        _useCap(act.caller, serials.length);
        for (uint256 i = 0; i < serials.length; ++i) _entries[serials[i]].card.tier = tier;
    }

    /// @notice Another tier, another expiry, both or nothing; with the holder's consent where that is needed.
    function correct(uint256 seed) public move(seed) {
        Act memory act = _newAct("correct", IBrandRegistry.BrandRole.Steward);
        uint256 serial = _pick(CardStatus.Active);
        Card memory card = _entries[serial].card;
        ICardLifecycle.Correction memory correction = ICardLifecycle.Correction({
            serial: serial,
            tier: _chance(2) ? card.tier : _anyTier(),
            expiresAt: _anyCorrectedExpiry(card.expiresAt),
            generation: _chance(16) ? uint16(_roll(3)) : card.generation,
            deadline: 0
        });
        _needLive(act, serial);
        if (correction.generation != card.generation) {
            _refuse(act, abi.encodeWithSelector(ICardBenefits.GenerationMismatch.selector, serial, card.generation));
        }
        if (correction.tier == card.tier && correction.expiresAt == card.expiresAt) {
            _refuse(act, abi.encodeWithSelector(ICardLifecycle.CorrectionChangesNothing.selector, serial));
        }
        _needTier(act, correction.tier);
        if (correction.expiresAt != card.expiresAt) _needExpiry(act, correction.expiresAt);
        bool earlier = correction.expiresAt != 0 && (card.expiresAt == 0 || correction.expiresAt < card.expiresAt);
        bytes memory consent;
        bool lasting = !_issuerMayBurn() && !earlier && correction.tier == card.tier;
        if (lasting) {
            _needRole(act, IBrandRegistry.BrandRole.Issuer, act.caller);
            _needCap(act, act.caller, 1);
        } else if (!_issuerMayBurn()) {
            correction.deadline = _deadline(act);
            consent = _signature(act, card.holder, keccak256(abi.encode(_CORRECTION_TYPEHASH, correction)));
        }
        act.call = abi.encodeCall(ICardLifecycle.correct, (correction, bytes32(seed), consent));
        if (!_perform(act)) return;
        if (lasting) _useCap(act.caller, 1);
        lastSerial = serial;
        _entries[serial].card.tier = correction.tier;
        _entries[serial].card.expiresAt = correction.expiresAt;
    }

    function suspend(uint256 seed) public move(seed) {
        Act memory act = _newAct("suspend", IBrandRegistry.BrandRole.Steward);
        uint256[] memory serials = _pickSeveral(CardStatus.Active);
        act.call = abi.encodeCall(ICardLifecycle.suspend, (serials, bytes32(seed)));
        _changeStatus(act, serials, CardStatus.Active, CardStatus.Suspended);
    }

    function reinstate(uint256 seed) public move(seed) {
        Act memory act = _newAct("reinstate", IBrandRegistry.BrandRole.Steward);
        uint256[] memory serials = _pickSeveral(CardStatus.Suspended);
        act.call = abi.encodeCall(ICardLifecycle.reinstate, (serials));
        _changeStatus(act, serials, CardStatus.Suspended, CardStatus.Active);
    }

    function revoke(uint256 seed) public move(seed) {
        Act memory act = _newAct("revoke", IBrandRegistry.BrandRole.Steward);
        uint256[] memory serials = _pickSeveral(CardStatus.Active);
        _needIssuerBurn(act);
        _needSome(act, serials);
        for (uint256 i = 0; i < serials.length; ++i) {
            _needLive(act, serials[i]);
            if (_isRepeated(serials, i)) _refuseStatus(act, serials[i], CardStatus.Revoked);
        }
        act.call = abi.encodeCall(ICardLifecycle.revoke, (serials, bytes32(seed)));
        if (!_perform(act)) return;
        _touch(serials);
        for (uint256 i = 0; i < serials.length; ++i) _bury(serials[i], CardStatus.Revoked);
    }

    function surrender(uint256 seed) public move(seed) {
        uint256 serial = _pick(CardStatus.Active);
        Act memory act = _newAct("surrender", _chance(3) ? _anybody() : _entries[serial].card.holder);
        _needHolder(act, serial);
        _needLive(act, serial);
        _needOwnerBurn(act);
        act.call = abi.encodeCall(ICardLifecycle.surrender, (serial));
        if (_perform(act)) _bury(serial, CardStatus.Surrendered);
    }

    function surrenderBySig(uint256 seed) public move(seed) {
        uint256 serial = _pick(CardStatus.Active);
        Act memory act = _newAct("surrenderBySig", _anybody());
        uint256 deadline = _deadline(act);
        uint256 generation = _entries[serial].card.generation;
        bytes32 structHash = keccak256(abi.encode(_SURRENDER_TYPEHASH, serial, generation, deadline));
        bytes memory signature = _signature(act, _entries[serial].card.holder, structHash);
        _needLive(act, serial);
        _needOwnerBurn(act);
        act.call = abi.encodeCall(ICardLifecycle.surrenderBySig, (serial, deadline, signature));
        if (!_perform(act)) return;
        _spent = SpentCall(act.call, act.caller);
        _bury(serial, CardStatus.Surrendered);
    }

    function requestReissue(uint256 seed) public move(seed) {
        Act memory act = _newAct("requestReissue", IBrandRegistry.BrandRole.Steward);
        uint256 serial = _pick(CardStatus.Active);
        address to = _chance(40) ? address(0) : _anyHolder();
        _needIssuerBurn(act);
        _needLive(act, serial);
        if (to == address(0)) _refuse(act, abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, to));
        if (to == _entries[serial].card.holder) {
            _refuse(act, abi.encodeWithSelector(ICardLifecycle.ReissueToHolder.selector, serial));
        }
        act.call = abi.encodeCall(ICardLifecycle.requestReissue, (serial, to, bytes32(seed)));
        if (!_perform(act)) return;
        lastSerial = serial;
        uint32 readyAt = uint32(_now + _edition.reissueDelay);
        _entries[serial].pending = ICardLifecycle.PendingReissue({to: to, readyAt: readyAt});
        if (_edition.reissueDelay == 0) _handOver(serial);
    }

    function executeReissue(uint256 seed) public move(seed) {
        Act memory act = _newAct("executeReissue", IBrandRegistry.BrandRole.Steward);
        uint256 serial = _pickPending(act);
        uint256 readyAt = _pendingOf(serial).readyAt;
        if (_now < readyAt && _chance(2)) {
            // Its delay is over, or is over in a second.
            _now = readyAt - _roll(2);
            vm.warp(_now);
        }
        if (_now < readyAt) {
            _refuse(act, abi.encodeWithSelector(ICardLifecycle.ReissueNotReady.selector, serial, readyAt));
        }
        act.call = abi.encodeCall(ICardLifecycle.executeReissue, (serial));
        if (_perform(act)) _handOver(serial);
    }

    function cancelReissue(uint256 seed) public move(seed) {
        Act memory act = _newWithdrawal("cancelReissue", IBrandRegistry.BrandRole.Steward);
        uint256 serial = _pickPending(act);
        act.call = abi.encodeCall(ICardLifecycle.cancelReissue, (serial));
        if (_perform(act)) _endPending(serial);
    }

    function vetoReissue(uint256 seed) public move(seed) {
        Act memory act = _newAct("vetoReissue", address(0));
        uint256 serial = _pickPending(act);
        act.caller = _chance(3) ? _anybody() : _entries[serial].card.holder;
        _needHolder(act, serial);
        act.call = abi.encodeCall(ICardLifecycle.vetoReissue, (serial));
        if (_perform(act)) _endPending(serial);
    }

    function vetoReissueBySig(uint256 seed) public move(seed) {
        Act memory act = _newAct("vetoReissueBySig", _anybody());
        uint256 serial = _pickPending(act);
        uint256 deadline = _deadline(act);
        ICardLifecycle.PendingReissue memory pending = _pendingOf(serial);
        bytes32 structHash = keccak256(
            abi.encode(_VETO_TYPEHASH, serial, pending.to, uint256(pending.readyAt), deadline)
        );
        bytes memory signature = _signature(act, _entries[serial].card.holder, structHash);
        act.call = abi.encodeCall(ICardLifecycle.vetoReissueBySig, (serial, deadline, signature));
        if (_perform(act)) _endPending(serial);
    }

    /// @notice The whole of ERC-721 that would move a card: nothing of it may ever succeed, whoever tries.
    function transfer(uint256 seed) public move(seed) {
        uint256 serial = _pick(CardStatus.Active);
        address from = _entries[serial].card.holder;
        address to = _chance(4) ? from : _anybody();
        Act memory act = _newAct("transfer", _chance(2) ? from : _anybody());
        uint256 way = _roll(5);
        if (way == 0) act.call = abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, serial);
        if (way == 1) act.call = abi.encodeWithSignature("safeTransferFrom(address,address,uint256)", from, to, serial);
        if (way == 2) {
            act.call = abi.encodeWithSignature(
                "safeTransferFrom(address,address,uint256,bytes)",
                from,
                to,
                serial,
                bytes("")
            );
        }
        if (way == 3) act.call = abi.encodeWithSignature("approve(address,uint256)", to, serial);
        if (way == 4) {
            act.call = abi.encodeWithSignature("setApprovalForAll(address,bool)", to, true);
            _refuse(act, abi.encodeWithSelector(IMembershipCollection.ApprovalNotSupported.selector));
        } else {
            _refuse(act, abi.encodeWithSelector(IMembershipCollection.CardNotTransferable.selector, serial));
        }
        if (_perform(act) && way < 3) _entries[serial].card.holder = from;
    }

    function _changeStatus(Act memory act, uint256[] memory serials, CardStatus from, CardStatus to) private {
        _needSome(act, serials);
        for (uint256 i = 0; i < serials.length; ++i) {
            CardStatus status = _isRepeated(serials, i) ? to : _entries[serials[i]].card.status;
            if (status != from) _refuseStatus(act, serials[i], status);
        }
        if (!_perform(act)) return;
        _touch(serials);
        for (uint256 i = 0; i < serials.length; ++i) _entries[serials[i]].card.status = to;
    }

    /// @dev A serial, mostly one with a pending reissue, which the act needs, and preferring those whose delay is over.
    function _pickPending(Act memory act) private returns (uint256 serial) {
        uint256 first = _roll(_maxSupply + 1);
        bool any = _chance(8);
        for (uint256 step = 0; step <= _maxSupply && !any; ++step) {
            uint256 candidate = (first + step) % (_maxSupply + 1);
            ICardLifecycle.PendingReissue memory pending = _pendingOf(candidate);
            if (pending.to == address(0)) continue;
            serial = candidate;
            if (pending.readyAt <= _now) break;
        }
        if (serial == 0) serial = _pick();
        if (_pendingOf(serial).to != address(0)) return serial;
        _refuse(act, abi.encodeWithSelector(ICardLifecycle.ReissueNotPending.selector, serial));
    }

    function _needSome(Act memory act, uint256[] memory serials) private pure {
        if (serials.length > 0) return;
        _refuse(act, abi.encodeWithSelector(IMembershipCollection.EmptyBatch.selector));
    }

    function _needHolder(Act memory act, uint256 serial) private view {
        if (_isLive(serial) && _entries[serial].card.holder == act.caller) return;
        act.unentitled = true;
        _refuse(act, abi.encodeWithSelector(ICardLifecycle.CallerNotHolder.selector, serial, act.caller));
    }

    function _needIssuerBurn(Act memory act) private view {
        if (_issuerMayBurn()) return;
        _refuse(act, abi.encodeWithSelector(ICardLifecycle.BurnNotAuthorized.selector));
    }

    function _issuerMayBurn() private view returns (bool) {
        IERC5484.BurnAuth auth = _edition.burnAuth;
        return auth == IERC5484.BurnAuth.IssuerOnly || auth == IERC5484.BurnAuth.Both;
    }

    function _anyCorrectedExpiry(uint32 current) private returns (uint32) {
        uint256 what = _roll(8);
        if (what < 3) return current;
        if (what == 3) return 0;
        return uint32(what == 4 && _chance(4) ? _now - _roll(2) : _now + 1 + _roll(80 days));
    }

    function _needOwnerBurn(Act memory act) private view {
        IERC5484.BurnAuth auth = _edition.burnAuth;
        if (auth == IERC5484.BurnAuth.OwnerOnly || auth == IERC5484.BurnAuth.Both) return;
        _refuse(act, abi.encodeWithSelector(ICardLifecycle.BurnNotAuthorized.selector));
    }

    /// @dev The one way in which a card comes to another holder.
    function _handOver(uint256 serial) private {
        _entries[serial].card.holder = _entries[serial].pending.to;
        ++_entries[serial].card.generation;
        _endPending(serial);
    }

    function _endPending(uint256 serial) private {
        delete _entries[serial].pending;
        lastSerial = serial;
    }

    function _bury(uint256 serial, CardStatus status) private {
        _entries[serial].card.status = status;
        _entries[serial].died = true;
        _endPending(serial);
    }
}
