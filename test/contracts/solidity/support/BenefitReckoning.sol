// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICardBenefits} from "../../../../contracts/collection/ICardBenefits.sol";

/**
 * @title How often a benefit was used, reckoned from every single use
 * @dev The collection keeps a sum; this keeps a list, and counts anew each time what {ICardBenefits-BenefitTerms} says.
 */
library BenefitReckoning {
    /// @notice One use of a benefit by a card, under the terms of its tier at that time.
    /// @param countedIn When the period began that the use counts in.
    /// @param undoneAfter How many uses there were when it was undone; 0 if it was not.
    struct Use {
        uint32 usedAt;
        uint8 tier;
        uint32 quota;
        uint32 period;
        uint32 startsAt;
        uint32 countedIn;
        uint32 undoneAfter;
    }

    function useOf(
        uint8 tier,
        ICardBenefits.BenefitTerms memory terms,
        uint256 usedAt,
        uint32 countedIn
    ) internal pure returns (Use memory) {
        return
            Use({
                usedAt: uint32(usedAt),
                tier: tier,
                quota: terms.quota,
                period: terms.period,
                startsAt: terms.startsAt,
                countedIn: countedIn,
                undoneAfter: 0
            });
    }

    /// @notice When the period began that contains `time`. The first one must have begun.
    function periodStart(uint32 startsAt, uint32 period, uint256 time) internal pure returns (uint32) {
        return period == 0 ? startsAt : uint32(startsAt + ((time - startsAt) / period) * period);
    }

    /// @notice What counts against the quota: the uses in the last period that any was counted in, until a later one begins,
    /// without those that were undone.
    /// @return countedIn When the period began that a use counts in now.
    function usedNow(
        Use[] memory uses,
        ICardBenefits.BenefitTerms memory terms,
        uint256 time
    ) internal pure returns (uint32 countedIn, uint256 used) {
        countedIn = periodStart(terms.startsAt, terms.period, time);
        for (uint256 i = 0; i < uses.length; ++i) {
            if (uses[i].countedIn > countedIn) countedIn = uses[i].countedIn;
        }
        for (uint256 i = 0; i < uses.length; ++i) {
            if (uses[i].countedIn == countedIn && uses[i].undoneAfter == 0) ++used;
        }
    }

    /// @notice Whether a use can be undone: only one that was not, in the last period that any was counted in.
    function isUndoable(Use[] memory uses, uint256 number) internal pure returns (bool) {
        if (number == 0 || number > uses.length) return false;
        Use memory use = uses[number - 1];
        return use.undoneAfter == 0 && use.countedIn == uses[uses.length - 1].countedIn;
    }

    /// @notice The first use that was one too many in its tier's period; `uses.length` if none was.
    function firstAboveQuota(Use[] memory uses) internal pure returns (uint256) {
        for (uint256 i = 0; i < uses.length; ++i) {
            if (uses[i].quota != type(uint32).max && _usesInPeriodOf(uses, i) > uses[i].quota) return i;
        }
        return uses.length;
    }

    /// @dev How often the card had used the benefit, in whatever tier, in the period of use number `last`, that one included, and
    /// what was undone by then left out. A benefit has the same periods in all tiers.
    function _usesInPeriodOf(Use[] memory uses, uint256 last) private pure returns (uint256 count) {
        uint256 start = _ownPeriod(uses[last]);
        for (uint256 i = 0; i <= last; ++i) {
            Use memory use = uses[i];
            if (_ownPeriod(use) == start && (use.undoneAfter == 0 || use.undoneAfter > last)) ++count;
        }
    }

    function _ownPeriod(Use memory use) private pure returns (uint256) {
        return periodStart(use.startsAt, use.period, use.usedAt);
    }
}
