// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/**
 * @title What the test runner does on a test's behalf
 *
 * @dev The part of the cheat codes that our tests need, with the signatures of Foundry's `Vm`, which Hardhat's runner
 * follows; add to it what a new test needs. Written down here because no package of the registry carries a current one.
 */
interface Vm {
    /// @notice Drops this run of a fuzz test: its input is none that the test is about.
    function assume(bool condition) external pure;

    /// @notice The next call comes from `sender`.
    function prank(address sender) external;

    /// @notice All calls come from `sender` until {stopPrank}.
    function startPrank(address sender) external;

    function stopPrank() external;

    /// @notice Sets the block's time, in seconds since the Unix epoch.
    function warp(uint256 timestamp) external;

    /// @notice The next call must revert, with whatever reason.
    function expectRevert() external;

    /// @notice The next call must revert with an error of this selector, whatever its arguments.
    function expectPartialRevert(bytes4 selector) external;

    /// @notice The next call must revert with exactly these bytes.
    function expectRevert(bytes calldata revertData) external;

    /// @notice The next call must emit the event that is emitted right after this line, by `emitter`.
    function expectEmit(address emitter) external;

    /// @notice The address of a private key, for signatures.
    function addr(uint256 privateKey) external pure returns (address);

    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);

    /// @notice Reads a storage slot.
    function load(address target, bytes32 slot) external view returns (bytes32);

    /// @notice Puts code at an address.
    function etch(address target, bytes calldata code) external;

    function label(address account, string calldata name) external;

    function toString(uint256 value) external pure returns (string memory);

    function assertTrue(bool condition, string calldata message) external pure;

    function assertFalse(bool condition, string calldata message) external pure;

    function assertEq(bool left, bool right, string calldata message) external pure;

    function assertEq(uint256 left, uint256 right, string calldata message) external pure;

    function assertEq(address left, address right, string calldata message) external pure;

    function assertEq(bytes32 left, bytes32 right, string calldata message) external pure;

    function assertEq(string calldata left, string calldata right, string calldata message) external pure;

    function assertEq(bytes calldata left, bytes calldata right, string calldata message) external pure;

    function assertLe(uint256 left, uint256 right, string calldata message) external pure;

    function assertGe(uint256 left, uint256 right, string calldata message) external pure;

    function assertLt(uint256 left, uint256 right, string calldata message) external pure;

    function assertGt(uint256 left, uint256 right, string calldata message) external pure;
}

/// @dev Where the runner listens: the address of keccak256("hevm cheat code").
Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

/// @dev A number within `low` and `high`, both included, that follows from `value`. Keeps what is within as it is.
function bound(uint256 value, uint256 low, uint256 high) pure returns (uint256) {
    if (value >= low && value <= high) return value;
    uint256 size = high - low + 1;
    return size == 0 ? value : low + (value % size);
}
