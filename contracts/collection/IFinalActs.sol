// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/**
 * @title What cannot be undone
 *
 * @dev Such an act is announced, can be cancelled for a week, and is carried out after that. So a stolen key can do nothing for
 * good before the brand or the guardian has had time to see it.
 */
interface IFinalActs {
    /// @notice An act that ends something for ever.
    /// @dev Append only: the numbers are part of the storage layout.
    enum FinalAct {
        /// The collection's content does not change any more.
        FreezeContent,
        /// What tiers are entitled to does not change any more.
        FreezeBenefits,
        /// The edition ends: no card is issued any more. Holders can still surrender theirs.
        WindDown
    }

    /// @notice Emitted when an act is announced.
    /// @param readyAt From when on it can be carried out, in seconds since the Unix epoch.
    event FinalActAnnounced(FinalAct indexed act, uint32 readyAt);

    /// @notice Emitted when an announcement is taken back, or void because what was to be frozen has changed.
    event FinalActCancelled(FinalAct indexed act);

    /// @notice The act is announced already, and can still be carried out.
    error FinalActAlreadyAnnounced(FinalAct act, uint32 readyAt);

    /// @notice The act is not announced, or its time has passed.
    error FinalActNotAnnounced(FinalAct act);

    /// @notice The act can be carried out from `readyAt` on.
    error FinalActNotReady(FinalAct act, uint32 readyAt);

    /**
     * @notice Announces an act. May be called by the brand's administrators.
     *
     * It can be carried out in a week's time, for 30 days. Emits {FinalActAnnounced}. Reverts with
     * {FinalActAlreadyAnnounced}, with {ICollectionContent-ContentIsFrozen}, {ICardBenefits-BenefitsAreFrozen} or
     * {ICollectionContent-WindingDown} where it is done, or with what {IBrandRegistry-authorize} says.
     */
    function announce(FinalAct act) external;

    /// @notice Takes an announcement back. May be called by the brand's administrators and by the guardian, whatever the brand's
    /// status is.
    /// @dev Emits {FinalActCancelled}. Reverts with {FinalActNotAnnounced}, or with what {IBrandRegistry-authorizeWithdrawal} says.
    function cancelAnnounced(FinalAct act) external;

    /// @notice Carries an announced act out. May be called by the brand's administrators.
    /// @dev Emits {ICollectionContent-ContentFrozen}, {ICardBenefits-BenefitsFrozen} or {ICollectionContent-WindDownStarted}.
    /// Reverts with {FinalActNotAnnounced}, {FinalActNotReady}, or with what {IBrandRegistry-authorize} says.
    function carryOut(FinalAct act) external;

    /// @notice From when on an announced act can be carried out, in seconds since the Unix epoch; 0 if it is not announced.
    function announcedFor(FinalAct act) external view returns (uint32 readyAt);
}
