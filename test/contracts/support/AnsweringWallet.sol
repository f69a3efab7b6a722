// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A wallet that says the same to every question, whatever it is asked
/// @dev For tests only: the answers that ERC-1271 does not accept.
contract AnsweringWallet {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    // solhint-disable-next-line no-complex-fallback, payable-fallback
    fallback(bytes calldata) external returns (bytes memory) {
        return _answer;
    }
}
