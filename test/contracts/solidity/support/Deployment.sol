// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC5484} from "../../../../contracts/collection/IERC5484.sol";
import {MembershipCollection} from "../../../../contracts/collection/MembershipCollection.sol";
import {BrandRegistry} from "../../../../contracts/registry/BrandRegistry.sol";
import {CollectionFactory} from "../../../../contracts/registry/CollectionFactory.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";

/**
 * @title The registry with one brand, whose collections a test creates
 *
 * @dev Deployed as scripts/ignition does it, proxies and all, so that a Solidity test sees what the chain sees. The test
 * contract itself is the consortium and the brand's admin, issuer, steward and staff.
 */
abstract contract Deployment {
    uint32 internal constant _BRAND = 1;
    uint32 internal constant _REISSUE_DELAY = 7 days;

    BrandRegistry internal _registry;

    /// @dev Deploys the registry and admits brand 1.
    function _deployRegistry() internal {
        _registry = new BrandRegistry(address(this), "");
        _registry.upgradeCollections(address(new MembershipCollection(_registry)));
        _registry.setCollectionFactory(new CollectionFactory(address(_registry)));
        _registry.admitBrand(
            address(this),
            "noirance",
            IBrandRegistry.BrandProfile({
                name: "Noirance",
                legalName: "Noirance Parfums (Shanghai) Co., Ltd.",
                domain: "noirance.example",
                filingNumber: "",
                profileURI: "",
                profileHash: bytes32(0)
            })
        );
        _grant(IBrandRegistry.BrandRole.Issuer, address(this));
        _grant(IBrandRegistry.BrandRole.Steward, address(this));
        _grant(IBrandRegistry.BrandRole.Staff, address(this));
    }

    /// @dev Creates a collection of brand 1.
    function _createCollection(
        string memory slug,
        uint32 maxSupply,
        IERC5484.BurnAuth burnAuth,
        uint32 reissueDelay,
        uint8 highestTier,
        uint32 longestTerm
    ) internal returns (MembershipCollection) {
        return
            MembershipCollection(
                _registry.createCollection(
                    IBrandRegistry.CollectionRequest({
                        brandId: _BRAND,
                        slug: slug,
                        name: "Noirance Black Card",
                        symbol: "NOIR",
                        maxSupply: maxSupply,
                        burnAuth: burnAuth,
                        reissueDelay: reissueDelay,
                        highestTier: highestTier,
                        longestTerm: longestTerm
                    })
                )
            );
    }

    /// @dev Gives `account` a role of brand 1.
    function _grant(IBrandRegistry.BrandRole role, address account) internal {
        _registry.grantRole(_registry.roleId(_BRAND, role), account);
    }
}
