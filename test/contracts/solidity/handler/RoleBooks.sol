// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";

/// @title The books on who has which role, and by which appointment
abstract contract RoleBooks {
    /// @dev 0 where somebody does not have the role.
    mapping(IBrandRegistry.BrandRole role => mapping(address person => uint64 appointment)) internal _appointments;
    uint64 private _lastAppointment;

    function _hasRole(IBrandRegistry.BrandRole role, address person) internal view returns (bool) {
        return _appointments[role][person] != 0;
    }

    /// @dev Notes that somebody was given a role. Whether the number is greater than every one before.
    function _appoint(IBrandRegistry.BrandRole role, address person, uint64 appointment) internal returns (bool isNew) {
        isNew = appointment > _lastAppointment;
        _lastAppointment = appointment;
        _appointments[role][person] = appointment;
    }

    function _noteDismissal(IBrandRegistry.BrandRole role, address person) internal {
        delete _appointments[role][person];
    }
}
