// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Where a card stands. `Expired` is never stored: it follows from `expiresAt` and the clock.
/// @dev `None` is the status of a serial that was never issued. Append only: the numbers are part of the storage layout.
enum CardStatus {
    None,
    Active,
    Suspended,
    Revoked,
    Surrendered
}

/// @notice What the contract says about one serial.
/// @param holder Who holds the card; for a dead card, who held it last; zero if the serial was never issued.
/// @param issuedAt When the card was issued, in seconds since the Unix epoch.
/// @param expiresAt From when on the card is expired, in seconds since the Unix epoch; 0 if it never expires.
/// @param tier The level of the card within its collection.
/// @param status Where the card stands.
/// @param generation How often the card was reissued.
struct Card {
    address holder;
    uint32 issuedAt;
    uint32 expiresAt;
    uint8 tier;
    CardStatus status;
    uint16 generation;
}

/**
 * @notice One card in one storage slot.
 *
 *  255      240 239   236 235    232 231  224 223         192 191         160 159                0
 * +------------+---------+----------+--------+---------------+---------------+-------------------+
 * | generation |  flags  |  status  |  tier  |   expiresAt   |   issuedAt    |      holder       |
 * |   16 bits  |  4 bits |  4 bits  | 8 bits |    32 bits    |    32 bits    |     160 bits      |
 * +------------+---------+----------+--------+---------------+---------------+-------------------+
 *
 * A dead card keeps its slot as a tombstone, holder included, so that its serial is never issued again and `cardOf`
 * still answers. Times are seconds since the Unix epoch and fit until February 2106.
 *
 * The lowest flag marks the first card of a batch, which costs issuing nothing; where larger batches begin is noted besides
 * (see {BatchStarts}).
 */
type CardRecord is uint256;

using CardRecords for CardRecord global;

