// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Card, CardRecord, CardRecords, CardStatus} from "../../../contracts/collection/CardRecord.sol";
import {bound, vm} from "./support/Vm.sol";

/// @title The layout of a card's slot, for whatever its fields hold
contract CardRecordTest {
    /// @dev Every field from its own bits of `raw`, as the drawing in CardRecord.sol has them. Written out with numbers, so
    /// that a shifted constant in the library does not shift the expectation with it.
    function _fields(uint256 raw) private pure returns (Card memory) {
        return
            Card({
                holder: address(uint160(raw)),
                issuedAt: uint32(raw >> 160),
                expiresAt: uint32(raw >> 192),
                tier: uint8(raw >> 224),
                status: CardStatus((raw >> 232) & 0xf),
                generation: uint16(raw >> 240)
            });
    }

    /// @dev Any slot that the contract could have written: every field free, the status one that exists.
    function _anyRecord(uint256 raw) private pure returns (CardRecord) {
        uint256 status = bound((raw >> 232) & 0xf, 0, uint256(type(CardStatus).max));
        return CardRecord.wrap((raw & ~(uint256(0xf) << 232)) | (status << 232));
    }

    function _assertSame(Card memory left, Card memory right) private pure {
        vm.assertEq(left.holder, right.holder, "holder");
        vm.assertEq(left.issuedAt, right.issuedAt, "issuedAt");
        vm.assertEq(left.expiresAt, right.expiresAt, "expiresAt");
        vm.assertEq(left.tier, right.tier, "tier");
        vm.assertEq(uint256(left.status), uint256(right.status), "status");
        vm.assertEq(left.generation, right.generation, "generation");
    }

    /// @dev What a setter may have changed: the `bits` bits from `shift` on, and nothing else.
    function _assertOnlyField(CardRecord before, CardRecord afterwards, uint256 shift, uint256 bits) private pure {
        uint256 mask = ((uint256(1) << bits) - 1) << shift;
        vm.assertEq(CardRecord.unwrap(before) & ~mask, CardRecord.unwrap(afterwards) & ~mask, "another field changed");
    }

    function testFuzz_UnpackReadsEachFieldFromItsOwnBits(uint256 raw) public pure {
        CardRecord record = _anyRecord(raw);
        Card memory expected = _fields(CardRecord.unwrap(record));
        _assertSame(record.unpack(), expected);
        vm.assertEq(record.isBatchStart(), (CardRecord.unwrap(record) >> 236) & 1 == 1, "isBatchStart");
        vm.assertEq(
            record.isLive(),
            expected.status == CardStatus.Active || expected.status == CardStatus.Suspended,
            "isLive"
        );
        vm.assertEq(record.exists(), CardRecord.unwrap(record) != 0, "exists");
    }

    function testFuzz_HasStatusIsWhatStatusSays(uint256 raw, uint8 other) public pure {
        CardRecord record = _anyRecord(raw);
        CardStatus status = CardStatus(bound(other, 0, uint256(type(CardStatus).max)));
        vm.assertEq(record.hasStatus(status), record.status() == status, "hasStatus");
    }

    function testFuzz_IsExpiredFromItsSecondOn(uint256 raw, uint32 timestamp) public {
        CardRecord record = _anyRecord(raw);
        uint256 expiresAt = record.expiresAt();
        vm.warp(timestamp);
        vm.assertEq(record.isExpired(), expiresAt != 0 && timestamp >= expiresAt, "isExpired");
        if (expiresAt == 0) return;
        vm.warp(expiresAt);
        vm.assertTrue(record.isExpired(), "not expired in its second");
        vm.warp(expiresAt - 1);
        vm.assertFalse(record.isExpired(), "expired the second before");
    }

    function testFuzz_PackAndUnpackAreInverse(
        uint8 tier,
        uint32 expiresAt,
        uint32 issuedAt,
        address holder
    ) public pure {
        CardRecord record = CardRecords.template(tier, expiresAt, issuedAt).withHolder(holder);
        _assertSame(
            record.unpack(),
            Card({
                holder: holder,
                issuedAt: issuedAt,
                expiresAt: expiresAt,
                tier: tier,
                status: CardStatus.Active,
                generation: 0
            })
        );
        vm.assertFalse(record.isBatchStart(), "no card starts a batch unasked");
        vm.assertTrue(record.exists(), "exists");
    }

    function testFuzz_WithHolderChangesOnlyTheHolder(uint256 raw, address holder) public pure {
        CardRecord before = CardRecord.wrap((CardRecord.unwrap(_anyRecord(raw)) >> 160) << 160);
        CardRecord afterwards = before.withHolder(holder);
        vm.assertEq(afterwards.holder(), holder, "holder");
        _assertOnlyField(before, afterwards, 0, 160);
    }

    function testFuzz_WithBatchStartChangesOnlyItsFlag(uint256 raw) public pure {
        CardRecord before = _anyRecord(raw);
        CardRecord afterwards = before.withBatchStart();
        vm.assertTrue(afterwards.isBatchStart(), "isBatchStart");
        _assertOnlyField(before, afterwards, 236, 1);
    }

    function testFuzz_WithStatusChangesOnlyTheStatus(uint256 raw, uint8 next) public pure {
        CardRecord before = _anyRecord(raw);
        CardStatus status = CardStatus(bound(next, 0, uint256(type(CardStatus).max)));
        CardRecord afterwards = before.withStatus(status);
        vm.assertTrue(afterwards.status() == status, "status");
        _assertOnlyField(before, afterwards, 232, 4);
    }

    function testFuzz_WithTierChangesOnlyTheTier(uint256 raw, uint8 tier) public pure {
        CardRecord before = _anyRecord(raw);
        CardRecord afterwards = before.withTier(tier);
        vm.assertEq(afterwards.tier(), tier, "tier");
        _assertOnlyField(before, afterwards, 224, 8);
    }

    function testFuzz_WithExpiresAtChangesOnlyTheExpiry(uint256 raw, uint32 expiresAt) public pure {
        CardRecord before = _anyRecord(raw);
        CardRecord afterwards = before.withExpiresAt(expiresAt);
        vm.assertEq(afterwards.expiresAt(), expiresAt, "expiresAt");
        _assertOnlyField(before, afterwards, 192, 32);
    }

    function testFuzz_ReissuedToChangesHolderAndGeneration(uint256 raw, address holder) public pure {
        CardRecord before = _anyRecord(raw);
        vm.assume(before.generation() < type(uint16).max);
        CardRecord afterwards = before.reissuedTo(holder);
        vm.assertEq(afterwards.holder(), holder, "holder");
        vm.assertEq(afterwards.generation(), uint256(before.generation()) + 1, "generation");
        uint256 untouched = ((uint256(1) << 240) - 1) & ~uint256(type(uint160).max);
        vm.assertEq(
            CardRecord.unwrap(before) & untouched,
            CardRecord.unwrap(afterwards) & untouched,
            "another field changed"
        );
    }

    function testFuzz_RevertIf_ThereIsNoNextGeneration(uint256 raw, address holder) public {
        CardRecord last = CardRecord.wrap(CardRecord.unwrap(_anyRecord(raw)) | (uint256(type(uint16).max) << 240));
        vm.expectRevert();
        this.reissue(last, holder);
    }

    /// @dev A call, because only a call can be expected to revert.
    function reissue(CardRecord record, address holder) public pure returns (CardRecord) {
        return record.reissuedTo(holder);
    }
}
