// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {Announcements} from "./Announcements.sol";
import {BenefitBook} from "./BenefitBook.sol";
import {CardRecord} from "./CardRecord.sol";
import {FinalActs} from "./FinalActs.sol";
import {ICardBenefits} from "./ICardBenefits.sol";

/// @title What cards entitle to, and its use
abstract contract CardBenefits is FinalActs {
    using Announcements for Announcements.Book;
    using BenefitBook for BenefitBook.Book;

    /// @custom:storage-location erc7201:mintmark.storage.CardBenefits
    struct CardBenefitsStorage {
        BenefitBook.Book book;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.CardBenefits")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0xe77131c2c95dd38efe04beff72b5f86acb83e3d6d6ec8b88c39120a99d15e600;

    /// @inheritdoc ICardBenefits
    function setBenefit(uint8 tier, uint16 benefitId, BenefitTerms calldata terms) public virtual {
        if (benefitsFrozen()) revert BenefitsAreFrozen();
        _authorize(IBrandRegistry.BrandRole.Admin);
        _checkTier(_ledgerStorage().config, tier);
        _benefitsStorage().book.setBenefit(tier, benefitId, terms);
        _finalActsStorage().announcements.void(FinalAct.FreezeBenefits);
    }

    /// @inheritdoc ICardBenefits
    function redeem(Redemption calldata redemption, bytes calldata holderSignature) public virtual {
        _checkDeadline(redemption.deadline);
        _authorize(IBrandRegistry.BrandRole.Staff);
        CardRecord record = _ledgerStorage().cards[redemption.serial].record;
        bytes32 structHash = _benefitsStorage().book.redeem(redemption, record);
        _checkSignature(record.holder(), structHash, holderSignature);
    }

    /// @inheritdoc ICardBenefits
    function undoRedemption(uint256 serial, uint16 benefitId, uint32 number, bytes32 reason) public virtual {
        _authorize(IBrandRegistry.BrandRole.Staff);
        CardRecord record = _ledgerStorage().cards[serial].record;
        _benefitsStorage().book.undoRedemption(serial, benefitId, number, reason, record);
    }

    /// @inheritdoc ICardBenefits
    function benefitOf(uint8 tier, uint16 benefitId) public view virtual returns (BenefitTerms memory) {
        return _benefitsStorage().book.benefits[tier][benefitId];
    }

    /// @inheritdoc ICardBenefits
    function benefitUseOf(uint256 serial, uint16 benefitId) public view virtual returns (BenefitUse memory) {
        return _benefitsStorage().book.uses[serial][benefitId];
    }

    /// @inheritdoc ICardBenefits
    function remainingUses(uint256 serial, uint16 benefitId) public view virtual returns (uint32) {
        return _benefitsStorage().book.remainingUses(serial, benefitId, _ledgerStorage().cards[serial].record);
    }

    /// @inheritdoc ICardBenefits
    function benefitsFrozen() public view virtual returns (bool) {
        return _isDone(FinalAct.FreezeBenefits);
    }

    function _benefitsStorage() private pure returns (CardBenefitsStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
