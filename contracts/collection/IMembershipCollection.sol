// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {Card} from "./CardRecord.sol";
import {ICardBenefits} from "./ICardBenefits.sol";
import {ICardIssuance} from "./ICardIssuance.sol";
import {ICardLifecycle} from "./ICardLifecycle.sol";
import {ICollectionContent} from "./ICollectionContent.sol";
import {IFinalActs} from "./IFinalActs.sol";
import {IERC5484} from "./IERC5484.sol";

/// @title One edition of membership cards
/// @notice A non-transferable ERC-721 whose tokens are numbered cards: the tokenId is the serial, 1..maxSupply.
interface IMembershipCollection is ICardIssuance, ICardLifecycle, ICardBenefits, ICollectionContent, IFinalActs {
    /// @notice What a collection is created with. None of it ever changes.
    /// @param brandId The brand that issues the cards.
    /// @param maxSupply How many cards the edition has at most.
    /// @param burnAuth Who may burn a card (ERC-5484).
    /// @param reissueDelay How long a holder can veto a reissue, in seconds.
    /// @param highestTier The cards' tiers are 0 to this one.
    /// @param longestTerm For how long a card may be valid from the moment that it is given, renewed or corrected, in seconds;
    /// 2^32 - 1 where that is not limited and cards may never expire.
    struct CollectionTerms {
        uint32 brandId;
        uint32 maxSupply;
        IERC5484.BurnAuth burnAuth;
        uint32 reissueDelay;
        uint8 highestTier;
        uint32 longestTerm;
    }

    /// @notice What a card is worth in this block.
    /// @dev Append only: clients know the numbers.
    enum EffectiveStatus {
        NotIssued,
        Active,
        Suspended,
        Expired,
        Revoked,
        Surrendered
    }

    /// @notice All that is needed to judge a card.
    /// @param owner Who holds the card; zero for one that was never issued or is dead.
    /// @param brandId The brand of the collection.
    /// @param brandStatus Where the brand stands: its suspension concerns all its cards.
    /// @param tier The card's tier.
    /// @param status What the card is worth in this block. A suspended card reads so even when it has expired meanwhile.
    /// @param issuedAt When the card was issued, in seconds since the Unix epoch.
    /// @param expiresAt From when on the card is expired, in seconds since the Unix epoch; 0 if it never expires.
    /// @param generation How often the card was reissued.
    /// @param batchFirstSerial The first serial of the card's batch.
    /// @param commitmentRoot The batch's Merkle root of the salted commitments to the physical cards; 0 if it has none.
    /// @param contentHash The hash of what the brand promises; 0 if there is none.
    struct Verification {
        address owner;
        uint32 brandId;
        IBrandRegistry.BrandStatus brandStatus;
        uint8 tier;
        EffectiveStatus status;
        uint32 issuedAt;
        uint32 expiresAt;
        uint16 generation;
        uint256 batchFirstSerial;
        bytes32 commitmentRoot;
        bytes32 contentHash;
    }

    /// @notice The serial was never issued.
    error CardNotIssued(uint256 serial);

    /// @notice A card cannot be transferred, and nobody can be approved to do so.
    error CardNotTransferable(uint256 serial);

    /// @notice Nobody can be approved to move cards, because cards do not move.
    error ApprovalNotSupported();

    /// @notice This needs at least one card.
    error EmptyBatch();

    /// @notice The signature is not this account's, or is for something else: check the collection's EIP-712 domain and each
    /// signed value.
    error InvalidSignature(address signer);

    /// @notice Only the registry initializes a collection.
    error CallerNotRegistry(address caller);

    /// @notice The collection was initialized before.
    error AlreadyInitialized();

    /**
     * @notice Sets the collection up.
     *
     * Called once, by the registry, in the transaction that creates the collection. Reverts with {CallerNotRegistry} for
     * any other caller and with {AlreadyInitialized} the second time.
     *
     * @param name_ The collection's name.
     * @param symbol_ The collection's symbol.
     * @param terms What never changes afterwards.
     */
    function initialize(string calldata name_, string calldata symbol_, CollectionTerms calldata terms) external;

    /**
     * @notice Says all that is needed to judge a card, in one call. Never reverts for want of a card: an unissued serial, a
     * dead card and a serial that the edition does not have are answered too.
     * @dev Costs about the same for every card, however large its batch is.
     */
    function verify(uint256 serial) external view returns (Verification memory);

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
     * Reverts with {CardNotIssued}.
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
