// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/**
 * @title Where the batches of several cards begin
 *
 * @dev A library of its own, linked and not compiled in, because a collection's code would be too large with it.
 *
 * A bitmap of two levels: a bit for each serial, and above it a bit for each word of 256 serials that has one. The
 * nearest start at or below a serial is found in its own word or, through the upper level, in the nearest word that is not
 * empty: a few reads, however large the batch is. An upper word covers 65,536 serials, and one more is read for each of those
 * that a batch spans.
 */
library BatchStarts {
    struct Starts {
        mapping(uint256 index => uint256 bits) words;
        mapping(uint256 index => uint256 bits) nonEmpty;
    }

    /// @notice Notes that a batch begins with `serial`.
    function mark(Starts storage self, uint256 serial) external {
        uint256 index = serial >> 8;
        uint256 word = self.words[index];
        self.words[index] = word | (1 << (serial & 0xff));
        if (word == 0) self.nonEmpty[index >> 8] |= 1 << (index & 0xff);
    }

    /// @notice The nearest start at or below `serial`.
    /// @dev There must be one: it never ends otherwise.
    function find(Starts storage self, uint256 serial) external view returns (uint256) {
        uint256 index = serial >> 8;
        uint256 word = _upTo(self.words[index], serial & 0xff);
        if (word == 0) {
            // Nothing wraps around: there is a start in a lower word.
            unchecked {
                uint256 below = index - 1;
                uint256 above = below >> 8;
                uint256 upper = _upTo(self.nonEmpty[above], below & 0xff);
                while (upper == 0) upper = self.nonEmpty[--above];
                index = (above << 8) | Math.log2(upper);
            }
            word = self.words[index];
        }
        return (index << 8) | Math.log2(word);
    }

    /// @dev The bits of `word` up to `position`, included.
    function _upTo(uint256 word, uint256 position) private pure returns (uint256) {
        return word & (type(uint256).max >> (255 - position));
    }
}
