// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CardStatus} from "./CardRecord.sol";

/**
 * @title What happens to a card after it was issued
 * @dev The brand's acts take several serials, are all or nothing, and refuse what is done already: sending one twice
 * changes nothing. The holder's acts work whatever becomes of the brand.
 */
interface ICardLifecycle {
    /// @notice What a card is to say.
    /// @param serial The card.
    /// @param tier Its tier.
    /// @param expiresAt Its expiry, in seconds since the Unix epoch; 0 if it never expires.
    /// @param generation Its generation.
    /// @param deadline The last second in which the holder's consent works, since the Unix epoch; ignored where none is needed.
    struct Correction {
        uint256 serial;
        uint8 tier;
        uint32 expiresAt;
        uint16 generation;
        uint256 deadline;
    }

    /// @notice A reissue that its holder can still veto.
    /// @param to Who is to hold the card; zero if nothing is pending.
    /// @param readyAt From when on it can be executed, in seconds since the Unix epoch.
    struct PendingReissue {
        address to;
        uint32 readyAt;
    }

    /// @notice Emitted when a card's expiry moves.
    event CardRenewed(uint256 indexed serial, uint32 expiresAt);

    /// @notice Emitted when a card's tier changes.
    event CardTierChanged(uint256 indexed serial, uint8 tier);

    /// @notice Emitted when a steward sets right what a card was given by mistake.
    event CardCorrected(uint256 indexed serial, uint8 tier, uint32 expiresAt, bytes32 reason);

    /// @notice Emitted when a card is suspended.
    event CardSuspended(uint256 indexed serial, bytes32 reason);

    /// @notice Emitted when a suspended card is active again.
    event CardReinstated(uint256 indexed serial);

    /// @notice Emitted when a card is revoked, after its `Transfer` to zero.
    event CardRevoked(uint256 indexed serial, bytes32 reason);

    /// @notice Emitted when a holder gives a card up, after its `Transfer` to zero. What a refund off chain refers to.
    event CardSurrendered(uint256 indexed serial, address indexed holder);

    /// @notice Emitted when a steward asks for a card to be reissued.
    /// @param readyAt Until then the holder can veto; in a collection without delay, this block's time.
    event ReissueRequested(uint256 indexed serial, address indexed to, bytes32 reason, uint32 readyAt);

    /// @notice Emitted when a pending reissue is given up.
    /// @param vetoed Whether the holder refused it; otherwise a steward took it back.
    event ReissueCancelled(uint256 indexed serial, address indexed to, bool vetoed);

    /// @notice Emitted when a card changes hands by reissue, after `Transfer` to zero, `Transfer` from zero, `Locked` and
    /// `Issued`.
    event CardReissued(uint256 indexed serial, address indexed from, address indexed to, uint16 generation);

    /// @notice The card's status does not allow this; `None` if it was never issued.
    error CardStatusMismatch(uint256 serial, CardStatus status);

    /// @notice Cards that never expire (expiry 0) cannot be renewed.
    error CardNeverExpires();

    /// @notice The card has another expiry than the caller thinks; probably it was renewed already.
    error ExpiryMismatch(uint256 serial, uint32 expiresAt);

    /// @notice A renewal needs a duration, and expiry stays before February 2106.
    error InvalidDuration(uint32 duration);

    /// @notice The card has this tier already.
    error TierUnchanged(uint256 serial, uint8 tier);

    /// @notice The card says so already.
    error CorrectionChangesNothing(uint256 serial);

    /// @notice The holder's consent to this correction has been used.
    error ConsentUsed(uint256 serial);

    /// @notice The collection's burn authorisation (ERC-5484) does not let the caller burn cards.
    error BurnNotAuthorized();

    /// @notice Only the holder may do this.
    error CallerNotHolder(uint256 serial, address caller);

    /// @notice The card cannot be reissued to who holds it.
    error ReissueToHolder(uint256 serial);

    /// @notice No reissue of the card is pending.
    error ReissueNotPending(uint256 serial);

    /// @notice The holder can still veto.
    error ReissueNotReady(uint256 serial, uint32 readyAt);

    /**
     * @notice Extends cards by `duration`: from their expiry, or from now where they have expired.
     *
     * May be called by the brand's issuers, for active and suspended cards. All cards of a call must expire at
     * `currentExpiresAt`; that is what makes a retry safe. Emits {CardRenewed} for each card.
     *
     * Reverts with {EmptyBatch}, {InvalidDuration}, {CardStatusMismatch}, {CardNeverExpires}, {ExpiryMismatch},
     * {ICardIssuance-TermTooLong}, or with what {IBrandRegistry-authorize} says.
     *
     * @param serials The cards.
     * @param currentExpiresAt When they expire now, in seconds since the Unix epoch.
     * @param duration By how many seconds.
     */
    function renew(uint256[] calldata serials, uint32 currentExpiresAt, uint32 duration) external;

    /// @notice Changes the tier of cards. May be called by the brand's issuers, for active and suspended cards.
    /// @dev Emits {CardTierChanged} for each card. Reverts with {EmptyBatch}, {CardStatusMismatch}, {TierUnchanged},
    /// {ICardIssuance-TierNotDeclared}, or with what {IBrandRegistry-authorize} says.
    function setTier(uint256[] calldata serials, uint8 tier) external;

