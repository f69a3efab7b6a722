// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CollectionConfig, CollectionConfigs} from "../../../contracts/collection/CollectionConfig.sol";
import {IERC5484} from "../../../contracts/collection/IERC5484.sol";
import {bound, vm} from "./support/Vm.sol";

/// @title The layout of a collection's configuration slot, for whatever its fields hold
contract CollectionConfigTest {
    /// @dev The fields as the drawing in CollectionConfig.sol has them, in numbers: a constant that is wrong there is not
    /// wrong here with it.
    uint256 private constant _ISSUED_COUNT = uint256(type(uint32).max) << 64;
    uint256 private constant _LIVE_COUNT = uint256(type(uint32).max) << 96;
    uint256 private constant _WINDING_DOWN = 1 << 168;

    /// @dev Any slot that the contract could have written: every field free, the burn authorisation one that exists.
    function _anyConfig(uint256 raw) private pure returns (CollectionConfig) {
        uint256 auth = bound((raw >> 160) & 0xff, 0, uint256(type(IERC5484.BurnAuth).max));
        return CollectionConfig.wrap((raw & ~(uint256(0xff) << 160)) | (auth << 160));
    }

    /// @dev Nothing but these fields may have changed, the unused bits included.
    function _assertOnly(uint256 fields, CollectionConfig before, CollectionConfig afterwards) private pure {
        vm.assertEq(
            CollectionConfig.unwrap(before) & ~fields,
            CollectionConfig.unwrap(afterwards) & ~fields,
            "another field changed"
        );
    }

    function testFuzz_EachFieldIsReadFromItsOwnBits(uint256 raw) public pure {
        CollectionConfig config = _anyConfig(raw);
        raw = CollectionConfig.unwrap(config);
        vm.assertEq(config.brandId(), uint32(raw), "brandId");
        vm.assertEq(config.maxSupply(), uint32(raw >> 32), "maxSupply");
        vm.assertEq(config.issuedCount(), uint32(raw >> 64), "issuedCount");
        vm.assertEq(config.liveCount(), uint32(raw >> 96), "liveCount");
        vm.assertEq(config.reissueDelay(), uint32(raw >> 128), "reissueDelay");
        vm.assertEq(uint256(config.burnAuth()), uint8(raw >> 160), "burnAuth");
        vm.assertEq(config.longestTerm(), uint32(raw >> 176), "longestTerm");
        vm.assertEq(config.highestTier(), uint8(raw >> 208), "highestTier");
        vm.assertEq(config.windingDown(), (raw >> 168) & 1 == 1, "windingDown");
    }

    function testFuzz_CreateKeepsEachField(
        uint32 brandId,
        uint32 maxSupply,
        uint8 auth,
        uint32 reissueDelay,
        uint8 highestTier,
        uint32 longestTerm
    ) public pure {
        auth = uint8(bound(auth, 0, uint256(type(IERC5484.BurnAuth).max)));
        CollectionConfig config = CollectionConfigs.create(
            brandId,
            maxSupply,
            IERC5484.BurnAuth(auth),
            reissueDelay,
            highestTier,
            longestTerm
        );
        vm.assertEq(
            CollectionConfig.unwrap(config),
            uint256(brandId) |
                (uint256(maxSupply) << 32) |
                (uint256(reissueDelay) << 128) |
                (uint256(auth) << 160) |
                (uint256(longestTerm) << 176) |
                (uint256(highestTier) << 208),
            "slot"
        );
    }

    function testFuzz_WithIssuedCountsIssuedAndLive(uint256 raw, uint32 count) public pure {
        CollectionConfig before = _anyConfig(raw);
        // The contract's own bound: what was issued and what is live stay within the edition.
        uint256 room =
            type(uint32).max - (before.issuedCount() > before.liveCount() ? before.issuedCount() : before.liveCount());
        count = uint32(bound(count, 0, room));
        CollectionConfig afterwards = before.withIssued(count);
        vm.assertEq(afterwards.issuedCount(), uint256(before.issuedCount()) + count, "issuedCount");
        vm.assertEq(afterwards.liveCount(), uint256(before.liveCount()) + count, "liveCount");
        _assertOnly(_ISSUED_COUNT | _LIVE_COUNT, before, afterwards);
    }

    function testFuzz_WithBurnedCountsOnlyLive(uint256 raw, uint32 count) public pure {
        CollectionConfig before = _anyConfig(raw);
        count = uint32(bound(count, 0, before.liveCount()));
        CollectionConfig afterwards = before.withBurned(count);
        vm.assertEq(afterwards.liveCount(), uint256(before.liveCount()) - count, "liveCount");
        _assertOnly(_LIVE_COUNT, before, afterwards);
    }

    function testFuzz_WithWindDownChangesOnlyItsFlag(uint256 raw) public pure {
        CollectionConfig before = _anyConfig(raw);
        CollectionConfig afterwards = before.withWindDown();
        vm.assertTrue(afterwards.windingDown(), "windingDown");
        _assertOnly(_WINDING_DOWN, before, afterwards);
    }

    function testFuzz_WhoMayBurnIsWhatBurnAuthSays(uint256 raw) public pure {
        CollectionConfig config = _anyConfig(raw);
        bool both = config.burnAuth() == IERC5484.BurnAuth.Both;
        vm.assertEq(config.issuerMayBurn(), both || config.burnAuth() == IERC5484.BurnAuth.IssuerOnly, "issuer");
        vm.assertEq(config.ownerMayBurn(), both || config.burnAuth() == IERC5484.BurnAuth.OwnerOnly, "owner");
    }
}
