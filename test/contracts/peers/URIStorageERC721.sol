// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721, ERC721URIStorage} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/**
 * @title OpenZeppelin's ERC721URIStorage and a batch mint
 * @notice What the gas benchmark compares with: the card's facts in a file, and the file's address on chain. An IPFS
 * address of version 1 with its scheme has 66 bytes, which take four slots per token.
 */
contract URIStorageERC721 is ERC721URIStorage, Ownable {
    constructor() ERC721("URI storage", "URI") Ownable(msg.sender) {}

    /// @notice Mints `firstTokenId`, `firstTokenId + 1`, ... to `owners` and stores the URI of each.
    function mintBatch(uint256 firstTokenId, address[] calldata owners, string[] calldata uris) external onlyOwner {
        for (uint256 i = 0; i < owners.length; ++i) {
            _mint(owners[i], firstTokenId + i);
            _setTokenURI(firstTokenId + i, uris[i]);
        }
    }
}
