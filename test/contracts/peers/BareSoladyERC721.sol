// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721} from "solady/src/tokens/ERC721.sol";

/**
 * @title Solady's ERC-721 and a batch mint, without even an owner
 * @notice The floor of the gas benchmark: hand-written assembly, one `Transfer` per token and nothing else. Anyone may
 * mint and burn, so nobody could use it; whatever checks and records more costs more.
 */
contract BareSoladyERC721 is ERC721 {
    /// @notice Mints `firstTokenId`, `firstTokenId + 1`, ... to `owners`, in this order.
    function mintBatch(uint256 firstTokenId, address[] calldata owners) external {
        for (uint256 i = 0; i < owners.length; ++i) {
            _mint(owners[i], firstTokenId + i);
        }
    }

    /// @notice Burns a token, whoever owns it. Nothing of it remains.
    function burn(uint256 tokenId) external {
        _burn(tokenId);
    }

    /// @inheritdoc ERC721
    function name() public pure override returns (string memory) {
        return "Bare";
    }

    /// @inheritdoc ERC721
    function symbol() public pure override returns (string memory) {
        return "BARE";
    }

    /// @inheritdoc ERC721
    function tokenURI(uint256) public pure override returns (string memory) {
        return "";
    }
}
