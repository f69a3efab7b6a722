// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ConsortiumSeat} from "../../../contracts/consortium/ConsortiumSeat.sol";
import {ConsortiumTimelock} from "../../../contracts/consortium/ConsortiumTimelock.sol";

/// @title The seats, with the inherited way to count tokens that were never minted opened for a test
contract ExposedConsortiumSeat is ConsortiumSeat {
    constructor() ConsortiumSeat(new ConsortiumTimelock(new address[](0)), _founders()) {}

    function increaseBalance(address account, uint128 amount) public {
        _increaseBalance(account, amount);
    }

    function _founders() private view returns (Seat[] memory founders) {
        founders = new Seat[](1);
        founders[0] = Seat({account: msg.sender, organisation: "Deployer"});
    }
}