    /**
     * @notice Sets right the tier or the expiry that a card was given by mistake. May be called by the brand's stewards, for
     * active and suspended cards.
     *
     * A correction that takes something from the holder (an earlier expiry, another tier) needs the holder's consent wherever
     * the issuer may not burn: the brand has said that it takes no card away by itself, and a contract is changed by both
     * sides (for the PRC, Civil Code, article 543; against a holder who does not consent, articles 147 and 152 leave the way
     * to a court). Where the issuer may burn, it does not: who may end a card may shorten it. Consent is a signature
     * of the EIP-712 type `Correction(uint256 serial,uint8 tier,uint32 expiresAt,uint16
     * generation,uint256 deadline)`, and is used once.
     *
     * A correction that only gives (a later expiry, or none) cannot be taken back by the brand alone where the issuer may not
     * burn: there the steward must be an issuer as well, and it counts against that issuer's daily cap.
     *
     * A correction keeps to the collection's tiers and its longest term. To end a card, revoke it.
     *
     * Emits {CardCorrected} and `MetadataUpdate` (ERC-4906). Reverts with {CardStatusMismatch}, {CorrectionChangesNothing},
     * {ICardBenefits-GenerationMismatch}, {ICardIssuance-TierNotDeclared}, {ICardIssuance-TermTooLong}, {ICardIssuance-ExpiryNotInFuture},
     * {ICardIssuance-DeadlinePassed}, {IMembershipCollection-InvalidSignature}, {ConsentUsed}, or with what {IBrandRegistry-authorize} says.
     *
     * @param correction What the card is to say.
     * @param reason Why, as the brand's own code or the hash of a document. Never personal data.
     * @param holderSignature The holder's signature; ignored where it is not needed.
     */
    function correct(Correction calldata correction, bytes32 reason, bytes calldata holderSignature) external;

    /// @notice Suspends active cards. May be called by the brand's stewards.
    /// @dev Emits {CardSuspended} for each card. Reverts with {EmptyBatch}, {CardStatusMismatch}, or with what
    /// {IBrandRegistry-authorize} says.
    function suspend(uint256[] calldata serials, bytes32 reason) external;

    /// @notice Makes suspended cards active again. May be called by the brand's stewards.
    /// @dev Emits {CardReinstated} for each card. Reverts as {suspend} does.
    function reinstate(uint256[] calldata serials) external;

    /**
     * @notice Revokes cards for good. May be called by the brand's stewards, if the issuer may burn (ERC-5484).
     * @dev Emits `Transfer` to zero and {CardRevoked} for each card. Reverts with {EmptyBatch}, {BurnNotAuthorized},
     * {CardStatusMismatch}, or with what {IBrandRegistry-authorize} says.
     * @param reason Why, as the brand's own code or the hash of a document. Never personal data.
     */
    function revoke(uint256[] calldata serials, bytes32 reason) external;

    /// @notice Gives a card up for good. May be called by the holder, if the owner may burn (ERC-5484).
    /// @dev Emits `Transfer` to zero and {CardSurrendered}. Reverts with {BurnNotAuthorized}, {CardStatusMismatch} or
    /// {CallerNotHolder}.
    function surrender(uint256 serial) external;

    /**
     * @notice The same as {surrender}, sent by anyone with the holder's signature.
     *
     * EIP-712 type: `Surrender(uint256 serial,uint16 generation,uint256 deadline)`. Reverts with {DeadlinePassed} or
     * {InvalidSignature} too.
     */
    function surrenderBySig(uint256 serial, uint256 deadline, bytes calldata holderSignature) external;

    /**
     * @notice Asks for a card to be reissued to somebody else, because its key was lost or the law demands it.
     *
     * May be called by the brand's stewards, if the issuer may burn (ERC-5484). Where the collection has a delay, the
     * holder can veto until it is over and then {executeReissue} has to be called; where it has none, the card is reissued
     * at once. Another request replaces a pending one and starts the delay again.
     *
     * Emits {ReissueRequested}. Reverts with {BurnNotAuthorized}, {CardStatusMismatch}, {ReissueToHolder},
     * `ERC721InvalidReceiver`, or with what {IBrandRegistry-authorize} says.
     *
     * @param reason Why, as the brand's own code or the hash of a document. Never personal data.
     */
    function requestReissue(uint256 serial, address to, bytes32 reason) external;

    /// @notice Carries a requested reissue out, once its delay is over and for 30 days. May be called by the brand's stewards.
    /// @dev Emits `Transfer` twice, `Locked`, `Issued` and {CardReissued}. The card keeps serial, batch, terms and status.
    /// Reverts with {ReissueNotPending}, {ReissueNotReady}, or with what {IBrandRegistry-authorize} says.
    function executeReissue(uint256 serial) external;

    /// @notice Takes a requested reissue back. May be called by the brand's stewards; while the brand is suspended, too.
    /// @dev Emits {ReissueCancelled}. Reverts with {ReissueNotPending}, or with what {IBrandRegistry-authorizeWithdrawal} says.
    function cancelReissue(uint256 serial) external;

    /// @notice Refuses a requested reissue. May be called by the holder, until it is executed.
    /// @dev Emits {ReissueCancelled}. Reverts with {ReissueNotPending} or {CallerNotHolder}.
    function vetoReissue(uint256 serial) external;

    /**
     * @notice The same as {vetoReissue}, sent by anyone with the holder's signature.
     *
     * EIP-712 type: `VetoReissue(uint256 serial,address to,uint256 readyAt,uint256 deadline)`, so it refuses this one
     * request and no later one. Reverts with {DeadlinePassed} or {InvalidSignature} too.
     */
    function vetoReissueBySig(uint256 serial, uint256 deadline, bytes calldata holderSignature) external;

    /// @notice The pending reissue of a card; all zero if there is none.
    function pendingReissueOf(uint256 serial) external view returns (PendingReissue memory);
}
