// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICollectionContent} from "../../../../contracts/collection/ICollectionContent.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";
import {IssuanceHandler} from "./IssuanceHandler.sol";

/// @title What consortium and brand decide on the whole edition, in any order
abstract contract BrandHandler is IssuanceHandler {
    bool private _contentFrozen;
    bytes32 private _contentHash;

    /// @notice Suspended brands are mostly reinstated soon, and few are retired, so that sequences come far.
    function decideOnBrand(uint256 seed) public move(seed) {
        bool suspended = _brandStatus == IBrandRegistry.BrandStatus.Suspended;
        uint256 what = _roll(24);
        if (what == 0) _retire();
        else if (suspended && what < 20) _reinstate();
        else if (what < 6) _suspend();
        else _reinstate();
    }

    /// @notice Caps come and go; a cap of 0 is none.
    function setDailyCap(uint256 seed) public move(seed) {
        Act memory act = _newAct("setDailyCap", IBrandRegistry.BrandRole.Admin);
        address issuer = _person(_chance(4) ? _SECOND_ISSUER : _ISSUER);
        uint32 cap = uint32(_buckets[issuer].cap != 0 && _chance(2) ? 0 : 1 + _roll(30));
        act.call = abi.encodeCall(IBrandRegistry.setDailyCap, (_BRAND, issuer, cap));
        if (!_perform(act, address(_registry))) return;
        Bucket memory bucket = _buckets[issuer];
        // What came back so far came back at the old rate; a cap where there was none begins full.
        _buckets[issuer] = Bucket({cap: cap, used: bucket.cap == 0 ? 0 : _usedOf(bucket), time: _now});
        delete _capUses[issuer];
    }

    /// @notice The second issuer loses the role, or gets it back.
    function changeRole(uint256 seed) public move(seed) {
        IBrandRegistry.BrandRole role = IBrandRegistry.BrandRole.Issuer;
        address issuer = _person(_SECOND_ISSUER);
        bool give = !_hasRole[role][issuer];
        address admin = _proper(IBrandRegistry.BrandRole.Admin);
        Act memory act = _newAct("changeRole", _chance(2) ? admin : _anybody());
        bytes32 roleId = keccak256(abi.encode(_BRAND, role));
        // Works in a suspended brand too: whom it trusts is the brand's own matter.
        if (act.caller != admin) _needAccessRole(act, keccak256(abi.encode(_BRAND, IBrandRegistry.BrandRole.Admin)));
        act.call =
            give
                ? abi.encodeCall(IAccessControl.grantRole, (roleId, issuer))
                : abi.encodeCall(IAccessControl.revokeRole, (roleId, issuer));
        if (_perform(act, address(_registry))) _hasRole[role][issuer] = give;
    }

    function setContent(uint256 seed) public move(seed) {
        Act memory act = _newAct("setContent", IBrandRegistry.BrandRole.Admin);
        bytes32 hash = bytes32(_roll(type(uint256).max));
        if (_contentFrozen) _refuse(act, abi.encodeWithSelector(ICollectionContent.ContentIsFrozen.selector));
        act.call = abi.encodeCall(ICollectionContent.setContent, ("https://noirance.example/black.json", hash));
        if (_perform(act)) _contentHash = hash;
    }

    /// @notice What ends something for good is mostly tried by somebody who must not, so that sequences come far.
    function endForGood(uint256 seed) public move(seed) {
        bool windDown = _chance(2);
        address caller = _chance(10) ? _proper(IBrandRegistry.BrandRole.Admin) : _anybody();
        Act memory act = _newAct(windDown ? "startWindDown" : "freezeContent", caller);
        _needRole(act, IBrandRegistry.BrandRole.Admin, caller);
        if (windDown) {
            if (_windingDown) _refuse(act, abi.encodeWithSelector(ICollectionContent.WindingDown.selector));
            act.call = abi.encodeCall(ICollectionContent.startWindDown, ());
            if (_perform(act)) _windingDown = true;
        } else {
            if (_contentFrozen) _refuse(act, abi.encodeWithSelector(ICollectionContent.ContentIsFrozen.selector));
            act.call = abi.encodeCall(ICollectionContent.freezeContent, ());
            if (_perform(act)) _contentFrozen = true;
        }
    }

    /// @notice Where the brand stands.
    function brandStatus() public view returns (IBrandRegistry.BrandStatus) {
        return _brandStatus;
    }

    /// @notice The hash of what the brand promises.
    function contentHash() public view returns (bytes32) {
        return _contentHash;
    }

    /// @notice Whether the edition has ended.
    function windingDown() public view returns (bool) {
        return _windingDown;
    }

    function _suspend() private {
        Act memory act = _newAct("suspendBrand", _chance(3) ? _anybody() : _person(_GUARDIAN));
        if (act.caller != _person(_GUARDIAN)) _needConsortium(act);
        if (_brandStatus != IBrandRegistry.BrandStatus.Active) _refuseBrandStatus(act);
        act.call = abi.encodeCall(IBrandRegistry.suspendBrand, (_BRAND, 0));
        if (_perform(act, address(_registry))) _brandStatus = IBrandRegistry.BrandStatus.Suspended;
    }

    function _reinstate() private {
        Act memory act = _newAct("reinstateBrand", _chance(5) ? _anybody() : _person(_CONSORTIUM));
        _needConsortium(act);
        if (_brandStatus != IBrandRegistry.BrandStatus.Suspended) _refuseBrandStatus(act);
        act.call = abi.encodeCall(IBrandRegistry.reinstateBrand, (_BRAND));
        if (_perform(act, address(_registry))) _brandStatus = IBrandRegistry.BrandStatus.Active;
    }

    function _retire() private {
        Act memory act = _newAct("retireBrand", _chance(2) ? _anybody() : _person(_CONSORTIUM));
        _needConsortium(act);
        if (_brandStatus == IBrandRegistry.BrandStatus.Retired) _refuseBrandStatus(act);
        act.call = abi.encodeCall(IBrandRegistry.retireBrand, (_BRAND, 0));
        if (_perform(act, address(_registry))) _brandStatus = IBrandRegistry.BrandStatus.Retired;
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
