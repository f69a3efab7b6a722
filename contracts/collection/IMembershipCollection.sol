// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {Card} from "./CardRecord.sol";
import {IERC5484} from "./IERC5484.sol";

/// @title One edition of membership cards
/// @notice A non-transferable ERC-721 whose tokens are numbered cards: the tokenId is the serial, 1..maxSupply.
interface IMembershipCollection {
    /// @notice What all cards of a batch have in common.
    /// @param tier The level of the cards within the collection.
    /// @param expiresAt From when on the cards are expired, in seconds since the Unix epoch; 0 if they never expire.
    struct CardTerms {
        uint8 tier;
        uint32 expiresAt;
    }

    /// @notice What a collection is created with. None of it ever changes.
    /// @param brandId The brand that issues the cards.
    /// @param maxSupply How many cards the edition has at most.
    /// @param burnAuth Who may burn a card (ERC-5484).
    struct CollectionTerms {
        uint32 brandId;
        uint32 maxSupply;
        IERC5484.BurnAuth burnAuth;
    }

    /// @notice Emitted once for each call of {issue}, after the `Transfer`, `Locked` and `Issued` events of its cards.
    /// @dev With the block's time this completes what the cards' own events leave open, so a card can be rebuilt from logs.
    /// @param firstSerial The first serial; the batch is `firstSerial` to `firstSerial + count - 1`.
    /// @param count How many cards were issued.
    /// @param tier The cards' tier.
    /// @param expiresAt The cards' expiry, in seconds since the Unix epoch; 0 if they never expire.
    /// @param commitmentRoot Merkle root of the salted commitments to the physical cards; 0 if there are none.
    event BatchIssued(uint256 indexed firstSerial, uint256 count, uint8 tier, uint32 expiresAt, bytes32 commitmentRoot);

    /// @notice The serial was issued before; a serial is issued at most once, even after its card has died.
    error CardAlreadyIssued(uint256 serial);

    /// @notice The serial was never issued.
    error CardNotIssued(uint256 serial);

    /// @notice A card cannot be transferred, and nobody can be approved to do so.
    error CardNotTransferable(uint256 serial);

    /// @notice Nobody can be approved to move cards, because cards do not move.
    error ApprovalNotSupported();

    /// @notice The serials are not within 1..maxSupply.
    error SerialOutOfRange(uint256 firstSerial, uint256 count, uint256 maxSupply);

    /// @notice A batch needs at least one card.
    error EmptyBatch();

    /// @notice A card cannot be issued expired.
    error ExpiryNotInFuture(uint32 expiresAt, uint256 blockTimestamp);

    /// @notice Only the registry initializes a collection.
    error CallerNotRegistry(address caller);

    /**
     * @notice Sets the collection up.
     *
     * Called once, by the registry, in the transaction that creates the collection. Reverts with {CallerNotRegistry} for
     * any other caller.
     *
     * @param name_ The collection's name.
     * @param symbol_ The collection's symbol.
     * @param terms What never changes afterwards.
     */
    function initialize(string calldata name_, string calldata symbol_, CollectionTerms calldata terms) external;

    /**
     * @notice Issues the cards `firstSerial`, `firstSerial + 1`, ... to `holders`, in this order.
     *
     * May be called by the brand's issuers while the brand is active. Holders need not consent and are not called back:
     * a contract that cannot handle ERC-721 tokens can hold a card. Sending the same batch twice reverts, which is what
     * makes a retry safe.
     *
     * Emits `Transfer`, `Locked` (ERC-5192) and `Issued` (ERC-5484) for each card, then {BatchIssued}.
     *
     * Reverts with {EmptyBatch}, {SerialOutOfRange}, {ExpiryNotInFuture}, {CardAlreadyIssued}, `ERC721InvalidReceiver` for
     * a zero holder, or with what {IBrandRegistry-authorize} says.
     *
     * @param firstSerial The first serial of the batch.
     * @param holders The holders, one for each serial.
     * @param terms What the cards have in common.
     * @param commitmentRoot Merkle root of the salted commitments to the physical cards; 0 if there are none.
     */
    function issue(
        uint256 firstSerial,
        address[] calldata holders,
        CardTerms calldata terms,
        bytes32 commitmentRoot
    ) external;

    /**
     * @notice Returns what is known of a serial. Never reverts.
     * @dev A serial that was never issued, or that the edition does not have, answers with zeros: status `None`.
     */
    function cardOf(uint256 serial) external view returns (Card memory);

    /// @notice Returns {cardOf} for `count` serials from `firstSerial` on.
    /// @dev For reading many cards in one call; the cost grows with `count`, so choose it for the node's gas cap on calls.
    /// Reverts where `firstSerial + count` is beyond 2^256.
    function cardsOf(uint256 firstSerial, uint256 count) external view returns (Card[] memory);

    /**
     * @notice Returns the batch that a card was issued in.
     *
     * Walks down from the serial to the first card of its batch. Reverts with {CardNotIssued}.
     *
     * @return firstSerial The first serial of the batch.
     * @return commitmentRoot The batch's commitment root; 0 if it has none.
     */
    function batchOf(uint256 serial) external view returns (uint256 firstSerial, bytes32 commitmentRoot);

    /// @notice What the collection was created with. Tells the burn authorisation (ERC-5484) before a card is issued.
    function collectionTerms() external view returns (CollectionTerms memory);

    /// @notice The brand that issues the cards.
    function brandId() external view returns (uint32);

    /// @notice How many cards the edition has at most.
    function maxSupply() external view returns (uint32);

    /// @notice How many cards were ever issued, dead ones included.
    function issuedCount() external view returns (uint32);

    /// @notice How many cards are live now.
    function totalSupply() external view returns (uint256);

    /// @notice The registry that the collection belongs to and asks for permission.
    function registry() external view returns (IBrandRegistry);
}
