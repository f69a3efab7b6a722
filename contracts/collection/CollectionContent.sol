// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {Announcements} from "./Announcements.sol";
import {FinalActs} from "./FinalActs.sol";
import {ICollectionContent} from "./ICollectionContent.sol";
import {IERC7572} from "./IERC7572.sol";

/// @title What a collection promises about itself, and how it ends
abstract contract CollectionContent is FinalActs, IERC7572 {
    using Announcements for Announcements.Book;

    /// @custom:storage-location erc7201:mintmark.storage.CollectionContent
    struct CollectionContentStorage {
        bytes32 contentHash;
        string contractURI;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.CollectionContent")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0x004a28e0496adc6e7a0165e62a112e2d8beed4fa53f4558679ce88db4348b000;

    uint256 private constant _MAX_URI_LENGTH = 2_000;

    /// @inheritdoc ICollectionContent
    function setContent(string calldata contractURI_, bytes32 contentHash_) public virtual {
        if (contentFrozen()) revert ContentIsFrozen();
        if (bytes(contractURI_).length > _MAX_URI_LENGTH) revert ContentURITooLong(bytes(contractURI_).length);
        _authorize(IBrandRegistry.BrandRole.Admin);
        CollectionContentStorage storage $ = _contentStorage();
        $.contractURI = contractURI_;
        $.contentHash = contentHash_;
        emit ContentChanged(contractURI_, contentHash_);
        emit ContractURIUpdated();
        emit BatchMetadataUpdate(1, maxSupply());
        _finalActsStorage().announcements.void(FinalAct.FreezeContent);
    }

    /// @inheritdoc IERC7572
    function contractURI() public view virtual returns (string memory) {
        string memory uri = _contentStorage().contractURI;
        return bytes(uri).length == 0 ? registry().collectionURI(address(this)) : uri;
    }

    /// @inheritdoc ICollectionContent
    function contentHash() public view virtual returns (bytes32) {
        return _contentStorage().contentHash;
    }

    /// @inheritdoc ICollectionContent
    function contentFrozen() public view virtual returns (bool) {
        return _isDone(FinalAct.FreezeContent);
    }

    /// @inheritdoc ICollectionContent
    function windingDown() public view virtual returns (bool) {
        return _ledgerStorage().config.windingDown();
    }

    function _contentStorage() private pure returns (CollectionContentStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
