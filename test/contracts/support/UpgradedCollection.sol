// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MembershipCollection} from "../../../contracts/collection/MembershipCollection.sol";
import {IBrandRegistry} from "../../../contracts/registry/IBrandRegistry.sol";

/// @title What an upgrade of the collections could look like: one function more
/// @dev For tests only.
contract UpgradedCollection is MembershipCollection {
    constructor(IBrandRegistry registry_) MembershipCollection(registry_) {}

    /// @notice Tells that this is the new code.
    function isUpgraded() public pure virtual returns (bool) {
        return true;
    }
}
