// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";
import {HandlerBase} from "./HandlerBase.sol";

/// @title The books on daily caps: what issuers have given, and may give
abstract contract CapBooks is HandlerBase {
    /// @dev An issuer's daily cap: what was used of it when it was last touched.
    struct Bucket {
        bool capped;
        uint256 cap;
        uint256 used;
        uint256 time;
    }

    /// @notice How much a capped issuer has given or promised, and when.
    struct CapUse {
        uint256 time;
        uint256 cards;
    }

    mapping(address issuer => Bucket bucket) internal _buckets;
    /// @dev Since the cap was last set.
    mapping(address issuer => CapUse[] uses) internal _capUses;

    /// @notice What an issuer has given and promised since its cap was last set, and the cap.
    function capUsesOf(address issuer) public view returns (uint256 cap, CapUse[] memory uses) {
        return (_buckets[issuer].cap, _capUses[issuer]);
    }

    /// @notice To how many cards the issuer can give something now.
    function availableTo(address issuer) public view returns (uint256) {
        Bucket memory bucket = _buckets[issuer];
        if (!bucket.capped) return type(uint256).max;
        uint256 used = _usedOf(bucket);
        return used < bucket.cap ? bucket.cap - used : 0;
    }

    /// @dev Of the cap; it comes back evenly over a day.
    function _usedOf(Bucket memory bucket) internal view returns (uint256) {
        uint256 back = ((_now - bucket.time) * bucket.cap) / 1 days;
        return back < bucket.used ? bucket.used - back : 0;
    }

    function _needCap(Act memory act, address issuer, uint256 cards) internal view {
        uint256 available = availableTo(issuer);
        if (cards <= available) return;
        _refuse(
            act,
            abi.encodeWithSelector(IBrandRegistry.DailyCapExceeded.selector, _BRAND, issuer, cards, available)
        );
    }

    function _useCap(address issuer, uint256 cards) internal {
        Bucket storage bucket = _buckets[issuer];
        if (!bucket.capped) return;
        (bucket.used, bucket.time) = (_usedOf(bucket) + cards, _now);
        _capUses[issuer].push(CapUse(_now, cards));
    }
}
