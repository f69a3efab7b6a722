// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Card, CardStatus} from "../../../contracts/collection/CardRecord.sol";
import {IERC5484} from "../../../contracts/collection/IERC5484.sol";
import {IFinalActs} from "../../../contracts/collection/IFinalActs.sol";
import {IMembershipCollection} from "../../../contracts/collection/IMembershipCollection.sol";
import {MembershipCollection} from "../../../contracts/collection/MembershipCollection.sol";
import {IBrandRegistry} from "../../../contracts/registry/IBrandRegistry.sol";
import {CollectionHandler} from "./CollectionHandler.sol";
import {HandlerBase} from "./handler/HandlerBase.sol";
import {CapBooks} from "./handler/CapBooks.sol";
import {BenefitReckoning} from "./support/BenefitReckoning.sol";
import {Deployment} from "./support/Deployment.sol";
import {Invariants} from "./support/Invariants.sol";
import {vm} from "./support/Vm.sol";

/**
 * @title What holds of a collection after any sequence of calls
 *
 * @dev Each rule is a function of its own. After every call those are checked that take little, and what the books say of a
 * few serials; after the last call of a sequence all of them, of all serials.
 */
contract MembershipCollectionInvariants is Deployment, Invariants {
    /// @dev Small, so that sequences reach the edges: taken serials, a full edition.
    uint32 private constant _MAX_SUPPLY = 40;

    CollectionHandler private _handler;

    function setUp() public {
        _deployRegistry();
        HandlerBase.Edition[] memory editions = new HandlerBase.Edition[](5);
        editions[0] = _edition("noirance-both", IERC5484.BurnAuth.Both, _REISSUE_DELAY, 255, type(uint32).max);
        editions[1] = _edition("noirance-at-once", IERC5484.BurnAuth.Both, 0, 2, type(uint32).max);
        editions[2] = _edition("noirance-issuer-only", IERC5484.BurnAuth.IssuerOnly, 1 days, 2, 60 days);
        editions[3] = _edition("noirance-owner-only", IERC5484.BurnAuth.OwnerOnly, 1 days, 3, 80 days);
        editions[4] = _edition("noirance-neither", IERC5484.BurnAuth.Neither, 1 days, 2, type(uint32).max);
        _handler = new CollectionHandler(_registry, editions);
        _registry.grantRole(_registry.GUARDIAN_ROLE(), _handler.guardian());
        // The consortium keeps none of the brand's roles: it is a stranger to its cards. Admin, the first, goes last.
        for (uint256 i = uint256(type(IBrandRegistry.BrandRole).max) + 1; i > 0; --i) {
            _handOver(IBrandRegistry.BrandRole(i - 1));
        }
        _handler.setOut();
        _target(address(_handler), _handler.selectors());
    }

    function invariant_WhateverPeopleDo() public {
        vm.warp(_handler.time());
        MembershipCollection collection = _handler.collection();
        Card[] memory cards = collection.cardsOf(0, uint256(_MAX_SUPPLY) + 2);
        uint256 last = _handler.lastSerial();
        _nobodyWithoutARoleChangesAnything();
        _aSerialIsIssuedAtMostOnce(last);
        _noTombstoneComesBack(collection, last);
        _noCardMovesButByReissue(collection, last);
        _noQuotaIsExceeded(last);
        _supplyIsNeverAboveTheMaximum(collection);
        _theBalancesSumUpToTheLiveCards(collection, cards);
        _noActSucceedsThatMustBeRefused();
        _cardsAgreeWithTheBooks(cards);
        // The serial that the call was about, and any other one.
        _serialAgreesWithTheBooks(collection, last);
        _serialAgreesWithTheBooks(collection, uint256(keccak256(abi.encode(cards))) % cards.length);
    }

    function afterInvariant() public {
        vm.warp(_handler.time());
        MembershipCollection collection = _handler.collection();
        for (uint256 serial = 0; serial < uint256(_MAX_SUPPLY) + 2; ++serial) {
            _aSerialIsIssuedAtMostOnce(serial);
            _noCardMovesButByReissue(collection, serial);
            _noTombstoneComesBack(collection, serial);
            _noQuotaIsExceeded(serial);
            _serialAgreesWithTheBooks(collection, serial);
        }
        _noIssuerExceedsItsCap();
        _theRestAgreesWithTheBooks(collection);
    }

    function _nobodyWithoutARoleChangesAnything() private view {
        vm.assertEq(_handler.trespass(), "", "nobody without a role changes anything");
    }

    function _supplyIsNeverAboveTheMaximum(MembershipCollection collection) private view {
        uint256 issued = collection.issuedCount();
        vm.assertLe(issued, _MAX_SUPPLY, "supply is never above the maximum");
        vm.assertLe(collection.totalSupply(), issued, "there are never more live cards than issued ones");
        vm.assertEq(issued, _handler.issuedCount(), "issuedCount is what the books say");
    }

    function _theBalancesSumUpToTheLiveCards(MembershipCollection collection, Card[] memory cards) private view {
        uint256 live = 0;
        for (uint256 i = 0; i < cards.length; ++i) {
            if (cards[i].status == CardStatus.Active || cards[i].status == CardStatus.Suspended) ++live;
        }
        uint256 sum = 0;
        address[] memory people = _handler.people();
        for (uint256 i = 0; i < people.length; ++i) sum += collection.balanceOf(people[i]);
        vm.assertEq(sum, live, "the balances sum up to the live cards");
        vm.assertEq(collection.totalSupply(), live, "totalSupply is the number of live cards");
    }

    /// @dev What must be refused and succeeds is noted by the handler; what must succeed and is refused reverts in it.
    function _noActSucceedsThatMustBeRefused() private view {
        vm.assertEq(_handler.breach(), "", "no act succeeds that must be refused");
    }

    function _cardsAgreeWithTheBooks(Card[] memory cards) private view {
        Card[] memory expected = _handler.cards();
        if (keccak256(abi.encode(cards)) == keccak256(abi.encode(expected))) return;
        for (uint256 serial = 0; serial < cards.length; ++serial) {
            vm.assertEq(cards[serial].holder, expected[serial].holder, "holder is who the books say");
            vm.assertEq(
                uint256(cards[serial].status),
                uint256(expected[serial].status),
                "status is what the books say"
            );
            vm.assertEq(
                keccak256(abi.encode(cards[serial])),
                keccak256(abi.encode(expected[serial])),
                "cardOf is what the books say"
            );
        }
    }

    function _aSerialIsIssuedAtMostOnce(uint256 serial) private view {
        vm.assertLe(_handler.entryOf(serial).timesIssued, 1, "a serial is issued at most once");
    }

    /// @dev The books change a holder in one place, which only a carried out reissue leads to.
    function _noCardMovesButByReissue(MembershipCollection collection, uint256 serial) private view {
        Card memory expected = _handler.entryOf(serial).card;
        Card memory card = collection.cardOf(serial);
        vm.assertEq(card.holder, expected.holder, "no path moves a card but reissue");
        vm.assertEq(card.generation, expected.generation, "a card's generation is the number of its reissues");
    }

    function _noTombstoneComesBack(MembershipCollection collection, uint256 serial) private view {
        if (!_handler.entryOf(serial).died) return;
        CardStatus status = collection.cardOf(serial).status;
        bool dead = status == CardStatus.Revoked || status == CardStatus.Surrendered;
        vm.assertTrue(dead && collection.verify(serial).owner == address(0), "no tombstone comes back");
    }

    function _noQuotaIsExceeded(uint256 serial) private view {
        for (uint16 benefitId = 1; benefitId <= 2; ++benefitId) {
            BenefitReckoning.Use[] memory uses = _handler.usesOf(serial, benefitId);
            vm.assertEq(BenefitReckoning.firstAboveQuota(uses), uses.length, "no quota is exceeded in any period");
        }
    }

    /// @dev At most the cap at once, and at most twice the cap in a day.
    function _noIssuerExceedsItsCap() private view {
        address[] memory issuers = _handler.roleHolders(IBrandRegistry.BrandRole.Issuer);
        for (uint256 i = 0; i < issuers.length; ++i) {
            (uint256 cap, CapBooks.CapUse[] memory uses) = _handler.capUsesOf(issuers[i]);
            for (uint256 last = 0; last < uses.length; ++last) {
                (uint256 atOnce, uint256 inADay) = (0, 0);
                for (uint256 j = 0; j <= last; ++j) {
                    if (uses[j].time == uses[last].time) atOnce += uses[j].cards;
                    if (uses[j].time + 1 days > uses[last].time) inADay += uses[j].cards;
                }
                vm.assertLe(atOnce, cap, "no issuer makes more than its cap at once");
                vm.assertLe(inADay, 2 * cap, "no issuer makes more than twice its cap in a day");
            }
        }
    }

    /// @dev verify, batchOf, pendingReissueOf and the uses of benefits, for one serial.
    function _serialAgreesWithTheBooks(MembershipCollection collection, uint256 serial) private view {
        HandlerBase.Entry memory entry = _handler.entryOf(serial);
        vm.assertEq(
            keccak256(abi.encode(collection.pendingReissueOf(serial))),
            keccak256(abi.encode(entry.pending)),
            "pendingReissueOf is what the books say"
        );
        IMembershipCollection.Verification memory answer = collection.verify(serial);
        vm.assertEq(answer.batchFirstSerial, entry.batch, "the batch is what the books say");
        vm.assertEq(answer.commitmentRoot, entry.root, "the commitment root is what the books say");
        vm.assertEq(
            keccak256(abi.encode(answer)),
            keccak256(abi.encode(_expectedVerification(entry))),
            "verify is what the books say"
        );
        for (uint16 benefitId = 1; benefitId <= 2; ++benefitId) {
            vm.assertEq(
                keccak256(abi.encode(collection.benefitUseOf(serial, benefitId))),
                keccak256(abi.encode(_handler.benefitUseOf(serial, benefitId))),
                "benefitUseOf is what the books say"
            );
            vm.assertEq(
                collection.remainingUses(serial, benefitId),
                _handler.remainingUses(serial, benefitId),
                "remainingUses is what the books say"
            );
        }
    }

    function _expectedVerification(
        HandlerBase.Entry memory entry
    ) private view returns (IMembershipCollection.Verification memory answer) {
        Card memory card = entry.card;
        bool live = card.status == CardStatus.Active || card.status == CardStatus.Suspended;
        answer.brandId = _BRAND;
        answer.brandStatus = _handler.brandStatus();
        answer.contentHash = _handler.contentHash();
        answer.owner = live ? card.holder : address(0);
        answer.tier = card.tier;
        answer.status = _effectiveStatus(card);
        answer.issuedAt = card.issuedAt;
        answer.expiresAt = card.expiresAt;
        answer.generation = card.generation;
        answer.batchFirstSerial = entry.batch;
        answer.commitmentRoot = entry.root;
    }

    function _effectiveStatus(Card memory card) private view returns (IMembershipCollection.EffectiveStatus) {
        if (card.status == CardStatus.None) return IMembershipCollection.EffectiveStatus.NotIssued;
        if (card.status == CardStatus.Suspended) return IMembershipCollection.EffectiveStatus.Suspended;
        if (card.status == CardStatus.Revoked) return IMembershipCollection.EffectiveStatus.Revoked;
        if (card.status == CardStatus.Surrendered) return IMembershipCollection.EffectiveStatus.Surrendered;
        bool expired = card.expiresAt != 0 && card.expiresAt <= block.timestamp;
        return expired ? IMembershipCollection.EffectiveStatus.Expired : IMembershipCollection.EffectiveStatus.Active;
    }

    /// @dev What the collection and the registry say about the whole edition.
    function _theRestAgreesWithTheBooks(MembershipCollection collection) private view {
        vm.assertEq(collection.windingDown(), _handler.windingDown(), "windingDown is what the books say");
        vm.assertEq(collection.contentFrozen(), _handler.contentFrozen(), "contentFrozen is what the books say");
        for (uint256 i = 0; i <= uint256(type(IFinalActs.FinalAct).max); ++i) {
            IFinalActs.FinalAct act = IFinalActs.FinalAct(i);
            vm.assertEq(collection.announcedFor(act), _handler.announcedFor(act), "announcedFor is what the books say");
        }
        vm.assertEq(collection.benefitsFrozen(), _handler.benefitsFrozen(), "benefitsFrozen is what the books say");
        bytes32[] memory roots = _handler.roots();
        for (uint256 i = 0; i < roots.length; ++i) {
            vm.assertEq(
                keccak256(abi.encode(collection.allowlistOf(roots[i]))),
                keccak256(abi.encode(_handler.allowlistOf(roots[i]))),
                "allowlistOf is what the books say"
            );
        }
        for (uint8 tier = 0; tier < 3; ++tier) {
            for (uint16 benefitId = 1; benefitId <= 2; ++benefitId) {
                vm.assertEq(
                    keccak256(abi.encode(collection.benefitOf(tier, benefitId))),
                    keccak256(abi.encode(_handler.benefitOf(tier, benefitId))),
                    "benefitOf is what the books say"
                );
            }
        }
        address[] memory issuers = _handler.roleHolders(IBrandRegistry.BrandRole.Issuer);
        for (uint256 i = 0; i < issuers.length; ++i) {
            (, , uint256 available) = _registry.dailyCapOf(_BRAND, issuers[i]);
            vm.assertEq(available, _handler.availableTo(issuers[i]), "what is left of a cap is what the books say");
        }
    }

    function _edition(
        string memory slug,
        IERC5484.BurnAuth burnAuth,
        uint32 reissueDelay,
        uint8 highestTier,
        uint32 longestTerm
    ) private returns (HandlerBase.Edition memory) {
        return
            HandlerBase.Edition({
                collection: _createCollection(slug, _MAX_SUPPLY, burnAuth, reissueDelay, highestTier, longestTerm),
                burnAuth: burnAuth,
                reissueDelay: reissueDelay,
                highestTier: highestTier,
                longestTerm: longestTerm
            });
    }

    /// @dev The role goes to the handler's people, and this contract gives it up.
    function _handOver(IBrandRegistry.BrandRole role) private {
        address[] memory holders = _handler.roleHolders(role);
        for (uint256 i = 0; i < holders.length; ++i) _grant(role, holders[i]);
        _registry.renounceRole(_registry.roleId(_BRAND, role), address(this));
    }
}
