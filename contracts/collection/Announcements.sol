// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICardBenefits} from "./ICardBenefits.sol";
import {ICollectionContent} from "./ICollectionContent.sol";
import {IFinalActs} from "./IFinalActs.sol";

/**
 * @title Which final acts are announced, and which are done
 * @dev A library of its own, linked and not compiled in, because a collection's code would be too large with it. Who may do
 * what is the collection's to check.
 */
library Announcements {
    /// @dev `readyAt` is {_DONE} once the act is done.
    struct Book {
        mapping(IFinalActs.FinalAct act => uint32 readyAt) readyAt;
    }

    uint32 private constant _DONE = type(uint32).max;

    uint256 private constant _NOTICE = 7 days;
    uint256 private constant _WINDOW = 30 days;

    /// @notice See {IFinalActs-announce}.
    function announce(Book storage self, IFinalActs.FinalAct act) external {
        if (isDone(self, act)) {
            if (act == IFinalActs.FinalAct.FreezeContent) revert ICollectionContent.ContentIsFrozen();
            if (act == IFinalActs.FinalAct.FreezeBenefits) revert ICardBenefits.BenefitsAreFrozen();
            revert ICollectionContent.WindingDown();
        }
        uint32 readyAt = announcedFor(self, act);
        if (readyAt != 0) revert IFinalActs.FinalActAlreadyAnnounced(act, readyAt);
        readyAt = uint32(block.timestamp + _NOTICE);
        self.readyAt[act] = readyAt;
        emit IFinalActs.FinalActAnnounced(act, readyAt);
    }

    /// @notice See {IFinalActs-cancelAnnounced}.
    function cancel(Book storage self, IFinalActs.FinalAct act) external {
        if (announcedFor(self, act) == 0) revert IFinalActs.FinalActNotAnnounced(act);
        void(self, act);
    }

    /// @notice Notes and reports that an announced act is done; see {IFinalActs-carryOut}.
    function carryOut(Book storage self, IFinalActs.FinalAct act) external {
        uint32 readyAt = announcedFor(self, act);
        if (readyAt == 0) revert IFinalActs.FinalActNotAnnounced(act);
        if (block.timestamp < readyAt) revert IFinalActs.FinalActNotReady(act, readyAt);
        self.readyAt[act] = _DONE;
        if (act == IFinalActs.FinalAct.FreezeContent) emit ICollectionContent.ContentFrozen();
        else if (act == IFinalActs.FinalAct.FreezeBenefits) emit ICardBenefits.BenefitsFrozen();
        else emit ICollectionContent.WindDownStarted();
    }

    /// @notice Ends an announcement, where there is one: what was announced is not what would be frozen now.
    function void(Book storage self, IFinalActs.FinalAct act) public {
        if (self.readyAt[act] == 0) return;
        delete self.readyAt[act];
        emit IFinalActs.FinalActCancelled(act);
    }

    /// @notice See {IFinalActs-announcedFor}.
    function announcedFor(Book storage self, IFinalActs.FinalAct act) public view returns (uint32 readyAt) {
        readyAt = self.readyAt[act];
        if (readyAt == _DONE || block.timestamp > readyAt + _WINDOW) readyAt = 0;
    }

    /// @notice Whether the act is done.
    function isDone(Book storage self, IFinalActs.FinalAct act) internal view returns (bool) {
        return self.readyAt[act] == _DONE;
    }
}
