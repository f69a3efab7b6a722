// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title ERC-5192: minimal soulbound tokens
/// @dev https://eips.ethereum.org/EIPS/eip-5192. The ERC-165 identifier is 0xb45a3c0e.
interface IERC5192 {
    /// @notice Emitted when the locking status is changed to locked.
    /// @dev Emitted once for each card, when it is issued: a card is locked from its first block.
    event Locked(uint256 tokenId);

    /// @notice Emitted when the locking status is changed to unlocked. Never emitted by a membership card.
    event Unlocked(uint256 tokenId);

    /// @notice Returns the locking status of a token.
    /// @dev Reverts for tokens that are assigned to the zero address, as the ERC demands.
    /// @param tokenId The token to ask about.
    /// @return True for each live card.
    function locked(uint256 tokenId) external view returns (bool);
}
