// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BeaconProxy} from "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

import {ICollectionFactory} from "./ICollectionFactory.sol";

/**
 * @title Where the proxies of collections come from
 *
 * @dev Apart from the registry because the code of the proxy is part of what an address follows from (CREATE2): compiled
 * into the registry, it would change with the compiler of the next upgrade, and every slug would lead elsewhere.
 */
contract CollectionFactory is ICollectionFactory {
    address private immutable _registry;
    bytes32 private immutable _initCodeHash;

    /// @param registry_ The registry, which alone may create collections, and is the beacon that they follow.
    constructor(address registry_) {
        if (registry_.code.length == 0) revert InvalidRegistry(registry_);
        _registry = registry_;
        _initCodeHash = keccak256(abi.encodePacked(type(BeaconProxy).creationCode, abi.encode(registry_, "")));
    }

    /// @inheritdoc ICollectionFactory
    function create(string calldata slug) public virtual returns (address collection) {
        if (msg.sender != _registry) revert CallerNotRegistry(msg.sender);
        return address(new BeaconProxy{salt: _salt(slug)}(_registry, ""));
    }

    /// @inheritdoc ICollectionFactory
    function addressOf(string calldata slug) public view virtual returns (address) {
        return Create2.computeAddress(_salt(slug), _initCodeHash);
    }

    /// @inheritdoc ICollectionFactory
    function registry() public view virtual returns (address) {
        return _registry;
    }

    function _salt(string calldata slug) private pure returns (bytes32) {
        return keccak256(bytes(slug));
    }
}
