// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CardStatus} from "../../../contracts/collection/CardRecord.sol";
import {MembershipCollection} from "../../../contracts/collection/MembershipCollection.sol";
import {IBrandRegistry} from "../../../contracts/registry/IBrandRegistry.sol";
import {CollectionHandler} from "./CollectionHandler.sol";
import {Deployment} from "./support/Deployment.sol";
import {Invariants} from "./support/Invariants.sol";
import {vm} from "./support/Vm.sol";

/// @title What holds of a collection after any sequence of calls
contract MembershipCollectionInvariants is Deployment, Invariants {
    /// @dev Small, so that sequences reach the edges: taken serials, a full edition.
    uint32 private constant _MAX_SUPPLY = 40;

    MembershipCollection private _collection;
    CollectionHandler private _handler;

    function setUp() public {
        _deployRegistry();
        _collection = _createCollection(_MAX_SUPPLY);
        _handler = new CollectionHandler(_collection);
        _grant(IBrandRegistry.BrandRole.Issuer, address(_handler));

        bytes4[] memory selectors = new bytes4[](3);
        selectors[0] = CollectionHandler.issue.selector;
        selectors[1] = CollectionHandler.issue.selector;
        selectors[2] = CollectionHandler.issueBeyondTheEdition.selector;
        _target(address(_handler), selectors);
    }

    /// @dev One invariant that checks everything, because each of them is a campaign of its own: two would cost twice.
    function invariant_TheCollectionAgreesWithTheBooks() public view {
        vm.assertEq(_handler.breach(), "", "breach");
        vm.assertEq(_collection.issuedCount(), _handler.issued(), "issuedCount");
        vm.assertLe(_collection.issuedCount(), _MAX_SUPPLY, "supply above the maximum");
        vm.assertLe(_collection.totalSupply(), _collection.issuedCount(), "more live cards than were issued");

        uint256 live = 0;
        for (uint256 serial = 0; serial <= uint256(_MAX_SUPPLY) + 1; ++serial) {
            address holder = _handler.holderOf(serial);
            vm.assertEq(_collection.cardOf(serial).holder, holder, "holder");
            if (_collection.cardOf(serial).status == CardStatus.Active) ++live;
        }
        vm.assertEq(_collection.totalSupply(), live, "totalSupply is not the number of live cards");

        uint256 balances = 0;
        for (uint256 i = 0; i < _handler.holderCount(); ++i) balances += _collection.balanceOf(_handler.holderAt(i));
        vm.assertEq(balances, live, "the balances do not add up to the live cards");
    }
}
