// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC5484} from "./IERC5484.sol";

/**
 * @notice What a collection has to know at each step, in one storage slot.
 *
 *  255    216 215       208 207        176 175    169 168         168 167       160
 * +------------+-------------+--------------+----------+-------------+-------------+
 * |   unused   | highestTier |  longestTerm |  unused  | windingDown |  burnAuth   |
 * |  40 bits   |   8 bits    |   32 bits    |  7 bits  |    1 bit    |   8 bits    |
 * +------------+-------------+--------------+----------+-------------+-------------+
 *  159        128 127        96 95         64 63          32 31            0
 * +--------------+-------------+-------------+--------------+--------------+
 * | reissueDelay |  liveCount  | issuedCount |  maxSupply   |   brandId    |
 * |   32 bits    |   32 bits   |   32 bits   |   32 bits    |   32 bits    |
 * +--------------+-------------+-------------+--------------+--------------+
 */
type CollectionConfig is uint256;

using CollectionConfigs for CollectionConfig global;

/// @title The layout of a collection's configuration slot
library CollectionConfigs {
    uint256 private constant _MAX_SUPPLY_SHIFT = 32;
    uint256 private constant _ISSUED_COUNT_SHIFT = 64;
    uint256 private constant _LIVE_COUNT_SHIFT = 96;
    uint256 private constant _REISSUE_DELAY_SHIFT = 128;
    uint256 private constant _BURN_AUTH_SHIFT = 160;
    uint256 private constant _WINDING_DOWN = 1 << 168;
    uint256 private constant _LONGEST_TERM_SHIFT = 176;
    uint256 private constant _HIGHEST_TIER_SHIFT = 208;

    /// @notice The longest term of a collection that does not limit it.
    uint32 internal constant UNLIMITED_TERM = type(uint32).max;

    /// @notice The configuration of a new collection.
    function create(
        uint32 brandId_,
        uint32 maxSupply_,
        IERC5484.BurnAuth burnAuth_,
        uint32 reissueDelay_,
        uint8 highestTier_,
        uint32 longestTerm_
    ) internal pure returns (CollectionConfig) {
        return
            CollectionConfig.wrap(
                uint256(brandId_) |
                    (uint256(maxSupply_) << _MAX_SUPPLY_SHIFT) |
                    (uint256(reissueDelay_) << _REISSUE_DELAY_SHIFT) |
                    (uint256(burnAuth_) << _BURN_AUTH_SHIFT) |
                    (uint256(longestTerm_) << _LONGEST_TERM_SHIFT) |
                    (uint256(highestTier_) << _HIGHEST_TIER_SHIFT)
            );
    }

    /// @notice The same configuration, `count` cards later.
    /// @dev Neither counter can overflow: a serial is issued at most once, so they stay at most `maxSupply`.
    function withIssued(CollectionConfig self, uint256 count) internal pure returns (CollectionConfig) {
        unchecked {
            return
                CollectionConfig.wrap(
                    CollectionConfig.unwrap(self) + (count << _ISSUED_COUNT_SHIFT) + (count << _LIVE_COUNT_SHIFT)
                );
        }
    }

    /// @notice The same configuration, `count` live cards less.
    /// @dev Cannot underflow: the cards were live, so they were counted.
    function withBurned(CollectionConfig self, uint256 count) internal pure returns (CollectionConfig) {
        unchecked {
            return CollectionConfig.wrap(CollectionConfig.unwrap(self) - (count << _LIVE_COUNT_SHIFT));
        }
    }

    /// @notice The same configuration, from now on winding down.
    function withWindDown(CollectionConfig self) internal pure returns (CollectionConfig) {
        return CollectionConfig.wrap(CollectionConfig.unwrap(self) | _WINDING_DOWN);
    }

    /// @notice The brand that issues the cards.
    function brandId(CollectionConfig self) internal pure returns (uint32) {
        return uint32(CollectionConfig.unwrap(self));
    }

    /// @notice How many cards the edition has at most; 0 before the collection is initialized.
    function maxSupply(CollectionConfig self) internal pure returns (uint32) {
        return uint32(CollectionConfig.unwrap(self) >> _MAX_SUPPLY_SHIFT);
    }

    /// @notice How many cards were ever issued, dead ones included.
    function issuedCount(CollectionConfig self) internal pure returns (uint32) {
        return uint32(CollectionConfig.unwrap(self) >> _ISSUED_COUNT_SHIFT);
    }

    /// @notice How many cards are live.
    function liveCount(CollectionConfig self) internal pure returns (uint32) {
        return uint32(CollectionConfig.unwrap(self) >> _LIVE_COUNT_SHIFT);
    }

    /// @notice How long a holder can veto a reissue, in seconds.
    function reissueDelay(CollectionConfig self) internal pure returns (uint32) {
        return uint32(CollectionConfig.unwrap(self) >> _REISSUE_DELAY_SHIFT);
    }

    /// @notice Who may burn a card (ERC-5484).
    function burnAuth(CollectionConfig self) internal pure returns (IERC5484.BurnAuth) {
        return IERC5484.BurnAuth(uint8(CollectionConfig.unwrap(self) >> _BURN_AUTH_SHIFT));
    }

    /// @notice The cards' tiers are 0 to this one.
    function highestTier(CollectionConfig self) internal pure returns (uint8) {
        return uint8(CollectionConfig.unwrap(self) >> _HIGHEST_TIER_SHIFT);
    }

    /// @notice For how long a card may be valid from now on, in seconds; {UNLIMITED_TERM} for ever.
    function longestTerm(CollectionConfig self) internal pure returns (uint32) {
        return uint32(CollectionConfig.unwrap(self) >> _LONGEST_TERM_SHIFT);
    }

    /// @notice Whether the edition is winding down.
    function windingDown(CollectionConfig self) internal pure returns (bool) {
        return CollectionConfig.unwrap(self) & _WINDING_DOWN != 0;
    }

    /// @notice Whether the issuer may burn cards.
    function issuerMayBurn(CollectionConfig self) internal pure returns (bool) {
        return _burnAuthIs(self, IERC5484.BurnAuth.IssuerOnly) || _burnAuthIs(self, IERC5484.BurnAuth.Both);
    }

    /// @notice Whether a holder may burn its card.
    function ownerMayBurn(CollectionConfig self) internal pure returns (bool) {
        return _burnAuthIs(self, IERC5484.BurnAuth.OwnerOnly) || _burnAuthIs(self, IERC5484.BurnAuth.Both);
    }

    /// @dev Compares numbers: converting to the enum first would check its range each time.
    function _burnAuthIs(CollectionConfig self, IERC5484.BurnAuth auth) private pure returns (bool) {
        return uint8(CollectionConfig.unwrap(self) >> _BURN_AUTH_SHIFT) == uint8(auth);
    }
}
