// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721, ERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Enumerable.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/**
 * @title OpenZeppelin's ERC721Enumerable and a batch mint
 * @notice What the gas benchmark compares with: lists of all tokens and of each owner's tokens kept on chain, which a
 * mirror of the events answers for nothing.
 */
contract EnumerableERC721 is ERC721Enumerable, Ownable {
    constructor() ERC721("Enumerable", "ENUM") Ownable(msg.sender) {}

    /// @notice Mints `firstTokenId`, `firstTokenId + 1`, ... to `owners`, in this order.
    function mintBatch(uint256 firstTokenId, address[] calldata owners) external onlyOwner {
        for (uint256 i = 0; i < owners.length; ++i) {
            _mint(owners[i], firstTokenId + i);
        }
    }
}
