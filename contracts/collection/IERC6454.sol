// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title ERC-6454: minimal transferable token detection
/// @dev https://eips.ethereum.org/EIPS/eip-6454. The ERC-165 identifier is 0x91a6262f.
interface IERC6454 {
    /**
     * @notice Whether a token could move from one address to another.
     * @dev As the ERC demands, reverts for a token that does not exist, unless it is asked about its minting (`from` zero).
     * @param tokenId The token.
     * @param from Where it would come from; zero for minting.
     * @param to Where it would go; zero for burning.
     * @return False between any two holders. For minting, whether the serial is still free in an edition that goes on;
     * whether its brand may act now is the registry's to say. For burning, whether anybody may burn the card.
     */
    function isTransferable(uint256 tokenId, address from, address to) external view returns (bool);
}
