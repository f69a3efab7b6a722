// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title ERC-5484: consensual soulbound tokens
/// @dev https://eips.ethereum.org/EIPS/eip-5484. The ERC-165 identifier is 0x0489b56f.
interface IERC5484 {
    /// @notice Who may burn a token. Fixed before the token is issued.
    enum BurnAuth {
        IssuerOnly,
        OwnerOnly,
        Both,
        Neither
    }

    /// @notice Emitted when a token is issued.
    /// @param from The issuer.
    /// @param to The receiver.
    /// @param tokenId The token.
    /// @param burnAuth Who may burn it.
    event Issued(address indexed from, address indexed to, uint256 indexed tokenId, BurnAuth burnAuth);

    /// @notice Returns who may burn a token.
    /// @dev Reverts for a token that was never issued. A collection gives one authorisation to all its cards; receivers
    /// learn it before issue, as the ERC demands, from the registry's `CollectionCreated`.
    /// @param tokenId The token to ask about.
    function burnAuth(uint256 tokenId) external view returns (BurnAuth);
}
