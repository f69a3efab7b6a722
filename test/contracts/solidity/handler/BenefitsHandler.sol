// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Card, CardStatus} from "../../../../contracts/collection/CardRecord.sol";
import {ICardBenefits} from "../../../../contracts/collection/ICardBenefits.sol";
import {IFinalActs} from "../../../../contracts/collection/IFinalActs.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";
import {BenefitReckoning} from "../support/BenefitReckoning.sol";
import {vm} from "../support/Vm.sol";
import {FinalActBooks} from "./FinalActBooks.sol";

/// @title What cards entitle to, and its use, in any order
abstract contract BenefitsHandler is FinalActBooks {
    uint256 private constant _BENEFITS = 2;
    uint32 private constant _MIDNIGHT = 1_799_971_200;
    uint32 private constant _UNLIMITED = type(uint32).max;

    bytes32 private constant _REDEMPTION_TYPEHASH = keccak256(
        "Redemption(uint256 serial,uint16 benefitId,uint32 number,uint16 generation,address staff,uint256 deadline)"
    );

    mapping(uint8 tier => mapping(uint16 benefitId => ICardBenefits.BenefitTerms terms)) private _terms;
    mapping(uint256 serial => mapping(uint16 benefitId => BenefitReckoning.Use[] uses)) private _uses;

    /// @notice Gives each tier its first benefits, in every edition. The test calls it, once the roles are given.
    function setOut() public {
        _noteAppointments();
        for (uint8 tier = 0; tier < 3; ++tier) {
            for (uint16 benefitId = 1; benefitId <= _BENEFITS; ++benefitId) {
                ICardBenefits.BenefitTerms memory terms = ICardBenefits.BenefitTerms({
                    quota: 1 + tier,
                    period: benefitId == 1 ? 1 days : 30 days,
                    startsAt: _MIDNIGHT
                });
                _terms[tier][benefitId] = terms;
                for (uint256 i = 0; i < _editions.length; ++i) {
                    vm.prank(_proper(IBrandRegistry.BrandRole.Admin));
                    _editions[i].collection.setBenefit(tier, benefitId, terms);
                }
            }
        }
    }

    /// @dev In the order in which the test gave the roles.
    function _noteAppointments() private {
        _noteAppointment(IBrandRegistry.BrandRole.Staff, _person(_STAFF));
        _noteAppointment(IBrandRegistry.BrandRole.Steward, _person(_STEWARD));
        _noteAppointment(IBrandRegistry.BrandRole.Issuer, _person(_ISSUER));
        _noteAppointment(IBrandRegistry.BrandRole.Issuer, _person(_SECOND_ISSUER));
        _noteAppointment(IBrandRegistry.BrandRole.Admin, _person(_ADMIN));
    }

    /// @notice Up to four purchases of one card in a row.
    function redeem(uint256 seed) public move(seed) {
        uint256 serial = _pick(CardStatus.Active);
        uint16 benefitId = _anyBenefit();
        uint256 times = 1 + _roll(4);
        while (times > 0 && _redeemOnce(serial, benefitId)) --times;
    }

    /// @notice A redemption is taken back: mostly one of the last few, now and then one that cannot be.
    function undoRedemption(uint256 seed) public move(seed) {
        Act memory act = _newAct("undoRedemption", IBrandRegistry.BrandRole.Staff);
        (uint256 serial, uint16 benefitId) = (_pick(), _anyBenefit());
        for (uint256 i = 0; i < 5 && _uses[serial][benefitId].length == 0; ++i) {
            (serial, benefitId) = (_pick(), _anyBenefit());
        }
        uint256 redemptions = _uses[serial][benefitId].length;
        uint32 number = uint32(_chance(8) ? _roll(redemptions + 3) : redemptions - _roll((redemptions + 3) / 3));
        if (_chance(32)) number = type(uint32).max - uint32(_roll(2));
        _needLive(act, serial);
        if (!BenefitReckoning.isUndoable(_uses[serial][benefitId], number)) {
            _refuse(
                act,
                abi.encodeWithSelector(ICardBenefits.RedemptionNotUndoable.selector, serial, benefitId, number)
            );
        }
        act.call = abi.encodeCall(ICardBenefits.undoRedemption, (serial, benefitId, number, bytes32(_roll(2))));
        if (!_perform(act)) return;
        _spent = SpentCall(act.call, act.caller);
        lastSerial = serial;
        _uses[serial][benefitId][number - 1].undoneAfter = uint32(redemptions);
    }

    function setBenefit(uint256 seed) public move(seed) {
        Act memory act = _newAct("setBenefit", IBrandRegistry.BrandRole.Admin);
        uint8 tier = uint8(_roll(3));
        uint16 benefitId = _anyBenefit();
        uint32[5] memory quotas = [uint32(0), 1, 2, 3, _UNLIMITED];
        uint32[5] memory periods = [uint32(0), 1 hours, 1 days, 7 days, 30 days];
        ICardBenefits.BenefitTerms memory fixedTerms = _terms[0][benefitId];
        ICardBenefits.BenefitTerms memory terms = ICardBenefits.BenefitTerms({
            quota: quotas[_roll(5)],
            period: _chance(12) ? periods[_roll(5)] : fixedTerms.period,
            startsAt: _chance(12) ? uint32(_now - 30 days + _roll(31 days)) : fixedTerms.startsAt
        });
        if (_chance(24)) tier = _anyTier();
        _needTier(act, tier);
        if (benefitsFrozen()) _refuse(act, abi.encodeWithSelector(ICardBenefits.BenefitsAreFrozen.selector));
        if (terms.period != fixedTerms.period || terms.startsAt != fixedTerms.startsAt) {
            _refuse(
                act,
                abi.encodeWithSelector(
                    ICardBenefits.BenefitPeriodsFixed.selector,
                    benefitId,
                    fixedTerms.period,
                    fixedTerms.startsAt
                )
            );
        }
        act.call = abi.encodeCall(ICardBenefits.setBenefit, (tier, benefitId, terms));
        if (!_perform(act)) return;
        _terms[tier][benefitId] = terms;
        delete _readyAt[IFinalActs.FinalAct.FreezeBenefits];
    }

    /// @notice What the collection must say of how a card has used a benefit.
    function benefitUseOf(
        uint256 serial,
        uint16 benefitId
    ) public view returns (ICardBenefits.BenefitUse memory expected) {
        BenefitReckoning.Use[] memory uses = _uses[serial][benefitId];
        if (uses.length == 0) return expected;
        expected.redemptions = uint32(uses.length);
        expected.periodStart = uses[uses.length - 1].countedIn;
        for (uint256 i = 0; i < uses.length; ++i) {
            if (uses[i].countedIn != expected.periodStart) continue;
            if (uses[i].undoneAfter == 0) ++expected.used;
            else ++expected.undone;
        }
    }

    /// @notice All uses of a benefit by a card, from the first.
    function usesOf(uint256 serial, uint16 benefitId) public view returns (BenefitReckoning.Use[] memory) {
        return _uses[serial][benefitId];
    }

    /// @notice What the collection must say of a tier's benefit.
    function benefitOf(uint8 tier, uint16 benefitId) public view returns (ICardBenefits.BenefitTerms memory) {
        return _terms[tier][benefitId];
    }

    /// @notice How often the collection must let a card use a benefit now.
    function remainingUses(uint256 serial, uint16 benefitId) public view returns (uint32) {
        Card memory card = _entries[serial].card;
        ICardBenefits.BenefitTerms memory terms = _terms[card.tier][benefitId];
        if (card.status != CardStatus.Active || _isExpired(serial)) return 0;
        if (terms.quota == 0 || terms.startsAt > _now) return 0;
        if (terms.quota == _UNLIMITED) return _UNLIMITED;
        (, uint256 used) = BenefitReckoning.usedNow(_uses[serial][benefitId], terms, _now);
        return used < terms.quota ? uint32(terms.quota - used) : 0;
    }

    function _redeemOnce(uint256 serial, uint16 benefitId) private returns (bool) {
        Act memory act = _newAct("redeem", IBrandRegistry.BrandRole.Staff);
        Card memory card = _entries[serial].card;
        uint256 next = _uses[serial][benefitId].length + 1;
        ICardBenefits.Redemption memory redemption = ICardBenefits.Redemption({
            serial: serial,
            benefitId: benefitId,
            number: uint32(_chance(24) ? _roll(next + 2) : next),
            generation: _anyGeneration(card.generation),
            staff: _anyStaff(),
            deadline: _deadline(act)
        });
        if (card.status != CardStatus.Active) _refuseStatus(act, serial, card.status);
        if (_isExpired(serial)) {
            _refuse(act, abi.encodeWithSelector(ICardBenefits.CardExpired.selector, serial, card.expiresAt));
        }
        if (redemption.generation != card.generation) {
            _refuse(act, abi.encodeWithSelector(ICardBenefits.GenerationMismatch.selector, serial, card.generation));
        }
        if (redemption.staff != address(0) && redemption.staff != act.caller) {
            act.unentitled = true;
            _refuse(act, abi.encodeWithSelector(ICardBenefits.StaffMismatch.selector, redemption.staff));
        }
        if (redemption.number != next) {
            _refuse(
                act,
                abi.encodeWithSelector(ICardBenefits.RedemptionNumberMismatch.selector, serial, benefitId, next)
            );
        }
        uint32 countedIn = _needQuota(act, serial, benefitId, _terms[card.tier][benefitId]);
        bytes memory consent = _signature(act, card.holder, keccak256(abi.encode(_REDEMPTION_TYPEHASH, redemption)));
        act.call = abi.encodeCall(ICardBenefits.redeem, (redemption, consent));
        if (!_perform(act)) return false;
        _spent = SpentCall(act.call, act.caller);
        lastSerial = serial;
        _uses[serial][benefitId].push(BenefitReckoning.useOf(card.tier, _terms[card.tier][benefitId], _now, countedIn));
        return true;
    }

    /// @dev The period that a use would count in.
    function _needQuota(
        Act memory act,
        uint256 serial,
        uint16 benefitId,
        ICardBenefits.BenefitTerms memory terms
    ) private view returns (uint32 countedIn) {
        if (terms.quota == 0) {
            uint8 tier = _entries[serial].card.tier;
            _refuse(act, abi.encodeWithSelector(ICardBenefits.BenefitNotGranted.selector, tier, benefitId));
        }
        if (terms.startsAt > _now) {
            _refuse(act, abi.encodeWithSelector(ICardBenefits.BenefitNotStarted.selector, benefitId, terms.startsAt));
            return 0;
        }
        uint256 used;
        (countedIn, used) = BenefitReckoning.usedNow(_uses[serial][benefitId], terms, _now);
        if (terms.quota != _UNLIMITED && used >= terms.quota) {
            _refuse(act, abi.encodeWithSelector(ICardBenefits.QuotaExceeded.selector, serial, benefitId, terms.quota));
        }
    }

    /// @dev Mostly the card's; of a reissued card often the one before.
    function _anyGeneration(uint16 generation) private returns (uint16) {
        if (generation > 0 && _chance(4)) return generation - 1;
        return _chance(24) ? uint16(_roll(3)) : generation;
    }

    /// @dev Mostly nobody in particular, or who does it.
    function _anyStaff() private returns (address) {
        if (_chance(2)) return address(0);
        return _chance(12) ? _anybody() : _proper(IBrandRegistry.BrandRole.Staff);
    }

    function _anyBenefit() private returns (uint16) {
        return uint16(1 + _roll(_BENEFITS));
    }
}
