// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title A wallet that calls a contract while it is asked about a signature, and accepts the signature if that works
/// @dev For tests only.
contract ReentrantWallet is IERC1271 {
    address private _target;
    bytes private _data;

    /// @notice Sets what is called.
    function prepare(address target, bytes calldata data) public virtual {
        _target = target;
        _data = data;
    }

    /// @notice Calls it now, outside of any question.
    function act() public virtual {
        Address.functionCall(_target, _data);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32, bytes memory) public view virtual returns (bytes4) {
        // The question is a static call, which the call below inherits; the cast is what lets the compiler have it.
        function() internal actor = act;
        function() internal view viewer;
        assembly ("memory-safe") {
            viewer := actor
        }
        viewer();
        return IERC1271.isValidSignature.selector;
    }
}
