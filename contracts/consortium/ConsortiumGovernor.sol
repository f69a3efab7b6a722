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
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ConsortiumSeat} from "./ConsortiumSeat.sol";

/**
 * @title How the consortium decides
 *
 * @notice A seat proposes, the seats vote, a proposal that more than half of all seats said yes to waits in the timelock,
 * then anyone executes it. The timelock, not this contract, owns what the consortium owns.
 *
 * @dev OpenZeppelin's Governor with three bounds of its own, none of which a vote can lift:
 *
 * - The quorum is of yes votes and more than half of all seats, rounded up. OpenZeppelin rounds down and counts
 *   abstentions too, which among three seats would let a single one decide alone.
 * - Strangers cannot propose.
 * - No proposal can ask for more votes to propose than there are, after which nobody could propose anything.
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
    /// @notice A quorum of half the seats or less would let two opposite proposals pass, or one organisation decide alone.
    error QuorumNotMajority(uint256 quorumNumerator, uint256 quorumDenominator);

    /// @notice Proposing needs at least one vote, and not more votes than there are seats.
    error InvalidProposalThreshold(uint256 proposalThreshold, uint256 seatCount);

    /**
     * @param seat The seats, each of which has one vote.
     * @param timelock_ Who executes; must make this contract its only proposer and canceller.
     * @param votingDelay_ Seconds from a proposal to the beginning of the vote, which is when it is settled who votes.
     * @param votingPeriod_ Seconds for which the vote is open.
     * @param proposalThreshold_ Votes that it takes to propose: 1 lets each seat propose.
     * @param quorumPercent Yes votes that it takes to decide, in percent of all seats, rounded up: 51 to 100.
     */
    constructor(
        ConsortiumSeat seat,
        TimelockController timelock_,
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
    function proposalThreshold() public view virtual override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    /// @inheritdoc GovernorTimelockControl
    function state(
        uint256 proposalId
    ) public view virtual override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(proposalId);
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
