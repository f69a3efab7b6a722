// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Where the proxies of collections come from
/// @notice Never upgraded: a collection's address follows from its slug and the code of this contract alone, so it stays
/// foreseeable, and a slug stays taken, whatever becomes of the registry's code.
interface ICollectionFactory {
    /// @notice Only the registry creates collections.
    error CallerNotRegistry(address caller);

    /// @notice A factory needs a registry.
    error InvalidRegistry(address registry);

    /**
     * @notice Creates the proxy of a collection, not initialized yet.
     *
     * Only for the registry, which initializes it in the same transaction. Reverts with {CallerNotRegistry}, and without
     * data if the slug was used before.
     */
    function create(string calldata slug) external returns (address collection);

    /// @notice The address that the collection with this slug has or would have.
    function addressOf(string calldata slug) external view returns (address);

    /// @notice The registry that the factory creates collections for, and that they follow as their beacon.
    function registry() external view returns (address);
}
