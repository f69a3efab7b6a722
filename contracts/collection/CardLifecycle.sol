// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {CardLedger} from "./CardLedger.sol";
import {CardRecord, CardStatus} from "./CardRecord.sol";
import {CollectionConfig} from "./CollectionConfig.sol";
import {ICardLifecycle} from "./ICardLifecycle.sol";

/// @title What happens to a card after it was issued
abstract contract CardLifecycle is CardLedger {
    /// @custom:storage-location erc7201:mintmark.storage.CardLifecycle
    struct CardLifecycleStorage {
        mapping(uint256 serial => PendingReissue pending) pendingReissues;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.CardLifecycle")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0x89785af3e3493457ce7003d69e1b6c361602593d6fcaaaecc1a088ba52959900;

    bytes32 private constant _SURRENDER_TYPEHASH = keccak256(
        "Surrender(uint256 serial,uint16 generation,uint256 deadline)"
    );
    bytes32 private constant _VETO_REISSUE_TYPEHASH = keccak256(
        "VetoReissue(uint256 serial,address to,uint256 readyAt,uint256 deadline)"
    );

    /// @inheritdoc ICardLifecycle
    function renew(uint256[] calldata serials, uint32 currentExpiresAt, uint32 duration) public virtual {
        _authorize(IBrandRegistry.BrandRole.Issuer);
        uint256 renewedTo = Math.max(currentExpiresAt, block.timestamp) + duration;
        if (currentExpiresAt == 0) revert CardNeverExpires();
        if (duration == 0 || renewedTo > type(uint32).max) revert InvalidDuration(duration);

        CardLedgerStorage storage $ = _ledgerStorage();
        (uint256 first, uint256 last) = (type(uint256).max, 0);
        for (uint256 i = 0; i < serials.length; ++i) {
            uint256 serial = serials[i];
            if (serial < first) first = serial;
            if (serial > last) last = serial;
            (CardSlot storage card, CardRecord record) = _requireLive($, serial);
            if (record.expiresAt() != currentExpiresAt) revert ExpiryMismatch(serial, record.expiresAt());
            card.record = record.withExpiresAt(uint32(renewedTo));
            emit CardRenewed(serial, uint32(renewedTo));
        }
        _emitMetadataUpdate(first, last);
    }

    /// @inheritdoc ICardLifecycle
    function setTier(uint256[] calldata serials, uint8 tier) public virtual {
        _authorize(IBrandRegistry.BrandRole.Issuer);
        CardLedgerStorage storage $ = _ledgerStorage();
        (uint256 first, uint256 last) = (type(uint256).max, 0);
        for (uint256 i = 0; i < serials.length; ++i) {
            uint256 serial = serials[i];
            if (serial < first) first = serial;
            if (serial > last) last = serial;
            (CardSlot storage card, CardRecord record) = _requireLive($, serial);
            if (record.tier() == tier) revert TierUnchanged(serial, tier);
            card.record = record.withTier(tier);
            emit CardTierChanged(serial, tier);
        }
        _emitMetadataUpdate(first, last);
    }

    /// @inheritdoc ICardLifecycle
    function suspend(uint256[] calldata serials, bytes32 reason) public virtual {
        _changeStatus(serials, CardStatus.Active, CardStatus.Suspended, reason);
    }

    /// @inheritdoc ICardLifecycle
    function reinstate(uint256[] calldata serials) public virtual {
        _changeStatus(serials, CardStatus.Suspended, CardStatus.Active, 0);
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
        _authorize(IBrandRegistry.BrandRole.Steward);
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
        // A card that died meanwhile cannot be reissued: what was pending is void.
        if (_ownerOf(serial) != address(0)) pending = _lifecycleStorage().pendingReissues[serial];
    }

    function _surrender(uint256 serial) internal {
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        if (!config.ownerMayBurn()) revert BurnNotAuthorized();
        $.config = config.withBurned(1);
        address holder = _burnCard($, serial, CardStatus.Surrendered);
        emit CardSurrendered(serial, holder);
    }

    function _changeStatus(uint256[] calldata serials, CardStatus from, CardStatus to, bytes32 reason) internal {
        _authorize(IBrandRegistry.BrandRole.Steward);
        CardLedgerStorage storage $ = _ledgerStorage();
        (uint256 first, uint256 last) = (type(uint256).max, 0);
        for (uint256 i = 0; i < serials.length; ++i) {
            uint256 serial = serials[i];
            if (serial < first) first = serial;
            if (serial > last) last = serial;
            CardSlot storage card = $.cards[serial];
            CardRecord record = card.record;
            if (!record.hasStatus(from)) revert CardStatusMismatch(serial, record.status());
            card.record = record.withStatus(to);
            if (to == CardStatus.Suspended) emit CardSuspended(serial, reason);
            else emit CardReinstated(serial);
        }
        _emitMetadataUpdate(first, last);
    }

    function _cancelReissue(uint256 serial, PendingReissue memory pending, bool vetoed) internal {
        delete _lifecycleStorage().pendingReissues[serial];
        emit ReissueCancelled(serial, pending.to, vetoed);
    }

    /// @dev Tells readers of metadata (ERC-4906) about changed cards; of several, as the range that holds them all.
    function _emitMetadataUpdate(uint256 first, uint256 last) internal {
        if (first > last) revert EmptyBatch();
        if (first == last) emit MetadataUpdate(first);
        else emit BatchMetadataUpdate(first, last);
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
