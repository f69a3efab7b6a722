// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Card, CardStatus} from "../../../contracts/collection/CardRecord.sol";
import {ICardLifecycle} from "../../../contracts/collection/ICardLifecycle.sol";
import {IERC5484} from "../../../contracts/collection/IERC5484.sol";
import {MembershipCollection} from "../../../contracts/collection/MembershipCollection.sol";
import {IBrandRegistry} from "../../../contracts/registry/IBrandRegistry.sol";
import {CollectionHandler} from "./CollectionHandler.sol";
import {Deployment} from "./support/Deployment.sol";
import {Invariants} from "./support/Invariants.sol";
import {vm} from "./support/Vm.sol";

/// @title What holds of a collection after any sequence of calls
contract MembershipCollectionInvariants is Deployment, Invariants {
    /// @dev Small, so that sequences reach the edges: taken serials, a full edition.
    uint32 private constant _MAX_SUPPLY = 24;

    MembershipCollection private _collection;
    CollectionHandler private _handler;

    function setUp() public {
        _deployRegistry();
        _collection = _createCollection(_MAX_SUPPLY, IERC5484.BurnAuth.Both);
        _handler = new CollectionHandler(_collection);
        _grant(IBrandRegistry.BrandRole.Issuer, address(_handler));
        _grant(IBrandRegistry.BrandRole.Steward, address(_handler));
        _target(address(_handler), _handler.selectors());
    }

    /// @dev One invariant that checks everything, because each of them is a campaign of its own: two would cost twice.
    function invariant_TheCollectionAgreesWithTheBooks() public view {
        vm.assertEq(_handler.breach(), "", "breach");
        uint256 live = 0;
        uint256[] memory balances = new uint256[](_handler.holderCount());
        Card[] memory cards = _collection.cardsOf(0, uint256(_MAX_SUPPLY) + 2);
        for (uint256 serial = 0; serial < cards.length; ++serial) {
            Card memory expected = _handler.cardOf(serial);
            vm.assertEq(keccak256(abi.encode(cards[serial])), keccak256(abi.encode(expected)), "card");
            if (expected.status != CardStatus.Active && expected.status != CardStatus.Suspended) continue;
            ++live;
            for (uint256 i = 0; i < balances.length; ++i) {
                if (_handler.holderAt(i) == expected.holder) ++balances[i];
            }
            ICardLifecycle.PendingReissue memory pending = _handler.pendingReissueOf(serial);
            vm.assertEq(_collection.pendingReissueOf(serial).to, pending.to, "pending reissue: to");
            vm.assertEq(_collection.pendingReissueOf(serial).readyAt, pending.readyAt, "pending reissue: readyAt");
        }
        vm.assertEq(_collection.issuedCount(), _handler.issuedCount(), "issuedCount");
        vm.assertLe(_collection.issuedCount(), _MAX_SUPPLY, "supply above the maximum");
        vm.assertEq(_collection.totalSupply(), live, "totalSupply is not the number of live cards");
        for (uint256 i = 0; i < balances.length; ++i) {
            vm.assertEq(_collection.balanceOf(_handler.holderAt(i)), balances[i], "balance");
        }
    }
}
