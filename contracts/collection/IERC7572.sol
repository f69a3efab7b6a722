// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title ERC-7572: contract-level metadata
/// @dev https://eips.ethereum.org/EIPS/eip-7572.
interface IERC7572 {
    /// @notice Emitted when what {contractURI} says, or what stands there, has changed.
    event ContractURIUpdated();

    /// @notice Where a description of the whole collection stands.
    function contractURI() external view returns (string memory);
}
