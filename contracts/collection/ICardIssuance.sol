// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title How cards come into being
interface ICardIssuance {
    /// @notice What all cards of a batch have in common.
    /// @param tier The level of the cards within the collection.
    /// @param expiresAt From when on the cards are expired, in seconds since the Unix epoch; 0 if they never expire.
    struct CardTerms {
        uint8 tier;
        uint32 expiresAt;
    }

    /**
     * @notice A card that its holder may fetch.
     *
     * EIP-712 type: `ClaimVoucher(uint256 serial,address holder,uint8 tier,uint32 expiresAt,bytes32 commitmentRoot,uint256
     * deadline)`. The issuer signs it to offer the card; a holder who lets somebody else send the claim signs the same
     * message to accept it.
     *
     * @param serial The card's serial. A voucher works once because a serial does.
     * @param holder Who may hold the card.
     * @param tier The card's tier.
     * @param expiresAt The card's expiry, in seconds since the Unix epoch; 0 if it never expires.
     * @param commitmentRoot The salted commitment to the physical card; 0 if there is none.
     * @param deadline The last second in which the voucher works, since the Unix epoch.
     */
    struct ClaimVoucher {
        uint256 serial;
        address holder;
        uint8 tier;
        uint32 expiresAt;
        bytes32 commitmentRoot;
        uint256 deadline;
    }

    /// @notice An allowlist: serials that the holders named in a Merkle tree may claim.
    /// @param issuer Who opened it; zero if it is not open.
    /// @param firstSerial The first serial that may be claimed from it.
    /// @param count How many serials may be claimed from it.
    /// @param deadline The last second in which it can be claimed from, since the Unix epoch.
    struct Allowlist {
        address issuer;
        uint32 firstSerial;
        uint32 count;
        uint32 deadline;
    }

    /// @notice Emitted once for each call of {issue} and each claim, after the `Transfer`, `Locked` and `Issued` events of
    /// its cards.
    /// @dev With the block's time this completes what the cards' own events leave open, so a card can be rebuilt from logs.
    /// @param firstSerial The first serial; the batch is `firstSerial` to `firstSerial + count - 1`.
    /// @param count How many cards were issued.
    /// @param tier The cards' tier.
    /// @param expiresAt The cards' expiry, in seconds since the Unix epoch; 0 if they never expire.
    /// @param commitmentRoot Merkle root of the salted commitments to the physical cards; 0 if there are none.
    event BatchIssued(uint256 indexed firstSerial, uint256 count, uint8 tier, uint32 expiresAt, bytes32 commitmentRoot);

    /// @notice Emitted when an issuer opens an allowlist.
    event AllowlistOpened(
        bytes32 indexed root,
        address indexed issuer,
        uint32 firstSerial,
        uint32 count,
        uint32 deadline
    );

    /// @notice Emitted when an allowlist is closed before its deadline.
    event AllowlistClosed(bytes32 indexed root);

    /// @notice The serial was issued before; a serial is issued at most once, even after its card has died.
    error CardAlreadyIssued(uint256 serial);

    /// @notice The serials are not within 1..maxSupply.
    error SerialOutOfRange(uint256 firstSerial, uint256 count, uint256 maxSupply);

    /// @notice A card cannot be issued expired.
    error ExpiryNotInFuture(uint32 expiresAt, uint256 blockTimestamp);

    /// @notice The time for this has passed.
    error DeadlinePassed(uint256 deadline, uint256 blockTimestamp);

    /// @notice There is no open allowlist with this root: it was never opened, was closed, or the proof does not fit the
    /// serial, the holder and the terms.
    error AllowlistNotOpen(bytes32 root);

    /// @notice The allowlist is open already.
    error AllowlistAlreadyOpen(bytes32 root);

    /// @notice The serial is not among those that the allowlist was opened for.
    error SerialNotAllowlisted(uint256 serial, uint32 firstSerial, uint32 count);

