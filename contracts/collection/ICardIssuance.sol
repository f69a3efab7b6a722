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
     * EIP-712 type: `ClaimVoucher(uint256 serial,address holder,uint8 tier,uint32 expiresAt,bytes32 commitmentRoot,uint64
     * appointment,uint256 deadline)`. The issuer signs it to offer the card; a holder who lets somebody else send the claim
     * signs the same message to accept it.
     *
     * @param serial The card's serial. A voucher works once because a serial does.
     * @param holder Who may hold the card.
     * @param tier The card's tier.
     * @param expiresAt The card's expiry, in seconds since the Unix epoch; 0 if it never expires.
     * @param commitmentRoot The salted commitment to the physical card; 0 if there is none.
     * @param appointment By which appointment the issuer signs ({IBrandRegistry-appointmentOf}): the voucher dies with it, also
     * when the issuer is given the role again.
     * @param deadline The last second in which the voucher works, since the Unix epoch.
     */
    struct ClaimVoucher {
        uint256 serial;
        address holder;
        uint8 tier;
        uint32 expiresAt;
        bytes32 commitmentRoot;
        uint64 appointment;
        uint256 deadline;
    }

    /// @notice An allowlist: serials that the holders named in a Merkle tree may claim.
    /// @param issuer Who opened it; zero if it is not open.
    /// @param appointment By which appointment; the allowlist dies with it.
    /// @param firstSerial The first serial that may be claimed from it.
    /// @param count How many serials may be claimed from it.
    /// @param deadline The last second in which it can be claimed from, since the Unix epoch.
    struct Allowlist {
        address issuer;
        uint64 appointment;
        uint32 deadline;
        uint32 firstSerial;
        uint32 count;
    }

    /// @notice Emitted once for each call of {issue} and each claim, after the `Transfer`, `Locked` and `Issued` events of
    /// its cards.
    /// @dev With the block's time this completes what the cards' own events leave open, so a card can be rebuilt from logs.
    /// @param firstSerial The first serial; the batch is `firstSerial` to `firstSerial + count - 1`.
    /// @param count How many cards were issued.
    /// @param tier The cards' tier.
    /// @param expiresAt The cards' expiry, in seconds since the Unix epoch; 0 if they never expire.
    /// @param commitmentRoot Merkle root of the salted commitments to the physical cards; 0 if there are none.
    /// @param batchReference Commitment to the orders, or to the spreadsheet, behind the cards; 0 if there is none.
    event BatchIssued(
        uint256 indexed firstSerial,
        uint256 count,
        uint8 tier,
        uint32 expiresAt,
        bytes32 commitmentRoot,
        bytes32 batchReference
    );

    /// @notice Emitted when an issuer opens an allowlist.
    event AllowlistOpened(
        bytes32 indexed root,
        address indexed issuer,
        uint64 appointment,
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

    /// @notice A card cannot be issued, renewed or corrected to be expired.
    error ExpiryNotInFuture(uint256 expiresAt, uint256 blockTimestamp);

    /// @notice The collection has declared its tiers, and this is none of them.
    error TierNotDeclared(uint8 tier, uint8 highestTier);

    /// @notice The collection has declared its longest term, and this is longer: cards may expire at `latest` at the latest, and
    /// cannot be for ever.
    error TermTooLong(uint256 expiresAt, uint256 latest);

    /// @notice What the issuer signed or opened has ended with the appointment that it was by.
    error AppointmentEnded(address issuer, uint64 appointment);

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
     * Emits `Transfer`, `Locked` (ERC-5192) and `Issued` (as in ERC-5484) for each card, then {BatchIssued}.
     *
     * Reverts with {EmptyBatch}, {SerialOutOfRange}, {TierNotDeclared}, {TermTooLong}, {ExpiryNotInFuture},
     * {CardAlreadyIssued}, {WindingDown}, `ERC721InvalidReceiver` for a zero holder, or with what {IBrandRegistry-authorize} says.
     *
     * @param firstSerial The first serial of the batch.
     * @param holders The holders, one for each serial.
     * @param terms What the cards have in common.
     * @param commitmentRoot Merkle root of the salted commitments to the physical cards; 0 if there are none.
     * @param batchReference Commitment to the orders, or to the spreadsheet, behind the cards; 0 if there is none. It is only
     * in the event, for whoever has to find out later which order a card belongs to.
     */
    function issue(
        uint256 firstSerial,
        address[] calldata holders,
        CardTerms calldata terms,
        bytes32 commitmentRoot,
        bytes32 batchReference
    ) external;

    /**
     * @notice Issues the card of a voucher, with its holder's consent (ERC-5484).
     *
     * May be called by anyone while the voucher's signer is an issuer of the active brand by the appointment that the voucher
     * names: by the holder, or by somebody else with the holder's signature of the same voucher. Whoever sends it, the card goes to the voucher's holder.
     *
     * Emits what {issue} emits for a batch of one. Reverts with {DeadlinePassed}, {AppointmentEnded}, {InvalidSignature} (also
     * for a zero holder, who can sign nothing), and otherwise as {issue} does.
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

    /// @notice Closes an allowlist. May be called by the brand's stewards, who also answer for what a stolen issuer key did;
    /// while the brand is suspended, too.
    /// @dev Emits {AllowlistClosed}. Reverts with {AllowlistNotOpen}, or with what {IBrandRegistry-authorizeWithdrawal} says.
    function closeAllowlist(bytes32 root) external;

    /**
     * @notice Issues a card of an allowlist, with its holder's consent (ERC-5484).
     *
     * May be called by anyone while whoever opened the allowlist is an issuer of the active brand by the same appointment: by
     * the holder, or by somebody else with the holder's signature.
     *
     * EIP-712 type that the holder signs: `AllowlistClaim(uint256 serial,address holder,uint8 tier,uint32 expiresAt,uint64
     * appointment,uint256 deadline)`, with the allowlist's appointment.
     *
     * Emits what {issue} emits for a batch of one. Reverts with {AllowlistNotOpen}, {SerialNotAllowlisted},
     * {DeadlinePassed}, {AppointmentEnded}, {InvalidSignature}, {TierNotDeclared}, {TermTooLong}, {ExpiryNotInFuture},
     * {CardAlreadyIssued}, {WindingDown}, or with what {IBrandRegistry-authorize} says.
     *
     * @param serial The card's serial.
     * @param holder Who may hold the card.
     * @param terms The card's tier and expiry.
     * @param proof The Merkle proof.
     * @param deadline The last second in which the holder's signature works, since the Unix epoch.
     * @param holderSignature The holder's signature; ignored, like the deadline, if the holder is the caller.
     */
    function claimAllowlisted(
        uint256 serial,
        address holder,
        CardTerms calldata terms,
        bytes32[] calldata proof,
        uint256 deadline,
        bytes calldata holderSignature
    ) external;

    /// @notice The allowlist with this root; all zero if it is not open.
    function allowlistOf(bytes32 root) external view returns (Allowlist memory);
}
