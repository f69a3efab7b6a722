// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721A} from "erc721a/contracts/ERC721A.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/**
 * @title ERC721A and its two ways to mint many
 * @notice What the gas benchmark compares with: ERC721A writes one slot for a run of tokens of one owner. Cards go to
 * distinct holders, so each run has one token; its best case, all to one owner, stands beside it. It numbers tokens itself.
 */
contract SequentialERC721A is ERC721A, Ownable {
    constructor() ERC721A("Sequential", "SEQ") Ownable(msg.sender) {}

    /// @notice Mints the next tokens, one to each of `owners`.
    function mintBatch(address[] calldata owners) external onlyOwner {
        for (uint256 i = 0; i < owners.length; ++i) {
            _mint(owners[i], 1);
        }
    }

    /// @notice Mints the next `count` tokens to one owner.
    function mintRun(address owner, uint256 count) external onlyOwner {
        _mint(owner, count);
    }
}
