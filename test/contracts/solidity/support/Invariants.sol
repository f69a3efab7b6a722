// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/**
 * @title What an invariant test tells the runner
 *
 * @dev The runner asks these functions by name: which contracts it may call, and which of their functions. Without them it
 * would call everything that `setUp` deployed.
 */
abstract contract Invariants {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    address[] private _targets;
    FuzzSelector[] private _selectors;

    /// @notice The contracts that are called.
    function targetContracts() public view returns (address[] memory) {
        return _targets;
    }

    /// @notice The functions that are called.
    function targetSelectors() public view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    /// @dev The runner calls these functions of `handler`, with arguments that it makes up, and nothing else. A function
    /// that stands in the list twice is called twice as often.
    function _target(address handler, bytes4[] memory selectors) internal {
        _targets.push(handler);
        _selectors.push(FuzzSelector({addr: handler, selectors: selectors}));
    }
}
