// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {Announcements} from "./Announcements.sol";
import {CardLedger} from "./CardLedger.sol";
import {IFinalActs} from "./IFinalActs.sol";

/// @title How what cannot be undone is announced and carried out
abstract contract FinalActs is CardLedger {
    using Announcements for Announcements.Book;

    /// @custom:storage-location erc7201:mintmark.storage.FinalActs
    struct FinalActsStorage {
        Announcements.Book announcements;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.FinalActs")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0xecbf16d2485413ce89b02032937023716ea7e3f51c82d3bbf380411b51479a00;

    /// @inheritdoc IFinalActs
    function announce(FinalAct act) public virtual {
        _authorize(IBrandRegistry.BrandRole.Admin);
        _finalActsStorage().announcements.announce(act);
    }

    /// @inheritdoc IFinalActs
    function cancelAnnounced(FinalAct act) public virtual {
        registry().authorizeWithdrawal(IBrandRegistry.BrandRole.Admin, msg.sender);
        _finalActsStorage().announcements.cancel(act);
    }

    /// @inheritdoc IFinalActs
    function carryOut(FinalAct act) public virtual {
        _authorize(IBrandRegistry.BrandRole.Admin);
        _finalActsStorage().announcements.carryOut(act);
        if (act == FinalAct.WindDown) {
            CardLedgerStorage storage $ = _ledgerStorage();
            $.config = $.config.withWindDown();
        }
    }

    /// @inheritdoc IFinalActs
    function announcedFor(FinalAct act) public view virtual returns (uint32 readyAt) {
        return _finalActsStorage().announcements.announcedFor(act);
    }

    /// @dev Whether an act is done.
    function _isDone(FinalAct act) internal view returns (bool) {
        return _finalActsStorage().announcements.isDone(act);
    }

    function _finalActsStorage() internal pure returns (FinalActsStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
