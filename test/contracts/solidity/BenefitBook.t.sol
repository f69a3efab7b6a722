// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BenefitBook} from "../../../contracts/collection/BenefitBook.sol";
import {CardRecord, CardRecords} from "../../../contracts/collection/CardRecord.sol";
import {ICardBenefits} from "../../../contracts/collection/ICardBenefits.sol";
import {BenefitReckoning} from "./support/BenefitReckoning.sol";
import {bound, vm} from "./support/Vm.sol";

/// @title Periods and quotas, for whatever terms tiers have and however often a card changes between them
contract BenefitBookTest {
    using BenefitBook for BenefitBook.Book;

    uint256 private constant _TIERS = 3;
    uint256 private constant _VISITS = 24;
    uint16 private constant _BENEFIT = 7;
    uint256 private constant _SERIAL = 11;
    uint32 private constant _START = 1_800_000_000;

    BenefitBook.Book private _book;
    BenefitReckoning.Use[] private _uses;
    uint256 private _dice;

    /// @dev One schedule for all tiers, also one that never ends or that begins later, and any quotas.
    function testFuzz_TheBookIsWhatTheListOfUsesSays(uint256 seed) public {
        _dice = seed;
        uint32 period = _roll(4) == 0 ? 0 : uint32(1 + _roll(30 days));
        uint32 startsAt = uint32(_START - 1 days + _roll(2 days));
        for (uint8 tier = 0; tier < _TIERS; ++tier) {
            _set(tier, _roll(6) == 0 ? type(uint32).max : uint32(_roll(4)), period, startsAt);
        }
        _visit(10 days);
    }

    /// @dev Whatever was set first, for whatever tier, is the benefit's schedule for ever.
    function testFuzz_ABenefitHasOneSchedule(
        uint8 tier,
        ICardBenefits.BenefitTerms memory first,
        uint8 otherTier,
        ICardBenefits.BenefitTerms memory next
    ) public {
        this.setBenefit(tier, first);
        bool same = next.period == first.period && next.startsAt == first.startsAt;
        (bool success, bytes memory answer) = address(this).call(abi.encodeCall(this.setBenefit, (otherTier, next)));
        vm.assertEq(success, same, "set");
        next.period = first.period;
        next.startsAt = first.startsAt;
        this.setBenefit(otherTier, next);
        vm.assertEq(_book.benefits[otherTier][_BENEFIT].quota, next.quota, "quota");
        if (same) return;
        bytes memory reason = abi.encodeWithSelector(
            ICardBenefits.BenefitPeriodsFixed.selector,
            _BENEFIT,
            first.period,
            first.startsAt
        );
        vm.assertEq(keccak256(answer), keccak256(reason), "why it is not set");
    }

    /// @dev What brands do: each tier has a quota of its own in the same periods. Then it holds without any condition that
    /// a card never has more than its tier's quota in a period, whatever tiers it went through.
    function testFuzz_TiersWithTheSamePeriodsShareAQuota(uint256 seed, uint32 period, uint32 startsAt) public {
        _dice = seed;
        period = uint32(bound(period, 1, 30 days));
        startsAt = uint32(bound(startsAt, 0, _START));
        for (uint8 tier = 0; tier < _TIERS; ++tier) {
            _set(tier, uint32(1 + _roll(4)), period, startsAt);
        }
        _visit(uint256(period) / 2 + 1);
        for (uint256 i = 0; i < _uses.length; ++i) {
            uint256 count = 0;
            for (uint256 j = 0; j <= i; ++j) {
                // What was undone by then is left out.
                if (_uses[j].undoneAfter != 0 && _uses[j].undoneAfter <= i) continue;
                if (_sequenceOf(_uses[j].usedAt, period, startsAt) == _sequenceOf(_uses[i].usedAt, period, startsAt))
                    ++count;
            }
            vm.assertLe(count, _uses[i].quota, "more than the quota in one period");
        }
    }

    /// @dev A card that stays in its tier has exactly its quota in every period.
    function testFuzz_EveryPeriodHasItsQuota(uint32 quota, uint32 period, uint32 startsAt, uint32 wait) public {
        quota = uint32(bound(quota, 1, 5));
        period = uint32(bound(period, 1, 365 days));
        startsAt = uint32(bound(startsAt, 0, _START));
        _set(0, quota, period, startsAt);
        uint256 start = BenefitReckoning.periodStart(startsAt, period, _START);
        for (uint256 i = 0; i < 3; ++i) {
            // Somewhere in this period, its last second included.
            vm.warp(start + i * period + bound(wait, 0, period - 1));
            for (uint256 number = 0; number < quota; ++number) {
                vm.assertEq(_book.remainingUses(_SERIAL, _BENEFIT, _record(0)), quota - number, "remainingUses");
                this.redeem(_redemption(i * quota + number + 1), 0);
            }
            vm.assertEq(_book.remainingUses(_SERIAL, _BENEFIT, _record(0)), 0, "remainingUses of none");
            vm.expectRevert(abi.encodeWithSelector(ICardBenefits.QuotaExceeded.selector, _SERIAL, _BENEFIT, quota));
            this.redeem(_redemption((i + 1) * quota + 1), 0);
        }
    }

    /// @dev Calls, because the library takes its argument from calldata, and because only a call can be refused.
    function redeem(ICardBenefits.Redemption calldata redemption, uint8 tier) public {
        _book.redeem(redemption, _record(tier));
    }

    function setBenefit(uint8 tier, ICardBenefits.BenefitTerms calldata terms) public {
        _book.setBenefit(tier, _BENEFIT, terms);
    }

    function undoRedemption(uint32 number) public {
        _book.undoRedemption(_SERIAL, _BENEFIT, number, "", _record(0));
    }

    function _redemption(uint256 number) private pure returns (ICardBenefits.Redemption memory) {
        return ICardBenefits.Redemption(_SERIAL, _BENEFIT, uint32(number), 0, address(0), 0);
    }

    function _set(uint8 tier, uint32 quota, uint32 period, uint32 startsAt) private {
        this.setBenefit(tier, ICardBenefits.BenefitTerms(quota, period, startsAt));
    }

    /// @dev An active card that never expires.
    function _record(uint8 tier) private pure returns (CardRecord) {
        return CardRecords.template(tier, 0, 0);
    }

    /// @dev The card comes again and again, each time in some tier, and uses the benefit if the list of uses says it may; now
    /// and then one of its uses is undone.
    function _visit(uint256 longestWait) private {
        uint256 time = _START;
        for (uint256 i = 0; i < _VISITS; ++i) {
            time += _roll(3) * _roll(longestWait);
            vm.warp(time);
            if (_roll(3) == 0) _undoOne();
            uint8 tier = uint8(_roll(_TIERS));
            ICardBenefits.BenefitTerms memory terms = _book.benefits[tier][_BENEFIT];
            bool open = terms.quota != 0 && terms.startsAt <= time;
            (uint32 countedIn, uint256 used) = open ? BenefitReckoning.usedNow(_uses, terms, time) : (0, 0);
            uint256 left = !open || used >= terms.quota ? 0 : terms.quota - used;
            if (open && terms.quota == type(uint32).max) left = type(uint32).max;
            vm.assertEq(_book.remainingUses(_SERIAL, _BENEFIT, _record(tier)), left, "remainingUses");
            (bool success, ) = address(this).call(abi.encodeCall(this.redeem, (_redemption(_uses.length + 1), tier)));
            vm.assertEq(success, left > 0, "redeemed");
            if (!success) continue;
            _uses.push(BenefitReckoning.useOf(tier, terms, time, countedIn));
            ICardBenefits.BenefitUse memory use = _book.uses[_SERIAL][_BENEFIT];
            vm.assertEq(use.redemptions, _uses.length, "redemptions");
            vm.assertEq(use.periodStart, countedIn, "periodStart");
            vm.assertEq(use.used, used + 1, "used");
        }
        vm.assertEq(BenefitReckoning.firstAboveQuota(_uses), _uses.length, "more than the quota in one period");
    }

    /// @dev Any use, one too many on either side included; works if the list of uses says it must.
    function _undoOne() private {
        uint32 number = uint32(_roll(_uses.length + 2));
        bool expected = BenefitReckoning.isUndoable(_uses, number);
        uint32 used = _book.uses[_SERIAL][_BENEFIT].used;
        (bool success, bytes memory answer) = address(this).call(abi.encodeCall(this.undoRedemption, (number)));
        vm.assertEq(success, expected, "undone");
        if (success) {
            _uses[number - 1].undoneAfter = uint32(_uses.length);
            vm.assertEq(_book.uses[_SERIAL][_BENEFIT].used, used - 1, "used, less what was undone");
            return;
        }
        bytes memory reason = abi.encodeWithSelector(
            ICardBenefits.RedemptionNotUndoable.selector,
            _SERIAL,
            _BENEFIT,
            number
        );
        vm.assertEq(keccak256(answer), keccak256(reason), "why it is not undone");
    }

    function _sequenceOf(uint256 time, uint256 period, uint256 startsAt) private pure returns (uint256) {
        return (time - startsAt) / period;
    }

    function _roll(uint256 sides) private returns (uint256) {
        _dice = uint256(keccak256(abi.encode(_dice)));
        return _dice % sides;
    }
}