    /**
     * @notice Issues the cards `firstSerial`, `firstSerial + 1`, ... to `holders`, in this order.
     *
     * May be called by the brand's issuers while the brand is active. Holders need not consent and are not called back:
     * a contract that cannot handle ERC-721 tokens can hold a card. Sending the same batch twice reverts, which is what
     * makes a retry safe.
     *
     * Emits `Transfer`, `Locked` (ERC-5192) and `Issued` (ERC-5484) for each card, then {BatchIssued}.
     *
     * Reverts with {EmptyBatch}, {SerialOutOfRange}, {ExpiryNotInFuture}, {CardAlreadyIssued}, {WindingDown},
     * `ERC721InvalidReceiver` for a zero holder, or with what {IBrandRegistry-authorize} says.
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
     * @notice Issues the card of a voucher, with its holder's consent (ERC-5484).
     *
     * May be called by anyone while the voucher's signer is an issuer of the active brand: by the holder, or by somebody
     * else with the holder's signature of the same voucher. Whoever sends it, the card goes to the voucher's holder.
     *
     * Emits what {issue} emits for a batch of one. Reverts with {DeadlinePassed}, {InvalidSignature} (also for a zero
     * holder, who can sign nothing), and otherwise as {issue} does.
     *
     * @param voucher The offer.
     * @param issuer Who signed it; a contract answers for itself (ERC-1271).
     * @param issuerSignature The issuer's signature.
     * @param holderSignature The holder's signature; ignored if the holder is the caller.
     */
    function claim(
        ClaimVoucher calldata voucher,
        address issuer,
        bytes calldata issuerSignature,
        bytes calldata holderSignature
    ) external;

    /**
     * @notice Opens an allowlist: the named holders may claim their cards until the deadline.
     *
     * May be called by the brand's issuers. The leaves are those of OpenZeppelin's StandardMerkleTree over
     * `(uint256 serial, address holder, uint8 tier, uint32 expiresAt)`; the tree has any size. What it promises counts
     * against the issuer's daily cap now, so claims do not. Each level of the tree costs every claim 750 gas: a large list
     * is cheaper to claim from as several trees, opened in one {Multicall-multicall}.
     *
     * Emits {AllowlistOpened}. Reverts with {AllowlistAlreadyOpen}, {EmptyBatch}, {SerialOutOfRange}, {DeadlinePassed},
     * {WindingDown}, or with what {IBrandRegistry-authorize} says.
     *
     * @param root The Merkle root.
     * @param firstSerial The first serial that may be claimed.
     * @param count How many serials may be claimed.
     * @param deadline The last second in which they may be claimed, since the Unix epoch.
     */
    function openAllowlist(bytes32 root, uint32 firstSerial, uint32 count, uint32 deadline) external;

    /// @notice Closes an allowlist. May be called by the brand's stewards, who also answer for what a stolen issuer key did.
    /// @dev Emits {AllowlistClosed}. Reverts with {AllowlistNotOpen}, or with what {IBrandRegistry-authorize} says.
    function closeAllowlist(bytes32 root) external;

    /**
     * @notice Issues a card of an allowlist, with its holder's consent (ERC-5484).
     *
     * May be called by anyone while the brand is active: by the holder, or by somebody else with the holder's signature.
     * The holder signs a {ClaimVoucher} with these values, a commitment root of 0 and a deadline of 0.
     *
     * Emits what {issue} emits for a batch of one. Reverts with {AllowlistNotOpen}, {SerialNotAllowlisted},
     * {DeadlinePassed}, {InvalidSignature}, {ExpiryNotInFuture}, {CardAlreadyIssued}, {WindingDown}, or with what
     * {IBrandRegistry-requireActive} says.
     *
     * @param serial The card's serial.
     * @param holder Who may hold the card.
     * @param terms The card's tier and expiry.
     * @param proof The Merkle proof.
     * @param holderSignature The holder's signature; ignored if the holder is the caller.
     */
    function claimAllowlisted(
        uint256 serial,
        address holder,
        CardTerms calldata terms,
        bytes32[] calldata proof,
        bytes calldata holderSignature
    ) external;

    /// @notice The allowlist with this root; all zero if it is not open.
    function allowlistOf(bytes32 root) external view returns (Allowlist memory);
}
