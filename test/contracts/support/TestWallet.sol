// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A holder that is a contract: it answers for its owner's signatures (ERC-1271) and calls what the owner wants
/// @dev For tests only.
contract TestWallet is IERC1271 {
    address private immutable _owner;

    error CallerNotOwner(address caller);

    constructor(address owner_) {
        _owner = owner_;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes memory signature) public view virtual returns (bytes4) {
        (address signer, ECDSA.RecoverError problem, ) = ECDSA.tryRecover(hash, signature);
        bool valid = problem == ECDSA.RecoverError.NoError && signer == _owner;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @notice Calls a contract in the wallet's name. Only for the owner. Reverts as the called contract does.
    function execute(address target, bytes calldata data) public virtual returns (bytes memory) {
        if (msg.sender != _owner) revert CallerNotOwner(msg.sender);
        return Address.functionCall(target, data);
    }
}
