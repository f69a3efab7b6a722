// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/**
 * @title OpenZeppelin's ERC-721 with the facts of a card in a slot of their own
 * @notice What the gas benchmark compares with: the obvious way to a membership card, one mapping more beside
 * OpenZeppelin's and ERC-5192's `Locked`. The same facts as a card of ours has, in two slots instead of one.
 */
contract RecordERC721 is ERC721, Ownable {
    struct Record {
        uint32 issuedAt;
        uint32 expiresAt;
        uint8 tier;
        uint8 status;
    }

    uint8 private constant _ACTIVE = 1;

    mapping(uint256 tokenId => Record record) public recordOf;

    event Locked(uint256 tokenId);

    constructor() ERC721("Record", "RECORD") Ownable(msg.sender) {}

    /// @notice Mints `firstTokenId`, `firstTokenId + 1`, ... to `owners`, all of one tier and one expiry.
    function mintBatch(
        uint256 firstTokenId,
        address[] calldata owners,
        uint8 tier,
        uint32 expiresAt
    ) external onlyOwner {
        Record memory record = Record(uint32(block.timestamp), expiresAt, tier, _ACTIVE);
        for (uint256 i = 0; i < owners.length; ++i) {
            uint256 tokenId = firstTokenId + i;
            _mint(owners[i], tokenId);
            recordOf[tokenId] = record;
            emit Locked(tokenId);
        }
    }
}