/// @title The layout of a card's slot
library CardRecords {
    uint256 private constant _ISSUED_AT_SHIFT = 160;
    uint256 private constant _EXPIRES_AT_SHIFT = 192;
    uint256 private constant _TIER_SHIFT = 224;
    uint256 private constant _STATUS_SHIFT = 232;
    uint256 private constant _FLAGS_SHIFT = 236;
    uint256 private constant _GENERATION_SHIFT = 240;

    uint256 private constant _HOLDER_MASK = type(uint160).max;
    uint256 private constant _EXPIRES_AT_MASK = uint256(type(uint32).max) << _EXPIRES_AT_SHIFT;
    uint256 private constant _TIER_MASK = uint256(type(uint8).max) << _TIER_SHIFT;
    uint256 private constant _STATUS_MASK = 0xf << _STATUS_SHIFT;
    uint256 private constant _GENERATION_MASK = uint256(type(uint16).max) << _GENERATION_SHIFT;

    uint256 private constant _BATCH_START = 1 << _FLAGS_SHIFT;

    /// @notice The record of a card that is issued now, still without its holder.
    /// @dev Cards of one batch differ in nothing but the holder, so this part is computed once for all of them.
    function template(uint8 tier_, uint32 expiresAt_, uint32 issuedAt_) internal pure returns (CardRecord) {
        return
            CardRecord.wrap(
                (uint256(issuedAt_) << _ISSUED_AT_SHIFT) |
                    (uint256(expiresAt_) << _EXPIRES_AT_SHIFT) |
                    (uint256(tier_) << _TIER_SHIFT) |
                    (uint256(CardStatus.Active) << _STATUS_SHIFT)
            );
    }

    /// @notice The same record, held by `holder_`.
    /// @dev The record must not have a holder yet.
    function withHolder(CardRecord self, address holder_) internal pure returns (CardRecord) {
        return CardRecord.wrap(CardRecord.unwrap(self) | uint160(holder_));
    }

    /// @notice The same record, marked as the first card of its batch.
    function withBatchStart(CardRecord self) internal pure returns (CardRecord) {
        return CardRecord.wrap(CardRecord.unwrap(self) | _BATCH_START);
    }

    /// @notice The same record with another status.
    function withStatus(CardRecord self, CardStatus status_) internal pure returns (CardRecord) {
        return CardRecord.wrap((CardRecord.unwrap(self) & ~_STATUS_MASK) | (uint256(status_) << _STATUS_SHIFT));
    }

    /// @notice The same record with another tier.
    function withTier(CardRecord self, uint8 tier_) internal pure returns (CardRecord) {
        return CardRecord.wrap((CardRecord.unwrap(self) & ~_TIER_MASK) | (uint256(tier_) << _TIER_SHIFT));
    }

    /// @notice The same record with another expiry.
    function withExpiresAt(CardRecord self, uint32 expiresAt_) internal pure returns (CardRecord) {
        return
            CardRecord.wrap((CardRecord.unwrap(self) & ~_EXPIRES_AT_MASK) | (uint256(expiresAt_) << _EXPIRES_AT_SHIFT));
    }

    /// @notice The same record, held by another account, one generation later. The batch mark stays: a reissued card stays
    /// a card of its batch.
    /// @dev Reverts (panic 0x11) after 65,535 reissues.
    function reissuedTo(CardRecord self, address holder_) internal pure returns (CardRecord) {
        uint256 next = uint256(generation(self) + 1) << _GENERATION_SHIFT;
        return
            CardRecord.wrap((CardRecord.unwrap(self) & ~(_HOLDER_MASK | _GENERATION_MASK)) | uint160(holder_) | next);
    }

    /// @notice Whether the serial was ever issued.
    function exists(CardRecord self) internal pure returns (bool) {
        return CardRecord.unwrap(self) != 0;
    }

    /// @notice Whether the card is owned in the sense of ERC-721: active or suspended, expired or not.
    function isLive(CardRecord self) internal pure returns (bool) {
        // Active and Suspended are 1 and 2; what is below wraps around to far above.
        unchecked {
            return ((CardRecord.unwrap(self) >> _STATUS_SHIFT) & 0xf) - uint256(CardStatus.Active) < 2;
        }
    }

    /// @notice Whether the card has this status.
    /// @dev Compares numbers: converting to the enum first would check its range each time.
    function hasStatus(CardRecord self, CardStatus status_) internal pure returns (bool) {
        return (CardRecord.unwrap(self) >> _STATUS_SHIFT) & 0xf == uint256(status_);
    }

    /// @notice Whether the card is the first of its batch.
    function isBatchStart(CardRecord self) internal pure returns (bool) {
        return CardRecord.unwrap(self) & _BATCH_START != 0;
    }

    /// @notice The holder; for a dead card, the last one.
    function holder(CardRecord self) internal pure returns (address) {
        return address(uint160(CardRecord.unwrap(self)));
    }

    /// @notice Where the card stands.
    function status(CardRecord self) internal pure returns (CardStatus) {
        return CardStatus((CardRecord.unwrap(self) >> _STATUS_SHIFT) & 0xf);
    }

    /// @notice When the card was issued, in seconds since the Unix epoch.
    function issuedAt(CardRecord self) internal pure returns (uint32) {
        return uint32(CardRecord.unwrap(self) >> _ISSUED_AT_SHIFT);
    }

    /// @notice From when on the card is expired, in seconds since the Unix epoch; 0 if it never expires.
    function expiresAt(CardRecord self) internal pure returns (uint32) {
        return uint32(CardRecord.unwrap(self) >> _EXPIRES_AT_SHIFT);
    }

    /// @notice The level of the card within its collection.
    function tier(CardRecord self) internal pure returns (uint8) {
        return uint8(CardRecord.unwrap(self) >> _TIER_SHIFT);
    }

    /// @notice How often the card was reissued.
    function generation(CardRecord self) internal pure returns (uint16) {
        return uint16(CardRecord.unwrap(self) >> _GENERATION_SHIFT);
    }

    /// @notice Whether the card is expired in this block.
    function isExpired(CardRecord self) internal view returns (bool) {
        uint32 expiresAt_ = expiresAt(self);
        return expiresAt_ != 0 && expiresAt_ <= block.timestamp;
    }

    /// @notice All fields, for reading from outside.
    function unpack(CardRecord self) internal pure returns (Card memory) {
        return
            Card({
                holder: holder(self),
                issuedAt: issuedAt(self),
                expiresAt: expiresAt(self),
                tier: tier(self),
                status: status(self),
                generation: generation(self)
            });
    }
}
