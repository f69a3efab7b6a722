// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IFinalActs} from "../../../../contracts/collection/IFinalActs.sol";
import {HandlerBase} from "./HandlerBase.sol";

/// @title The books on what ends something for good: announced, cancelled, done
abstract contract FinalActBooks is HandlerBase {
    uint256 private constant _WINDOW = 30 days;

    mapping(IFinalActs.FinalAct act => bool done) internal _done;
    mapping(IFinalActs.FinalAct act => uint32 readyAt) internal _readyAt;

    /// @notice From when on an announced act can be carried out; 0 if it is not announced, or void.
    function announcedFor(IFinalActs.FinalAct act) public view returns (uint32) {
        uint32 readyAt = _readyAt[act];
        return _now > readyAt + _WINDOW ? 0 : readyAt;
    }

    /// @notice Whether the edition has ended.
    function windingDown() public view returns (bool) {
        return _done[IFinalActs.FinalAct.WindDown];
    }

    /// @notice Whether the catalogue is frozen.
    function benefitsFrozen() public view returns (bool) {
        return _done[IFinalActs.FinalAct.FreezeBenefits];
    }

    /// @notice Whether the content is frozen.
    function contentFrozen() public view returns (bool) {
        return _done[IFinalActs.FinalAct.FreezeContent];
    }
}
