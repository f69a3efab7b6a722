// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What cards entitle to, and its use
interface ICardBenefits {
    /**
     * @notice What a tier is entitled to of one benefit.
     *
     * Periods follow each other without gaps: `startsAt`, `startsAt + period`, ... So a benefit "twice a day" begins its
     * days at local midnight, if `startsAt` was one. A benefit has the same periods in all tiers and for ever, so a quota
     * holds across changes of tier; other periods are another benefit.
     *
     * @param quota How often a card may use it in one period; 0 if it is not entitled; 2^32 - 1 for as often as it likes.
     * @param period How long a period is, in seconds; 0 if there is only one, which never ends.
     * @param startsAt When the first period begins, in seconds since the Unix epoch. Before, it cannot be used.
     */
    struct BenefitTerms {
        uint32 quota;
        uint32 period;
        uint32 startsAt;
    }

    /// @notice How a card has used a benefit.
    /// @param redemptions How often in all; the next redemption has the number `redemptions + 1`.
    /// @param periodStart The period that `used` is about, by when it began.
    /// @param used How often in that period, without what was undone.
    /// @param undone How many redemptions of that period were undone.
    struct BenefitUse {
        uint32 redemptions;
        uint32 periodStart;
        uint32 used;
        uint32 undone;
    }

    /**
     * @notice A holder's authorisation of one use of one benefit.
     *
     * EIP-712 type: `Redemption(uint256 serial,uint16 benefitId,uint32 number,uint16 generation,address staff,uint256
     * deadline)`. It is bound to the card's next redemption number of this benefit, so it works once, and so do two of them that a holder
     * made for the same purchase.
     *
     * @param serial The card.
     * @param benefitId The benefit.
     * @param number The number of this redemption: how often this card has used this benefit so far, plus 1.
     * @param generation The card's generation.
     * @param staff Who alone may redeem it, a till for instance; zero for anybody of the brand's staff.
     * @param deadline The last second in which it works, since the Unix epoch.
     */
    struct Redemption {
        uint256 serial;
        uint16 benefitId;
        uint32 number;
        uint16 generation;
        address staff;
        uint256 deadline;
    }

    /// @notice Emitted when what a tier is entitled to changes.
    event BenefitChanged(uint8 indexed tier, uint16 indexed benefitId, uint32 quota, uint32 period, uint32 startsAt);

    /// @notice Emitted when a benefit is redeemed.
    /// @param staff Who redeemed it.
    /// @param number The number of this redemption among those of this card and benefit, from 1 on.
    /// @param periodStart When the period began that it counts in.
    /// @param used How often the benefit was used in that period, this time included.
    event BenefitRedeemed(
        uint256 indexed serial,
        uint16 indexed benefitId,
        address indexed staff,
        uint32 number,
        uint32 periodStart,
        uint32 used
    );

    /// @notice Emitted when a redemption is undone: the use is given back.
    /// @param staff Who undid it.
    /// @param number The number of the redemption.
    /// @param used How often the benefit was used in the period that it counted in, without it.
    /// @param reason Why, as a code or a hash.
    event RedemptionUndone(
        uint256 indexed serial,
        uint16 indexed benefitId,
        address indexed staff,
        uint32 number,
        uint32 used,
        bytes32 reason
    );

    /// @notice Emitted once, when the catalogue is frozen: from now on no benefit changes.
    event BenefitsFrozen();

    /// @notice The catalogue is frozen.
    error BenefitsAreFrozen();

    /// @notice The card's tier is not entitled to this benefit.
    error BenefitNotGranted(uint8 tier, uint16 benefitId);

    /// @notice The benefit has other periods, in this tier or another one, and keeps them.
    error BenefitPeriodsFixed(uint16 benefitId, uint32 period, uint32 startsAt);

    /// @notice The holder has authorised somebody else of the staff.
    error StaffMismatch(address staff);

    /// @notice The benefit cannot be used yet.
    error BenefitNotStarted(uint16 benefitId, uint32 startsAt);

    /// @notice The quota of this period is used up.
    error QuotaExceeded(uint256 serial, uint16 benefitId, uint32 quota);

    /// @notice The authorisation was used already, or is for a later redemption than the next one.
    error RedemptionNumberMismatch(uint256 serial, uint16 benefitId, uint32 nextNumber);

    /// @notice There was no such redemption, it was undone before, or the card has used the benefit in a later period since.
    error RedemptionNotUndoable(uint256 serial, uint16 benefitId, uint32 number);

    /// @notice The authorisation was given for another generation of the card.
    error GenerationMismatch(uint256 serial, uint16 generation);

    /// @notice The card has expired.
    error CardExpired(uint256 serial, uint32 expiresAt);

    /// @notice Says what a tier is entitled to. May be called by the brand's administrators, until the catalogue is frozen.
    /// @dev What cards have used stays counted until a later period begins. A pending announcement to freeze the catalogue is
    /// void. Emits {BenefitChanged}. Reverts with {BenefitsAreFrozen}, {BenefitPeriodsFixed}, {ICardIssuance-TierNotDeclared}, or
    /// with what {IBrandRegistry-authorize} says.
    function setBenefit(uint8 tier, uint16 benefitId, BenefitTerms calldata terms) external;

    /**
     * @notice Redeems a benefit once. May be called by the brand's staff, with the holder's authorisation.
     *
     * Emits {BenefitRedeemed}. Reverts with {DeadlinePassed}, {CardStatusMismatch}, {CardExpired}, {GenerationMismatch},
     * {StaffMismatch}, {BenefitNotGranted}, {BenefitNotStarted}, {RedemptionNumberMismatch}, {QuotaExceeded},
     * {InvalidSignature}, or with what {IBrandRegistry-authorize} says.
     *
     * @param redemption What the holder authorised.
     * @param holderSignature The holder's signature; a contract answers for itself (ERC-1271).
     */
    function redeem(Redemption calldata redemption, bytes calldata holderSignature) external;

    /**
     * @notice Undoes a redemption: the card has the use again. May be called by the brand's staff.
     *
     * A redemption can be undone once, for every live card, suspended and expired ones too, whoever holds it meanwhile;
     * and only until the card uses the benefit in a later period, because only its last period is still counted. Its number
     * is not given again, so the authorisation that it was made with stays spent.
     *
     * Emits {RedemptionUndone}. Reverts with {CardStatusMismatch}, {RedemptionNotUndoable}, or with what
     * {IBrandRegistry-authorize} says.
     *
     * @param number The redemption's number among those of this card and benefit.
     * @param reason Why, as the brand's own code or the hash of a document. Never personal data.
     */
    function undoRedemption(uint256 serial, uint16 benefitId, uint32 number, bytes32 reason) external;

    /// @notice What a tier is entitled to of a benefit; all zero if to nothing.
    function benefitOf(uint8 tier, uint16 benefitId) external view returns (BenefitTerms memory);

    /// @notice How a card has used a benefit.
    function benefitUseOf(uint256 serial, uint16 benefitId) external view returns (BenefitUse memory);

    /// @notice How often a card can use a benefit now: 0 if it is not active, is expired, or its tier is not entitled, or not
    /// yet; 2^32 - 1 for as often as it likes. That nobody can redeem while the brand is suspended is not considered.
    function remainingUses(uint256 serial, uint16 benefitId) external view returns (uint32);

    /// @notice Whether the catalogue is frozen.
    function benefitsFrozen() external view returns (bool);
}
