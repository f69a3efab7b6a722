// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ConsortiumSeat} from "./ConsortiumSeat.sol";
import {ConsortiumTimelock} from "./ConsortiumTimelock.sol";

/**
 * @title How the consortium decides
 *
 * @notice A seat proposes, the seats vote, a proposal that more than half of all seats said yes to waits in the timelock,
 * then anyone executes it. The timelock, not this contract, owns what the consortium owns.
 *
 * @dev OpenZeppelin's Governor with bounds of its own, none of which a vote can lift. With those of {ConsortiumTimelock}, of
 * {ConsortiumSeat} and of the registry, whose owner stays the timelock, they make sure that all seats together can always
 * decide, whatever was decided before:
 *
 * - The quorum is of yes votes and more than half of all seats, rounded up. OpenZeppelin rounds down and counts
 *   abstentions too, which among three seats would let a single one decide alone.
 * - Strangers cannot propose, and a proposal says whose it is, so that nobody can take another one's text, propose it first
 *   and withdraw it (CVE-2023-34234).
 * - Proposing never takes more votes than there are, also when seats were removed.
 * - A vote begins within 30 days and is open for an hour to 30 days. The timelock stays the same.
 * - What was decided is queued within 14 days, or void.
 *
 * Because a majority of all seats has to say yes, a late vote cannot surprise: no votes against could have outweighed it.
 */
