// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICardBenefits} from "./ICardBenefits.sol";

/**
 * @title What tiers are entitled to, and what cards have used
 * @dev A library of its own, linked and not compiled in, because a collection's code would be too large with it. Keeps
 * nothing: it works on the collection's storage and emits the collection's events.
 */
library BenefitBook {
    struct Book {
        mapping(uint8 tier => mapping(uint16 benefitId => ICardBenefits.BenefitTerms terms)) benefits;
        mapping(uint256 serial => mapping(uint16 benefitId => ICardBenefits.BenefitUse use)) uses;
    }

    uint32 private constant _UNLIMITED = type(uint32).max;

    bytes32 private constant _REDEMPTION_TYPEHASH = keccak256(
        "Redemption(uint256 serial,uint16 benefitId,uint32 number,uint16 generation,uint256 deadline)"
    );

    /// @notice Counts one use of a benefit by a card of this tier. Reverts unless the tier grants it now.
    /// @dev See {ICardBenefits-redeem}. That the card is active, and the holder's signature, are the caller's to check.
    /// @return The EIP-712 hash of what the holder must have signed.
    function redeem(
        Book storage self,
        ICardBenefits.Redemption calldata redemption,
        uint8 tier
    ) external returns (bytes32) {
        (uint256 serial, uint16 benefitId) = (redemption.serial, redemption.benefitId);
        ICardBenefits.BenefitTerms memory terms = self.benefits[tier][benefitId];
        if (terms.quota == 0) revert ICardBenefits.BenefitNotGranted(tier, benefitId);
        if (block.timestamp < terms.startsAt) revert ICardBenefits.BenefitNotStarted(benefitId, terms.startsAt);

        ICardBenefits.BenefitUse memory use = self.uses[serial][benefitId];
        uint32 number = use.redemptions + 1;
        if (redemption.number != number) {
            revert ICardBenefits.RedemptionNumberMismatch(serial, benefitId, number);
        }
        (uint32 periodStart, uint32 used) = _usedInPeriod(use, terms);
        if (used >= terms.quota) revert ICardBenefits.QuotaExceeded(serial, benefitId, terms.quota);
        // Cannot overflow: never more than `redemptions`.
        unchecked {
            ++used;
        }
        self.uses[serial][benefitId] = ICardBenefits.BenefitUse({
            redemptions: number,
            periodStart: periodStart,
            used: used
        });
        emit ICardBenefits.BenefitRedeemed(serial, benefitId, msg.sender, number, periodStart, used);
        return
            keccak256(
                abi.encode(
                    _REDEMPTION_TYPEHASH,
                    serial,
                    benefitId,
                    redemption.number,
                    redemption.generation,
                    redemption.deadline
                )
            );
    }

    /// @notice How often a card of this tier can use a benefit now; see {ICardBenefits-remainingUses}.
    function remainingUses(
        Book storage self,
        uint256 serial,
        uint8 tier,
        uint16 benefitId
    ) external view returns (uint32) {
        ICardBenefits.BenefitTerms memory terms = self.benefits[tier][benefitId];
        if (terms.quota == 0 || block.timestamp < terms.startsAt) return 0;
        if (terms.quota == _UNLIMITED) return _UNLIMITED;
        (, uint32 used) = _usedInPeriod(self.uses[serial][benefitId], terms);
        return used < terms.quota ? terms.quota - used : 0;
    }

    /// @dev The period that a use counts in now, and how often the benefit was used in it. Only a period that began later than
    /// the last one counted in begins with 0: a card that changes to a tier with other periods, and back, would otherwise
    /// have its quota again.
    function _usedInPeriod(
        ICardBenefits.BenefitUse memory use,
        ICardBenefits.BenefitTerms memory terms
    ) private view returns (uint32 periodStart, uint32 used) {
        periodStart = _periodStart(terms);
        if (periodStart <= use.periodStart) return (use.periodStart, use.used);
    }

    /// @dev When the current period began. The benefit must have started.
    function _periodStart(ICardBenefits.BenefitTerms memory terms) private view returns (uint32) {
        if (terms.period == 0) return terms.startsAt;
        return uint32(block.timestamp - ((block.timestamp - terms.startsAt) % terms.period));
    }
}
