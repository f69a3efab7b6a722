// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/**
 * @title Where what the consortium has decided waits, and who owns what the consortium owns
 *
 * @dev OpenZeppelin's TimelockController with three bounds of its own, none of which a decision can lift:
 *
 * - The governor that was settled can always put decisions in and take them out, and nobody else: who could take them out
 *   could stop everything for ever. Anybody can execute them.
 * - The delay is at most 30 days. A longer one would be a way to stop everything for ever.
 * - What was not executed within 14 days is void. Executing it later could undo what was decided since.
 */
contract ConsortiumTimelock is TimelockController {
    /// @notice For so long what has waited can be executed, in seconds.
    uint256 public constant EXECUTION_WINDOW = 14 days;

    /// @notice The longest delay, in seconds.
    uint256 public constant MAX_DELAY = 30 days;

    address private _governor;

    /// @notice Emitted once, when it is settled who decides.
    event GovernorSettled(address indexed governor);

    /// @notice Who decides is settled once, by an act of the timelock itself, and has to be a contract.
    error InvalidGovernor(address governor);

    /// @notice Without this role nobody could decide any more.
    error RoleNeeded(bytes32 role, address account);

    /// @notice Only the governor that was settled puts decisions in and takes them out, and only the timelock gives its roles.
    error RoleNotGrantable(bytes32 role, address account);

    /// @notice The delay is at most {MAX_DELAY}.
    error DelayTooLong(uint256 delay);

    /// @param proposers Who may put in what is executed, until the governor is settled.
    constructor(address[] memory proposers) TimelockController(0, proposers, _anybody(), address(0)) {}

    /**
     * @notice Settles who decides: `governor_` can put decisions in and take them out from now on, and for ever. Only for the
     * timelock itself, once.
     * @dev Emits {GovernorSettled} and AccessControl's `RoleGranted`. Reverts with {InvalidGovernor} or
     * `TimelockUnauthorizedCaller`.
     */
    function settleGovernor(address governor_) public virtual {
        if (msg.sender != address(this)) revert TimelockUnauthorizedCaller(msg.sender);
        if (_governor != address(0) || governor_.code.length == 0) revert InvalidGovernor(governor_);
        _governor = governor_;
        _grantRole(PROPOSER_ROLE, governor_);
        _grantRole(CANCELLER_ROLE, governor_);
        emit GovernorSettled(governor_);
    }

    /// @notice Who decides; zero before it is settled.
    function governor() public view virtual returns (address) {
        return _governor;
    }

    /// @inheritdoc TimelockController
    /// @dev Reverts with {DelayTooLong}.
    function updateDelay(uint256 newDelay) public virtual override {
        if (newDelay > MAX_DELAY) revert DelayTooLong(newDelay);
        super.updateDelay(newDelay);
    }

    /// @inheritdoc TimelockController
    /// @dev What was not executed in time is unknown again, as if it had been cancelled.
    function getOperationState(bytes32 id) public view virtual override returns (OperationState) {
        OperationState state = super.getOperationState(id);
        bool isOver = state == OperationState.Ready && block.timestamp > getTimestamp(id) + EXECUTION_WINDOW;
        return isOver ? OperationState.Unset : state;
    }

    /// @dev The choke-point of `grantRole`. Once the governor is settled, executing is all that others can be let do. Reverts with
    /// {RoleNotGrantable}.
    function _grantRole(bytes32 role, address account) internal virtual override returns (bool) {
        bool isSettled = _governor != address(0);
        if (isSettled && role != EXECUTOR_ROLE && account != _governor) revert RoleNotGrantable(role, account);
        return super._grantRole(role, account);
    }

    /// @dev The choke-point of `revokeRole` and `renounceRole`. Reverts with {RoleNeeded}.
    function _revokeRole(bytes32 role, address account) internal virtual override returns (bool) {
        if (
            (account == _governor && (role == PROPOSER_ROLE || role == CANCELLER_ROLE)) ||
            (account == address(0) && role == EXECUTOR_ROLE) ||
            (account == address(this) && role == DEFAULT_ADMIN_ROLE)
        ) revert RoleNeeded(role, account);
        return super._revokeRole(role, account);
    }

    /// @dev Whoever likes executes: that is what the zero address among the executors means.
    function _anybody() private pure returns (address[] memory executors) {
        executors = new address[](1);
    }
}
