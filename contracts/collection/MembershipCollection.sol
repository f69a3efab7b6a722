// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {BatchStarts} from "./BatchStarts.sol";
import {CardBenefits} from "./CardBenefits.sol";
import {CardIssuance} from "./CardIssuance.sol";
import {CardLedger} from "./CardLedger.sol";
import {CardLifecycle} from "./CardLifecycle.sol";
import {Card, CardRecord, CardStatus} from "./CardRecord.sol";
import {CollectionContent} from "./CollectionContent.sol";
import {IMembershipCollection} from "./IMembershipCollection.sol";

/**
 * @title One edition of membership cards
 *
 * @dev Stands behind a beacon proxy. {CardLedger} keeps who holds what, the others say what may happen to it; what is read
 * across all of them is here.
 */
contract MembershipCollection is CardIssuance, CardLifecycle, CardBenefits, CollectionContent, Multicall {
    using BatchStarts for BatchStarts.Starts;

    /// @param registry_ The registry whose collections use this implementation.
    constructor(IBrandRegistry registry_) CardLedger(registry_) {}

    /// @inheritdoc IMembershipCollection
    function verify(uint256 serial) public view virtual returns (Verification memory answer) {
        CardRecord record = _ledgerStorage().cards[serial].record;
        answer.brandId = brandId();
        answer.brandStatus = registry().brandStatus(answer.brandId);
        answer.contentHash = contentHash();
        if (!record.exists()) return answer;
        answer.owner = _ownerOf(serial);
        answer.tier = record.tier();
        answer.status = _effectiveStatus(record);
        answer.issuedAt = record.issuedAt();
        answer.expiresAt = record.expiresAt();
        answer.generation = record.generation();
        (answer.batchFirstSerial, answer.commitmentRoot) = batchOf(serial);
    }

    /// @inheritdoc IMembershipCollection
    function cardOf(uint256 serial) public view virtual returns (Card memory) {
        return _ledgerStorage().cards[serial].record.unpack();
    }

    /// @inheritdoc IMembershipCollection
    function cardsOf(uint256 firstSerial, uint256 count) public view virtual returns (Card[] memory cards) {
        cards = new Card[](count);
        for (uint256 i = 0; i < count; ++i) {
            cards[i] = cardOf(firstSerial + i);
        }
    }

    /// @inheritdoc IMembershipCollection
    function batchOf(uint256 serial) public view virtual returns (uint256 firstSerial, bytes32 commitmentRoot) {
        CardLedgerStorage storage $ = _ledgerStorage();
        CardRecord record = $.cards[serial].record;
        if (!record.exists()) revert CardNotIssued(serial);
        // A batch has no holes: between its beginning and a card of it there is no other beginning.
        firstSerial = record.isBatchStart() ? serial : $.batchStarts.find(serial);
        commitmentRoot = $.commitmentRoots[firstSerial];
    }

    function _effectiveStatus(CardRecord record) internal view returns (EffectiveStatus) {
        if (record.hasStatus(CardStatus.Suspended)) return EffectiveStatus.Suspended;
        if (record.hasStatus(CardStatus.Revoked)) return EffectiveStatus.Revoked;
        if (record.hasStatus(CardStatus.Surrendered)) return EffectiveStatus.Surrendered;
        return record.isExpired() ? EffectiveStatus.Expired : EffectiveStatus.Active;
    }
}
