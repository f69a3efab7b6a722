// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICardBenefits} from "../../../../contracts/collection/ICardBenefits.sol";
import {ICollectionContent} from "../../../../contracts/collection/ICollectionContent.sol";
import {IFinalActs} from "../../../../contracts/collection/IFinalActs.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";
import {vm} from "../support/Vm.sol";
import {IssuanceHandler} from "./IssuanceHandler.sol";

/// @title What consortium and brand decide on the whole edition, in any order
abstract contract BrandHandler is IssuanceHandler {
    uint256 private constant _NOTICE = 7 days;

    bytes32 private _contentHash;
    uint32 private _suspension;
    uint32 private _keyEpoch;

    /// @notice Suspended brands are mostly reinstated soon, and few are retired, so that sequences come far.
    function decideOnBrand(uint256 seed) public move(seed) {
        bool suspended = _brandStatus == IBrandRegistry.BrandStatus.Suspended;
        uint256 what = _roll(24);
        if (what == 0) _retire();
        else if (suspended && what < 20) _reinstate();
        else if (what < 6) _suspend();
        else _reinstate();
    }

    /// @notice Caps come and go; with one of 0 an issuer can give nothing.
    function setDailyCap(uint256 seed) public move(seed) {
        Act memory act = _newWithdrawal("setDailyCap", IBrandRegistry.BrandRole.Admin);
        address issuer = _person(_chance(4) ? _SECOND_ISSUER : _ISSUER);
        uint32 cap = uint32(_chance(12) ? 0 : 1 + _roll(30));
        Bucket memory bucket = _buckets[issuer];
        // What takes away works in a suspended brand, too.
        if (bucket.capped && cap > bucket.cap) _needActiveBrand(act);
        act.call = abi.encodeCall(IBrandRegistry.setDailyCap, (_BRAND, issuer, cap));
        if (!_perform(act, address(_registry))) return;
        // What came back so far came back at the old rate; a cap where there was none begins full.
        uint256 used = bucket.capped ? _usedOf(bucket) : 0;
        _buckets[issuer] = Bucket({capped: true, cap: cap, used: used, time: _now});
        delete _capUses[issuer];
    }

    function liftDailyCap(uint256 seed) public move(seed) {
        Act memory act = _newAct("liftDailyCap", IBrandRegistry.BrandRole.Admin);
        address issuer = _person(_chance(4) ? _SECOND_ISSUER : _ISSUER);
        if (!_buckets[issuer].capped) {
            _refuse(act, abi.encodeWithSelector(IBrandRegistry.DailyCapMissing.selector, _BRAND, issuer));
        }
        act.call = abi.encodeCall(IBrandRegistry.liftDailyCap, (_BRAND, issuer));
        if (!_perform(act, address(_registry))) return;
        delete _buckets[issuer];
        delete _capUses[issuer];
    }

    /// @notice The second issuer loses the role, or gets it back; who has lost another role gets it back.
    function changeRole(uint256 seed) public move(seed) {
        (IBrandRegistry.BrandRole role, address person) = _anyPost();
        bool give = !_hasRole(role, person);
        address admin = _proper(IBrandRegistry.BrandRole.Admin);
        Act memory act = _newAct("changeRole", _chance(2) ? admin : _anybody());
        if (act.caller != admin) _needAccessRole(act, _roleId(IBrandRegistry.BrandRole.Admin));
        // Nobody is given a role while the brand may not act; taking one away is always possible.
        if (give) _needActiveBrand(act);
        act.call =
            give
                ? abi.encodeCall(IAccessControl.grantRole, (_roleId(role), person))
                : abi.encodeCall(IAccessControl.revokeRole, (_roleId(role), person));
        if (!_perform(act, address(_registry))) return;
        if (give) _noteAppointment(role, person);
        else _noteDismissal(role, person);
    }

    /// @notice All keys of the brand end at once; the administrator gets the role again, the others have to be given theirs.
    function replaceKeys(uint256 seed) public move(seed) {
        address admin = _proper(IBrandRegistry.BrandRole.Admin);
        Act memory act = _newAct("replaceBrandKeys", _chance(4) ? _person(_CONSORTIUM) : _anybody());
        _needConsortium(act);
        if (_brandStatus == IBrandRegistry.BrandStatus.Retired) _refuseBrandStatus(act);
        act.call = abi.encodeCall(IBrandRegistry.replaceBrandKeys, (_BRAND, admin));
        if (!_perform(act, address(_registry))) return;
        ++_keyEpoch;
        _noteDismissal(IBrandRegistry.BrandRole.Issuer, _person(_ISSUER));
        _noteDismissal(IBrandRegistry.BrandRole.Issuer, _person(_SECOND_ISSUER));
        _noteDismissal(IBrandRegistry.BrandRole.Steward, _person(_STEWARD));
        _noteDismissal(IBrandRegistry.BrandRole.Staff, _person(_STAFF));
        _noteAppointment(IBrandRegistry.BrandRole.Admin, admin);
        for (uint256 i = _ISSUER; i <= _SECOND_ISSUER; ++i) {
            delete _buckets[_person(i)];
            delete _capUses[_person(i)];
        }
    }

    function setContent(uint256 seed) public move(seed) {
        Act memory act = _newAct("setContent", IBrandRegistry.BrandRole.Admin);
        bytes32 hash = bytes32(_roll(type(uint256).max));
        if (contentFrozen()) _refuse(act, abi.encodeWithSelector(ICollectionContent.ContentIsFrozen.selector));
        act.call = abi.encodeCall(ICollectionContent.setContent, ("https://noirance.example/black.json", hash));
        if (!_perform(act)) return;
        _contentHash = hash;
        delete _readyAt[IFinalActs.FinalAct.FreezeContent];
    }

    function announce(uint256 seed) public move(seed) {
        IFinalActs.FinalAct what = _anyFinalAct();
        Act memory act = _newAct("announce", IBrandRegistry.BrandRole.Admin);
        if (_done[what]) _refuse(act, _errorOfDone(what));
        uint32 readyAt = announcedFor(what);
        if (readyAt != 0) {
            _refuse(act, abi.encodeWithSelector(IFinalActs.FinalActAlreadyAnnounced.selector, what, readyAt));
        }
        act.call = abi.encodeCall(IFinalActs.announce, (what));
        if (_perform(act)) _readyAt[what] = uint32(_now + _NOTICE);
    }

    function cancelAnnounced(uint256 seed) public move(seed) {
        IFinalActs.FinalAct what = _anyFinalAct();
        Act memory act = _newAct("cancelAnnounced", _chance(3) ? _anybody() : _person(_GUARDIAN));
        if (act.caller != _person(_GUARDIAN)) _needRoleAlone(act, IBrandRegistry.BrandRole.Admin, act.caller);
        if (announcedFor(what) == 0) {
            _refuse(act, abi.encodeWithSelector(IFinalActs.FinalActNotAnnounced.selector, what));
        }
        act.call = abi.encodeCall(IFinalActs.cancelAnnounced, (what));
        if (_perform(act)) delete _readyAt[what];
    }

    /// @notice What ends something for good is mostly tried by somebody who must not, so that sequences come far.
    function carryOut(uint256 seed) public move(seed) {
        IFinalActs.FinalAct what = _anyFinalAct();
        address caller = _chance(8) ? _proper(IBrandRegistry.BrandRole.Admin) : _anybody();
        Act memory act = _newAct("carryOut", caller);
        _needRole(act, IBrandRegistry.BrandRole.Admin, caller);
        uint256 readyAt = announcedFor(what);
        if (_now < readyAt && _chance(2)) {
            // Its notice is over, or is over in a second.
            _now = readyAt - _roll(2);
            vm.warp(_now);
        }
        if (readyAt == 0 || _done[what]) {
            _refuse(act, abi.encodeWithSelector(IFinalActs.FinalActNotAnnounced.selector, what));
        } else if (_now < readyAt) {
            _refuse(act, abi.encodeWithSelector(IFinalActs.FinalActNotReady.selector, what, readyAt));
        }
        act.call = abi.encodeCall(IFinalActs.carryOut, (what));
        if (!_perform(act)) return;
        _done[what] = true;
        delete _readyAt[what];
    }

    /// @notice Where the brand stands.
    function brandStatus() public view returns (IBrandRegistry.BrandStatus) {
        return _brandStatus;
    }

    /// @notice The hash of what the brand promises.
    function contentHash() public view returns (bytes32) {
        return _contentHash;
    }

    function _suspend() private {
        Act memory act = _newAct("suspendBrand", _chance(3) ? _anybody() : _person(_GUARDIAN));
        if (act.caller != _person(_GUARDIAN)) _needConsortium(act);
        if (_brandStatus != IBrandRegistry.BrandStatus.Active) _refuseBrandStatus(act);
        act.call = abi.encodeCall(IBrandRegistry.suspendBrand, (_BRAND, 0));
        if (!_perform(act, address(_registry))) return;
        _brandStatus = IBrandRegistry.BrandStatus.Suspended;
        ++_suspension;
    }

    function _reinstate() private {
        Act memory act = _newAct("reinstateBrand", _chance(5) ? _anybody() : _person(_CONSORTIUM));
        _needConsortium(act);
        if (_brandStatus != IBrandRegistry.BrandStatus.Suspended) _refuseBrandStatus(act);
        // Mostly the last one: a decision on another suspension lifts nothing.
        uint32 suspension = _chance(8) ? uint32(_roll(uint256(_suspension) + 2)) : _suspension;
        if (suspension != _suspension) {
            _refuse(act, abi.encodeWithSelector(IBrandRegistry.SuspensionMismatch.selector, _BRAND, _suspension));
        }
        act.call = abi.encodeCall(IBrandRegistry.reinstateBrand, (_BRAND, suspension));
        if (_perform(act, address(_registry))) _brandStatus = IBrandRegistry.BrandStatus.Active;
    }

    function _retire() private {
        Act memory act = _newAct("retireBrand", _chance(2) ? _anybody() : _person(_CONSORTIUM));
        _needConsortium(act);
        if (_brandStatus == IBrandRegistry.BrandStatus.Retired) _refuseBrandStatus(act);
        act.call = abi.encodeCall(IBrandRegistry.retireBrand, (_BRAND, 0));
        if (_perform(act, address(_registry))) _brandStatus = IBrandRegistry.BrandStatus.Retired;
    }

    function _anyFinalAct() private returns (IFinalActs.FinalAct) {
        return IFinalActs.FinalAct(_roll(uint256(type(IFinalActs.FinalAct).max) + 1));
    }

    function _errorOfDone(IFinalActs.FinalAct what) private pure returns (bytes memory) {
        if (what == IFinalActs.FinalAct.FreezeContent) {
            return abi.encodeWithSelector(ICollectionContent.ContentIsFrozen.selector);
        }
        if (what == IFinalActs.FinalAct.FreezeBenefits) {
            return abi.encodeWithSelector(ICardBenefits.BenefitsAreFrozen.selector);
        }
        return abi.encodeWithSelector(ICollectionContent.WindingDown.selector);
    }

    /// @dev A post that somebody has lost, the first one first, or else the second issuer's.
    function _anyPost() private view returns (IBrandRegistry.BrandRole role, address person) {
        for (uint256 i = uint256(IBrandRegistry.BrandRole.Issuer); i <= uint256(IBrandRegistry.BrandRole.Staff); ++i) {
            role = IBrandRegistry.BrandRole(i);
            if (!_hasRole(role, _proper(role))) return (role, _proper(role));
        }
        return (IBrandRegistry.BrandRole.Issuer, _person(_SECOND_ISSUER));
    }

    /// @dev As the interface says: the brand's number, its key epoch and the role's number plus 1.
    function _roleId(IBrandRegistry.BrandRole role) private view returns (bytes32) {
        return bytes32((uint256(_BRAND) << 64) | (uint256(_keyEpoch) << 32) | (uint256(role) + 1));
    }

    function _needConsortium(Act memory act) private view {
        if (act.caller != _person(_CONSORTIUM)) _needAccessRole(act, 0);
    }

    function _needAccessRole(Act memory act, bytes32 role) private pure {
        act.unentitled = true;
        _refuse(
            act,
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, act.caller, role)
        );
    }

    function _refuseBrandStatus(Act memory act) private view {
        _refuse(act, abi.encodeWithSelector(IBrandRegistry.BrandStatusMismatch.selector, _BRAND, _brandStatus));
    }
}
