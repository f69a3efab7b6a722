// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Card} from "../../../contracts/collection/CardRecord.sol";
import {BrandRegistry} from "../../../contracts/registry/BrandRegistry.sol";
import {BenefitsHandler} from "./handler/BenefitsHandler.sol";
import {BrandHandler} from "./handler/BrandHandler.sol";
import {HandlerBase} from "./handler/HandlerBase.sol";
import {LifecycleHandler} from "./handler/LifecycleHandler.sol";
import {vm} from "./support/Vm.sol";

/**
 * @title What consortium, brand, customers and strangers do to a collection, in any order
 *
 * @dev The runner calls these functions with numbers that it makes up; each is the seed of the dice that an act is put
 * together with. Beside the collection the handler keeps its own books, simple enough to be right. They say of each act
 * whether it must succeed, and what the collection must answer afterwards.
 */
contract CollectionHandler is LifecycleHandler, BenefitsHandler, BrandHandler {
    constructor(BrandRegistry registry, Edition[] memory editions) HandlerBase(registry, editions) {}

    /// @notice Time passes: seconds, hours, days or weeks.
    function wait(uint256 seed) public move(seed) {
        uint256[4] memory spans = [uint256(1 minutes), 6 hours, 3 days, 40 days];
        _now += 1 + _roll(spans[_roll(4)]);
    }

    /// @notice The signature that was spent last, sent again, by the same or by somebody else. It must never work twice.
    function replay(uint256 seed) public move(seed) {
        if (_spent.call.length == 0) return;
        vm.prank(_chance(2) ? _spent.caller : _anybody());
        (bool success, ) = address(_edition.collection).call(_spent.call);
        if (success) breach = "replay";
    }

    /// @notice What the collection must say of serial 0 and all after it, two beyond the edition included.
    function cards() public view returns (Card[] memory list) {
        list = new Card[](_maxSupply + 2);
        for (uint256 serial = 0; serial < list.length; ++serial) list[serial] = _entries[serial].card;
    }

    /// @notice How many cards were issued.
    function issuedCount() public view returns (uint256) {
        return _serials.length;
    }

    /// @dev Every act, for {Invariants-_target}; what prepares the others stands in it several times.
    function selectors() public pure returns (bytes4[] memory list) {
        bytes4[33] memory all = [
            this.wait.selector,
            this.issue.selector,
            this.claim.selector,
            this.openAllowlist.selector,
            this.closeAllowlist.selector,
            this.claimAllowlisted.selector,
            this.renew.selector,
            this.setTier.selector,
            this.correct.selector,
            this.suspend.selector,
            this.reinstate.selector,
            this.revoke.selector,
            this.surrender.selector,
            this.surrenderBySig.selector,
            this.requestReissue.selector,
            this.executeReissue.selector,
            this.cancelReissue.selector,
            this.vetoReissue.selector,
            this.vetoReissueBySig.selector,
            this.transfer.selector,
            this.redeem.selector,
            this.undoRedemption.selector,
            this.setBenefit.selector,
            this.setContent.selector,
            this.announce.selector,
            this.cancelAnnounced.selector,
            this.carryOut.selector,
            this.decideOnBrand.selector,
            this.setDailyCap.selector,
            this.liftDailyCap.selector,
            this.changeRole.selector,
            this.replaceKeys.selector,
            this.replay.selector
        ];
        bytes4[] memory again = _again();
        list = new bytes4[](all.length + again.length);
        for (uint256 i = 0; i < all.length; ++i) list[i] = all[i];
        for (uint256 i = 0; i < again.length; ++i) list[all.length + i] = again[i];
    }

    function _again() private pure returns (bytes4[] memory list) {
        bytes4[21] memory acts = [
            this.wait.selector,
            this.issue.selector,
            this.claim.selector,
            this.openAllowlist.selector,
            this.claimAllowlisted.selector,
            this.claimAllowlisted.selector,
            this.renew.selector,
            this.correct.selector,
            this.reinstate.selector,
            this.requestReissue.selector,
            this.requestReissue.selector,
            this.executeReissue.selector,
            this.redeem.selector,
            this.redeem.selector,
            this.undoRedemption.selector,
            this.setBenefit.selector,
            this.announce.selector,
            this.decideOnBrand.selector,
            this.setDailyCap.selector,
            this.changeRole.selector,
            this.changeRole.selector
        ];
        list = new bytes4[](acts.length);
        for (uint256 i = 0; i < acts.length; ++i) list[i] = acts[i];
    }
}
