// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/**
 * @title OpenZeppelin's ERC-721 and a batch mint, nothing else
 * @notice What the gas benchmark compares with: who owns what, but neither tier nor expiry nor status, and transferable.
 */
contract PlainERC721 is ERC721, Ownable {
    constructor() ERC721("Plain", "PLAIN") Ownable(msg.sender) {}

    /// @notice Mints `firstTokenId`, `firstTokenId + 1`, ... to `owners`, in this order.
    function mintBatch(uint256 firstTokenId, address[] calldata owners) external onlyOwner {
        for (uint256 i = 0; i < owners.length; ++i) {
            _mint(owners[i], firstTokenId + i);
        }
    }

    /// @notice Burns a token, whoever owns it. Nothing of it remains.
    function burn(uint256 tokenId) external onlyOwner {
        _burn(tokenId);
    }
}
