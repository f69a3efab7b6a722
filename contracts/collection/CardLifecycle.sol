// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {CardLedger} from "./CardLedger.sol";
import {CardRecord, CardStatus} from "./CardRecord.sol";
import {CollectionConfig} from "./CollectionConfig.sol";
import {Corrections} from "./Corrections.sol";
import {ICardLifecycle} from "./ICardLifecycle.sol";

/// @title What happens to a card after it was issued
abstract contract CardLifecycle is CardLedger {
    /// @custom:storage-location erc7201:mintmark.storage.CardLifecycle
    struct CardLifecycleStorage {
        mapping(uint256 serial => PendingReissue pending) pendingReissues;
        mapping(bytes32 correction => bool used) usedConsents;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.CardLifecycle")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0x89785af3e3493457ce7003d69e1b6c361602593d6fcaaaecc1a088ba52959900;

    /// @dev For so long a reissue can be executed once its delay is over. What was meant then may not be meant later.
    uint256 private constant _REISSUE_WINDOW = 30 days;

    bytes32 private constant _SURRENDER_TYPEHASH = keccak256(
        "Surrender(uint256 serial,uint16 generation,uint256 deadline)"
    );
    bytes32 private constant _VETO_REISSUE_TYPEHASH = keccak256(
        "VetoReissue(uint256 serial,address to,uint256 readyAt,uint256 deadline)"
    );

    /// @inheritdoc ICardLifecycle
    function renew(uint256[] calldata serials, uint32 currentExpiresAt, uint32 duration) public virtual {
        _authorize(IBrandRegistry.BrandRole.Issuer, msg.sender, serials.length);
        uint256 renewedTo = Math.max(currentExpiresAt, block.timestamp) + duration;
        if (currentExpiresAt == 0) revert CardNeverExpires();
        if (duration == 0 || renewedTo > type(uint32).max) revert InvalidDuration(duration);
        _checkExpiry(_ledgerStorage().config, renewedTo);
        _changeAll(serials, _renewOne, currentExpiresAt, renewedTo);
    }

    /// @inheritdoc ICardLifecycle
    function setTier(uint256[] calldata serials, uint8 tier) public virtual {
        _authorize(IBrandRegistry.BrandRole.Issuer, msg.sender, serials.length);
        _checkTier(_ledgerStorage().config, tier);
        _changeAll(serials, _setTierOfOne, tier, 0);
    }

    /// @inheritdoc ICardLifecycle
    function suspend(uint256[] calldata serials, bytes32 reason) public virtual {
        _authorize(IBrandRegistry.BrandRole.Steward);
        _changeAll(serials, _suspendOne, uint256(reason), 0);
    }

    /// @inheritdoc ICardLifecycle
    function reinstate(uint256[] calldata serials) public virtual {
        _authorize(IBrandRegistry.BrandRole.Steward);
        _changeAll(serials, _reinstateOne, 0, 0);
    }

    /// @inheritdoc ICardLifecycle
    function correct(Correction calldata correction, bytes32 reason, bytes calldata holderSignature) public virtual {
        CollectionConfig config = _ledgerStorage().config;
        (CardSlot storage card, CardRecord record) = _requireLive(_ledgerStorage(), correction.serial);
        (CardRecord corrected, bool takes, bytes32 structHash) = Corrections.correct(record, correction);
        _authorize(IBrandRegistry.BrandRole.Steward);
        _checkTier(config, correction.tier);
        if (correction.expiresAt != record.expiresAt()) _checkExpiry(config, correction.expiresAt);
        if (!config.issuerMayBurn()) {
            if (takes) {
                _checkDeadline(correction.deadline);
                _checkSignature(record.holder(), structHash, holderSignature);
                mapping(bytes32 => bool) storage usedConsents = _lifecycleStorage().usedConsents;
                if (usedConsents[structHash]) revert ConsentUsed(correction.serial);
                usedConsents[structHash] = true;
            } else {
                // Nobody could take it back.
                _authorize(IBrandRegistry.BrandRole.Issuer, msg.sender, 1);
            }
        }
        card.record = corrected;
        emit CardCorrected(correction.serial, correction.tier, correction.expiresAt, reason);
        emit MetadataUpdate(correction.serial);
    }

    /// @inheritdoc ICardLifecycle
    function revoke(uint256[] calldata serials, bytes32 reason) public virtual {
        if (serials.length == 0) revert EmptyBatch();
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        if (!config.issuerMayBurn()) revert BurnNotAuthorized();
        _authorize(IBrandRegistry.BrandRole.Steward);
        for (uint256 i = 0; i < serials.length; ++i) {
            _burnCard($, serials[i], CardStatus.Revoked);
            emit CardRevoked(serials[i], reason);
        }
        $.config = config.withBurned(serials.length);
    }

    /// @inheritdoc ICardLifecycle
    function surrender(uint256 serial) public virtual {
        (, CardRecord record) = _requireLive(_ledgerStorage(), serial);
        if (record.holder() != msg.sender) revert CallerNotHolder(serial, msg.sender);
        _surrender(serial);
    }

    /// @inheritdoc ICardLifecycle
    function surrenderBySig(uint256 serial, uint256 deadline, bytes calldata holderSignature) public virtual {
        _checkDeadline(deadline);
        (, CardRecord record) = _requireLive(_ledgerStorage(), serial);
        bytes32 structHash = keccak256(abi.encode(_SURRENDER_TYPEHASH, serial, record.generation(), deadline));
        _checkSignature(record.holder(), structHash, holderSignature);
        _surrender(serial);
    }

    /// @inheritdoc ICardLifecycle
    function requestReissue(uint256 serial, address to, bytes32 reason) public virtual {
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        if (!config.issuerMayBurn()) revert BurnNotAuthorized();
        _authorize(IBrandRegistry.BrandRole.Steward);
        (, CardRecord record) = _requireLive($, serial);
        if (to == address(0)) revert ERC721InvalidReceiver(address(0));
        if (to == record.holder()) revert ReissueToHolder(serial);
        uint256 delay = config.reissueDelay();
        uint32 readyAt = SafeCast.toUint32(block.timestamp + delay);
        emit ReissueRequested(serial, to, reason, readyAt);
        if (delay == 0) _reissueCard($, serial, to);
        else _lifecycleStorage().pendingReissues[serial] = PendingReissue({to: to, readyAt: readyAt});
    }

    /// @inheritdoc ICardLifecycle
    function executeReissue(uint256 serial) public virtual {
        _authorize(IBrandRegistry.BrandRole.Steward);
        PendingReissue memory pending = _requirePending(serial);
        if (block.timestamp < pending.readyAt) revert ReissueNotReady(serial, pending.readyAt);
        delete _lifecycleStorage().pendingReissues[serial];
        _reissueCard(_ledgerStorage(), serial, pending.to);
    }

    /// @inheritdoc ICardLifecycle
    function cancelReissue(uint256 serial) public virtual {
        registry().authorizeWithdrawal(IBrandRegistry.BrandRole.Steward, msg.sender);
        _cancelReissue(serial, _requirePending(serial), false);
    }

    /// @inheritdoc ICardLifecycle
    function vetoReissue(uint256 serial) public virtual {
        PendingReissue memory pending = _requirePending(serial);
        if (_ownerOf(serial) != msg.sender) revert CallerNotHolder(serial, msg.sender);
        _cancelReissue(serial, pending, true);
    }

    /// @inheritdoc ICardLifecycle
    function vetoReissueBySig(uint256 serial, uint256 deadline, bytes calldata holderSignature) public virtual {
        _checkDeadline(deadline);
        PendingReissue memory pending = _requirePending(serial);
        bytes32 structHash = keccak256(
            abi.encode(_VETO_REISSUE_TYPEHASH, serial, pending.to, pending.readyAt, deadline)
        );
        _checkSignature(_ownerOf(serial), structHash, holderSignature);
        _cancelReissue(serial, pending, true);
    }

    /// @inheritdoc ICardLifecycle
    function pendingReissueOf(uint256 serial) public view virtual returns (PendingReissue memory pending) {
        // A card that died meanwhile cannot be reissued, nor can one whose time for it has passed: what was pending is void.
        if (_ownerOf(serial) != address(0)) pending = _lifecycleStorage().pendingReissues[serial];
        if (block.timestamp > pending.readyAt + _REISSUE_WINDOW) delete pending;
    }

    function _surrender(uint256 serial) internal {
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        if (!config.ownerMayBurn()) revert BurnNotAuthorized();
        $.config = config.withBurned(1);
        address holder = _burnCard($, serial, CardStatus.Surrendered);
        emit CardSurrendered(serial, holder);
    }

    /// @dev Changes each card as `change` says, which also checks it and reports it, and tells readers of metadata (ERC-4906); of
    /// several cards, as the range that holds them all.
    function _changeAll(
        uint256[] calldata serials,
        function(uint256, CardRecord, uint256, uint256) internal returns (CardRecord) change,
        uint256 first_,
        uint256 second_
    ) private {
        uint256 count = serials.length;
        if (count == 0) revert EmptyBatch();
        CardLedgerStorage storage $ = _ledgerStorage();
        (uint256 lowest, uint256 highest) = (type(uint256).max, 0);
        for (uint256 i = 0; i < count; ++i) {
            uint256 serial = serials[i];
            if (serial < lowest) lowest = serial;
            if (serial > highest) highest = serial;
            CardSlot storage card = $.cards[serial];
            card.record = change(serial, card.record, first_, second_);
        }
        if (lowest == highest) emit MetadataUpdate(lowest);
        else emit BatchMetadataUpdate(lowest, highest);
    }

    function _renewOne(uint256 serial, CardRecord record, uint256 from, uint256 to) private returns (CardRecord) {
        _checkLive(serial, record);
        if (record.expiresAt() != from) revert ExpiryMismatch(serial, record.expiresAt());
        emit CardRenewed(serial, uint32(to));
        return record.withExpiresAt(uint32(to));
    }

    function _setTierOfOne(uint256 serial, CardRecord record, uint256 tier, uint256) private returns (CardRecord) {
        _checkLive(serial, record);
        if (record.tier() == tier) revert TierUnchanged(serial, uint8(tier));
        emit CardTierChanged(serial, uint8(tier));
        return record.withTier(uint8(tier));
    }

    function _suspendOne(uint256 serial, CardRecord record, uint256 reason, uint256) private returns (CardRecord) {
        if (!record.hasStatus(CardStatus.Active)) revert CardStatusMismatch(serial, record.status());
        emit CardSuspended(serial, bytes32(reason));
        return record.withStatus(CardStatus.Suspended);
    }

    function _reinstateOne(uint256 serial, CardRecord record, uint256, uint256) private returns (CardRecord) {
        if (!record.hasStatus(CardStatus.Suspended)) revert CardStatusMismatch(serial, record.status());
        emit CardReinstated(serial);
        return record.withStatus(CardStatus.Active);
    }

    function _cancelReissue(uint256 serial, PendingReissue memory pending, bool vetoed) internal {
        delete _lifecycleStorage().pendingReissues[serial];
        emit ReissueCancelled(serial, pending.to, vetoed);
    }

    /// @dev The pending reissue of a live card. Reverts with {ReissueNotPending}.
    function _requirePending(uint256 serial) internal view returns (PendingReissue memory pending) {
        pending = pendingReissueOf(serial);
        if (pending.to == address(0)) revert ReissueNotPending(serial);
    }

    function _lifecycleStorage() private pure returns (CardLifecycleStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
