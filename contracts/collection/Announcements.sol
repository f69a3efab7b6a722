// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IFinalActs} from "./IFinalActs.sol";

/**
 * @title Which final acts are announced
 * @dev A library of its own, linked and not compiled in, because a collection's code would be too large with it. Who may do
 * what is the collection's to check.
 */
library Announcements {
    struct Book {
        mapping(IFinalActs.FinalAct act => uint32 readyAt) readyAt;
    }

    uint256 private constant _NOTICE = 7 days;
    uint256 private constant _WINDOW = 30 days;

    /// @notice See {IFinalActs-announce}.
    function announce(Book storage self, IFinalActs.FinalAct act) external {
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

    /// @notice Ends the announcement of an act that is carried out now; see {IFinalActs-carryOut}.
    function take(Book storage self, IFinalActs.FinalAct act) external {
        uint32 readyAt = announcedFor(self, act);
        if (readyAt == 0) revert IFinalActs.FinalActNotAnnounced(act);
        if (block.timestamp < readyAt) revert IFinalActs.FinalActNotReady(act, readyAt);
        delete self.readyAt[act];
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
        if (block.timestamp > readyAt + _WINDOW) readyAt = 0;
    }
}