contract ConsortiumGovernor is
    Governor,
    GovernorVotes,
    GovernorVotesQuorumFraction,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorTimelockControl
{
    using Bytes for bytes;

    /// @notice A quorum of half the seats or less would let two opposite proposals pass, or one organisation decide alone.
    error QuorumNotMajority(uint256 quorumNumerator, uint256 quorumDenominator);

    /// @notice Proposing needs at least one vote, and not more votes than there are seats.
    error InvalidProposalThreshold(uint256 proposalThreshold, uint256 seatCount);

    /// @notice A vote begins at most 30 days after its proposal.
    error VotingDelayTooLong(uint256 votingDelay);

    /// @notice A decision can open votes for 1 hour to 30 days.
    error InvalidVotingPeriodLength(uint256 votingPeriod);

    /// @notice What the consortium owns belongs to its timelock, which stays the same.
    error TimelockIsFinal();

    /// @notice For so long what was decided can be queued, in seconds.
    uint256 public constant QUEUEING_WINDOW = 14 days;

    uint48 private constant _MAX_VOTING_DELAY = 30 days;
    uint32 private constant _MAX_VOTING_PERIOD = 30 days;
    uint32 private constant _MIN_VOTING_PERIOD = 1 hours;

    /// @dev `#proposer=` and an address.
    uint256 private constant _PROPOSER_SUFFIX_LENGTH = 52;

    /**
     * @param seat The seats, each of which has one vote.
     * @param timelock_ Who executes; must settle this contract as its governor.
     * @param votingDelay_ Seconds from a proposal to the beginning of the vote, which is when it is settled who votes.
     * @param votingPeriod_ Seconds for which the vote is open.
     * @param proposalThreshold_ Votes that it takes to propose: 1 lets each seat propose.
     * @param quorumPercent Yes votes that it takes to decide, in percent of all seats, rounded up: 51 to 100.
     */
    constructor(
        ConsortiumSeat seat,
        ConsortiumTimelock timelock_,
        uint48 votingDelay_,
        uint32 votingPeriod_,
        uint256 proposalThreshold_,
        uint256 quorumPercent
    )
        Governor("Mintmark Consortium")
        GovernorVotes(seat)
        GovernorVotesQuorumFraction(quorumPercent)
        GovernorSettings(votingDelay_, votingPeriod_, proposalThreshold_)
        GovernorTimelockControl(timelock_)
    {}

    /// @inheritdoc GovernorVotesQuorumFraction
    /// @dev Rounded up, so that it is a majority for every number of seats.
    function quorum(
        uint256 timepoint
    ) public view virtual override(Governor, GovernorVotesQuorumFraction) returns (uint256) {
        uint256 seatCount = token().getPastTotalSupply(timepoint);
        return Math.mulDiv(seatCount, quorumNumerator(timepoint), quorumDenominator(), Math.Rounding.Ceil);
    }

    /// @inheritdoc GovernorCountingSimple
    // solhint-disable-next-line func-name-mixedcase
    function COUNTING_MODE() public pure virtual override(IGovernor, GovernorCountingSimple) returns (string memory) {
        return "support=bravo&quorum=for";
    }

    /// @inheritdoc GovernorSettings
    /// @dev Never more than there are seats.
    function proposalThreshold() public view virtual override(Governor, GovernorSettings) returns (uint256) {
        return Math.min(super.proposalThreshold(), ConsortiumSeat(address(token())).totalSupply());
    }

    /// @inheritdoc GovernorTimelockControl
    /// @dev What was not queued or not executed in time is `Expired`.
    function state(
        uint256 proposalId
    ) public view virtual override(Governor, GovernorTimelockControl) returns (ProposalState) {
        ProposalState current = super.state(proposalId);
        if (current == ProposalState.Succeeded) {
            bool isOver = block.timestamp > proposalDeadline(proposalId) + QUEUEING_WINDOW;
            return isOver ? ProposalState.Expired : current;
        }
        // The timelock does not know it any more.
        if (current == ProposalState.Canceled && Governor.state(proposalId) == ProposalState.Queued) {
            uint256 window = ConsortiumTimelock(payable(timelock())).EXECUTION_WINDOW();
            bool isOver = block.timestamp > proposalEta(proposalId) + window;
            return isOver ? ProposalState.Expired : current;
        }
        return current;
    }

    /// @inheritdoc GovernorTimelockControl
    /// @dev Always reverts: see {TimelockIsFinal}.
    function updateTimelock(TimelockController) public virtual override onlyGovernance {
        revert TimelockIsFinal();
    }

    /// @inheritdoc GovernorTimelockControl
    function proposalNeedsQueuing(
        uint256 proposalId
    ) public view virtual override(Governor, GovernorTimelockControl) returns (bool) {
        return super.proposalNeedsQueuing(proposalId);
    }

    /// @dev Only yes votes count towards the quorum.
    function _quorumReached(
        uint256 proposalId
    ) internal view virtual override(Governor, GovernorCountingSimple) returns (bool) {
        (, uint256 forVotes, ) = proposalVotes(proposalId);
        return quorum(proposalSnapshot(proposalId)) <= forVotes;
    }

    /// @dev Reverts with {QuorumNotMajority}.
    function _updateQuorumNumerator(uint256 newQuorumNumerator) internal virtual override {
        uint256 denominator = quorumDenominator();
        if (newQuorumNumerator <= denominator / 2) revert QuorumNotMajority(newQuorumNumerator, denominator);
        super._updateQuorumNumerator(newQuorumNumerator);
    }

    /// @dev Reverts with {InvalidProposalThreshold}.
    function _setProposalThreshold(uint256 newProposalThreshold) internal virtual override {
        uint256 seatCount = ConsortiumSeat(address(token())).totalSupply();
        if (newProposalThreshold == 0 || newProposalThreshold > seatCount) {
            revert InvalidProposalThreshold(newProposalThreshold, seatCount);
        }
        super._setProposalThreshold(newProposalThreshold);
    }

    /// @dev Reverts with {VotingDelayTooLong}.
    function _setVotingDelay(uint48 newVotingDelay) internal virtual override {
        if (newVotingDelay > _MAX_VOTING_DELAY) revert VotingDelayTooLong(newVotingDelay);
        super._setVotingDelay(newVotingDelay);
    }

    /// @dev Reverts with {InvalidVotingPeriodLength}. Who founds a consortium may try it out with shorter votes.
    function _setVotingPeriod(uint32 newVotingPeriod) internal virtual override {
        bool isFounding = address(this).code.length == 0;
        if (newVotingPeriod > _MAX_VOTING_PERIOD || (newVotingPeriod < _MIN_VOTING_PERIOD && !isFounding)) {
            revert InvalidVotingPeriodLength(newVotingPeriod);
        }
        super._setVotingPeriod(newVotingPeriod);
    }

    /// @dev A description ends with `#proposer=` and the proposer's address.
    function _isValidDescriptionForProposer(
        address proposer,
        string memory description
    ) internal view virtual override returns (bool) {
        bytes memory text = bytes(description);
        uint256 length = text.length;
        if (length < _PROPOSER_SUFFIX_LENGTH) return false;
        (bool success, address named) = Strings.tryParseAddress(description, length - 42, length);
        if (!success || named != proposer) return false;
        return Bytes.slice(text, length - _PROPOSER_SUFFIX_LENGTH, length - 42).equal("#proposer=");
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal virtual override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal virtual override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal virtual override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view virtual override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
