// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CardRecord} from "./CardRecord.sol";
import {ICardBenefits} from "./ICardBenefits.sol";
import {ICardLifecycle} from "./ICardLifecycle.sol";

/**
 * @title What a correction makes of a card
 * @dev A library of its own, linked and not compiled in, because a collection's code would be too large with it.
 */
library Corrections {
    bytes32 private constant _CORRECTION_TYPEHASH = keccak256(
        "Correction(uint256 serial,uint8 tier,uint32 expiresAt,uint16 generation,uint256 deadline)"
    );

    /// @notice Corrects a card's record; see {ICardLifecycle-correct}. Whether the collection has the tier and the term, and who
    /// consents, is the collection's to check.
    /// @return corrected The record as it is to be.
    /// @return takes Whether it loses something: another tier or an earlier expiry. Tiers have no order here.
    /// @return structHash The EIP-712 hash of what the holder signs who consents.
    function correct(
        CardRecord record,
        ICardLifecycle.Correction calldata correction
    ) external pure returns (CardRecord corrected, bool takes, bytes32 structHash) {
        if (record.generation() != correction.generation) {
            revert ICardBenefits.GenerationMismatch(correction.serial, record.generation());
        }
        (uint32 from, uint32 to) = (record.expiresAt(), correction.expiresAt);
        bool otherTier = record.tier() != correction.tier;
        if (from == to && !otherTier) revert ICardLifecycle.CorrectionChangesNothing(correction.serial);
        // What never expires (0) expires last.
        unchecked {
            takes = otherTier || to - 1 < from - 1;
        }
        corrected = record.withTier(correction.tier).withExpiresAt(to);
        // All fields are words, in the order of the type.
        structHash = keccak256(abi.encode(_CORRECTION_TYPEHASH, correction));
    }
}
