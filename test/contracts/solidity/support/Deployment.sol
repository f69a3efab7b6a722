// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {UpgradeableBeacon} from "@openzeppelin/contracts/proxy/beacon/UpgradeableBeacon.sol";

import {IERC5484} from "../../../../contracts/collection/IERC5484.sol";
import {MembershipCollection} from "../../../../contracts/collection/MembershipCollection.sol";
import {BrandRegistry} from "../../../../contracts/registry/BrandRegistry.sol";
import {CollectionFactory} from "../../../../contracts/registry/CollectionFactory.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";

/**
 * @title The registry with one brand and one collection
 *
 * @dev Deployed as scripts/ignition does it, proxies and all, so that a Solidity test sees what the chain sees. The test
 * contract itself is the consortium and the brand's admin, issuer, steward and staff.
 */
abstract contract Deployment {
    uint32 internal constant _BRAND = 1;
    string internal constant _SLUG = "noirance-black";

    BrandRegistry internal _registry;
    UpgradeableBeacon internal _beacon;

    /// @dev Deploys the registry and admits brand 1.
    function _deployRegistry() internal {
        _registry = BrandRegistry(
            address(
                new ERC1967Proxy(
                    address(new BrandRegistry()),
                    abi.encodeCall(BrandRegistry.initialize, (address(this), ""))
                )
            )
        );
        _beacon = new UpgradeableBeacon(address(new MembershipCollection(_registry)), address(this));
        _registry.setCollectionFactory(new CollectionFactory(address(_registry), address(_beacon)));
        _registry.admitBrand(
            address(this),
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
    function _createCollection(uint32 maxSupply) internal returns (MembershipCollection) {
        return
            MembershipCollection(
                _registry.createCollection(
                    IBrandRegistry.CollectionRequest({
                        brandId: _BRAND,
                        slug: _SLUG,
                        name: "Noirance Black Card",
                        symbol: "NOIR",
                        maxSupply: maxSupply,
                        burnAuth: IERC5484.BurnAuth.Both
                    })
                )
            );
    }

    /// @dev Gives `account` a role of brand 1.
    function _grant(IBrandRegistry.BrandRole role, address account) internal {
        _registry.grantRole(_registry.roleId(_BRAND, role), account);
    }
}
