// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {CardRecord, CardStatus} from "./CardRecord.sol";
import {ICardBenefits} from "./ICardBenefits.sol";
import {ICardLifecycle} from "./ICardLifecycle.sol";

/**
 * @title What tiers are entitled to, and what cards have used
 * @dev A library of its own, linked and not compiled in, because a collection's code would be too large with it. Keeps
 * nothing: it works on the collection's storage and emits the collection's events.
 */
library BenefitBook {
    using BitMaps for BitMaps.BitMap;

    /// @dev The periods of a benefit, the same in all tiers. `isSet` tells one that never ends and began at 0 from none.
    struct Periods {
        bool isSet;
        uint32 period;
        uint32 startsAt;
    }

    /// @dev `undone` has the numbers of the redemptions that were undone. The terms repeat the periods, so that redeeming reads
    /// one slot.
    struct Book {
        mapping(uint16 benefitId => Periods periods) periods;
        mapping(uint8 tier => mapping(uint16 benefitId => ICardBenefits.BenefitTerms terms)) benefits;
        mapping(uint256 serial => mapping(uint16 benefitId => ICardBenefits.BenefitUse use)) uses;
        mapping(uint256 serial => mapping(uint16 benefitId => BitMaps.BitMap numbers)) undone;
    }

    uint32 private constant _UNLIMITED = type(uint32).max;

    bytes32 private constant _REDEMPTION_TYPEHASH = keccak256(
        "Redemption(uint256 serial,uint16 benefitId,uint32 number,uint16 generation,address staff,uint256 deadline)"
    );

    /// @notice Says what a tier is entitled to of a benefit; see {ICardBenefits-setBenefit}.
    function setBenefit(
        Book storage self,
        uint8 tier,
        uint16 benefitId,
        ICardBenefits.BenefitTerms calldata terms
    ) external {
        Periods memory periods = self.periods[benefitId];
        if (!periods.isSet) {
            self.periods[benefitId] = Periods({isSet: true, period: terms.period, startsAt: terms.startsAt});
        } else if (terms.period != periods.period || terms.startsAt != periods.startsAt) {
            revert ICardBenefits.BenefitPeriodsFixed(benefitId, periods.period, periods.startsAt);
        }
        self.benefits[tier][benefitId] = terms;
        emit ICardBenefits.BenefitChanged(tier, benefitId, terms.quota, terms.period, terms.startsAt);
    }

    /// @notice Counts one use of a benefit by a card. Reverts unless it may use it now.
    /// @dev See {ICardBenefits-redeem}. The caller, the deadline and the holder's signature are the collection's to check.
    /// @param record The card's.
    /// @return The EIP-712 hash of what the holder must have signed.
    function redeem(
        Book storage self,
        ICardBenefits.Redemption calldata redemption,
        CardRecord record
    ) external returns (bytes32) {
        (uint256 serial, uint16 benefitId) = (redemption.serial, redemption.benefitId);
        if (!record.hasStatus(CardStatus.Active)) revert ICardLifecycle.CardStatusMismatch(serial, record.status());
        if (record.isExpired()) revert ICardBenefits.CardExpired(serial, record.expiresAt());
        if (record.generation() != redemption.generation) {
            revert ICardBenefits.GenerationMismatch(serial, record.generation());
        }
        if (redemption.staff != address(0) && redemption.staff != msg.sender) {
            revert ICardBenefits.StaffMismatch(redemption.staff);
        }
        ICardBenefits.BenefitTerms memory terms = self.benefits[record.tier()][benefitId];
        if (terms.quota == 0) revert ICardBenefits.BenefitNotGranted(record.tier(), benefitId);
        if (block.timestamp < terms.startsAt) revert ICardBenefits.BenefitNotStarted(benefitId, terms.startsAt);

        ICardBenefits.BenefitUse memory use = self.uses[serial][benefitId];
        uint32 number = use.redemptions + 1;
        if (redemption.number != number) {
            revert ICardBenefits.RedemptionNumberMismatch(serial, benefitId, number);
        }
        (uint32 periodStart, uint32 used, uint32 undone) = _usedInPeriod(use, terms);
        if (used >= terms.quota) revert ICardBenefits.QuotaExceeded(serial, benefitId, terms.quota);
        // Cannot overflow: never more than `redemptions`.
        unchecked {
            ++used;
        }
        self.uses[serial][benefitId] = ICardBenefits.BenefitUse({
            redemptions: number,
            periodStart: periodStart,
            used: used,
            undone: undone
        });
        emit ICardBenefits.BenefitRedeemed(serial, benefitId, msg.sender, number, periodStart, used);
        // All fields are words, in the order of the type.
        return keccak256(abi.encode(_REDEMPTION_TYPEHASH, redemption));
    }

    /// @notice Gives a use back. Reverts unless it counts in the card's last period and was not given back before.
    /// @dev See {ICardBenefits-undoRedemption}. Whether the caller may do it is the collection's to check. The numbers of one
    /// period follow each other, so those that count in the last one are the last `used + undone`.
    /// @param record The card's.
    function undoRedemption(
        Book storage self,
        uint256 serial,
        uint16 benefitId,
        uint32 number,
        bytes32 reason,
        CardRecord record
    ) external {
        if (!record.isLive()) revert ICardLifecycle.CardStatusMismatch(serial, record.status());
        ICardBenefits.BenefitUse storage use = self.uses[serial][benefitId];
        (uint32 redemptions, uint32 used, uint32 undone) = (use.redemptions, use.used, use.undone);
        BitMaps.BitMap storage numbers = self.undone[serial][benefitId];
        // Nothing wraps around: `used + undone` are the redemptions of one period, of `redemptions` in all, and one that is
        // among them and not undone is among `used`.
        unchecked {
            bool counts = number > redemptions - used - undone && number <= redemptions;
            if (!counts || numbers.get(number)) {
                revert ICardBenefits.RedemptionNotUndoable(serial, benefitId, number);
            }
            (use.used, use.undone) = (--used, ++undone);
        }
        numbers.set(number);
        emit ICardBenefits.RedemptionUndone(serial, benefitId, msg.sender, number, used, reason);
    }

    /// @notice How often a card can use a benefit now; see {ICardBenefits-remainingUses}.
    /// @param record The card's.
    function remainingUses(
        Book storage self,
        uint256 serial,
        uint16 benefitId,
        CardRecord record
    ) external view returns (uint32) {
        if (!record.hasStatus(CardStatus.Active) || record.isExpired()) return 0;
        ICardBenefits.BenefitTerms memory terms = self.benefits[record.tier()][benefitId];
        if (block.timestamp < terms.startsAt) return 0;
        if (terms.quota == _UNLIMITED) return _UNLIMITED;
        (, uint32 used, ) = _usedInPeriod(self.uses[serial][benefitId], terms);
        // A tier with a lower quota, 0 included, may have less than was used.
        return uint32(Math.saturatingSub(terms.quota, used));
    }

    /// @dev The period that a use counts in now, how often the benefit was used in it, and how many other uses in it were
    /// undone. A new period begins with 0.
    function _usedInPeriod(
        ICardBenefits.BenefitUse memory use,
        ICardBenefits.BenefitTerms memory terms
    ) private view returns (uint32 periodStart, uint32 used, uint32 undone) {
        periodStart = _periodStart(terms);
        if (periodStart <= use.periodStart) return (use.periodStart, use.used, use.undone);
    }

    /// @dev When the current period began. The benefit must have started.
    function _periodStart(ICardBenefits.BenefitTerms memory terms) private view returns (uint32) {
        if (terms.period == 0) return terms.startsAt;
        return uint32(block.timestamp - ((block.timestamp - terms.startsAt) % terms.period));
    }
}
