// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC721/ERC721Upgradeable.sol";
import {MulticallUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/MulticallUpgradeable.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {Card, CardRecord, CardRecords} from "./CardRecord.sol";
import {IERC5192} from "./IERC5192.sol";
import {IERC5484} from "./IERC5484.sol";
import {IMembershipCollection} from "./IMembershipCollection.sol";

/**
 * @title One edition of membership cards
 *
 * @dev Stands behind a beacon proxy. Of OpenZeppelin's ERC-721 it keeps the reading side; who holds what lives in one
 * slot per card (see {CardRecord}) instead of OpenZeppelin's owner mapping. A holder is written in one place only,
 * {_issueCard}; OpenZeppelin's own choke-point {_update} refuses every change, so no inherited path can move a card.
 */
contract MembershipCollection is IMembershipCollection, ERC721Upgradeable, MulticallUpgradeable, IERC5192, IERC5484 {
    /// @custom:storage-location erc7201:mintmark.storage.MembershipCollection
    struct MembershipCollectionStorage {
        // One slot: what never changes, and the two counters.
        uint32 brandId;
        uint32 maxSupply;
        uint32 issuedCount;
        uint32 liveCount;
        BurnAuth burnAuth;
        mapping(uint256 serial => CardRecord record) cards;
        mapping(address holder => uint256 count) balances;
        mapping(uint256 firstSerial => bytes32 root) commitmentRoots;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.MembershipCollection")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0x49dd35e33d4497ae1192b33f580a047f1ee10d72d61cd175d911ec3d9bf56f00;

    IBrandRegistry private immutable _registry;

    /// @param registry_ The registry whose collections use this implementation.
    constructor(IBrandRegistry registry_) {
        _registry = registry_;
        _disableInitializers();
    }

    /// @inheritdoc IMembershipCollection
    function initialize(
        string calldata name_,
        string calldata symbol_,
        CollectionTerms calldata terms
    ) public virtual initializer {
        if (msg.sender != address(_registry)) revert CallerNotRegistry(msg.sender);
        __ERC721_init(name_, symbol_);
        MembershipCollectionStorage storage $ = _collectionStorage();
        $.brandId = terms.brandId;
        $.maxSupply = terms.maxSupply;
        $.burnAuth = terms.burnAuth;
    }

    /// @inheritdoc IMembershipCollection
    function issue(
        uint256 firstSerial,
        address[] calldata holders,
        CardTerms calldata terms,
        bytes32 commitmentRoot
    ) public virtual {
        MembershipCollectionStorage storage $ = _collectionStorage();
        uint256 count = holders.length;
        uint256 supply = $.maxSupply;

        if (count == 0) revert EmptyBatch();
        if (firstSerial == 0 || count > supply || firstSerial > supply - count + 1) {
            revert SerialOutOfRange(firstSerial, count, supply);
        }
        if (terms.expiresAt != 0 && terms.expiresAt <= block.timestamp) {
            revert ExpiryNotInFuture(terms.expiresAt, block.timestamp);
        }
        _registry.authorize(IBrandRegistry.BrandRole.Issuer, msg.sender, count);

        CardRecord template = CardRecords.template(terms.tier, terms.expiresAt, uint32(block.timestamp));
        BurnAuth auth = $.burnAuth;
        _issueCard($, firstSerial, holders[0], template.withBatchStart(), auth);
        // Cannot overflow: `count` and every serial are at most `supply`, a uint32.
        unchecked {
            for (uint256 i = 1; i < count; ++i) {
                _issueCard($, firstSerial + i, holders[i], template, auth);
            }
            // Each serial is counted once, so neither counter exceeds `supply`.
            $.issuedCount += uint32(count);
            $.liveCount += uint32(count);
        }
        if (commitmentRoot != bytes32(0)) $.commitmentRoots[firstSerial] = commitmentRoot;

        emit BatchIssued(firstSerial, count, terms.tier, terms.expiresAt, commitmentRoot);
    }

    /// @inheritdoc IMembershipCollection
    function cardOf(uint256 serial) public view virtual returns (Card memory) {
        return _collectionStorage().cards[serial].unpack();
    }

    /// @inheritdoc IMembershipCollection
    function cardsOf(uint256 firstSerial, uint256 count) public view virtual returns (Card[] memory cards) {
        cards = new Card[](count);
        for (uint256 i = 0; i < count; ++i) {
            cards[i] = cardOf(firstSerial + i);
        }
    }

    /// @inheritdoc IMembershipCollection
    function batchOf(uint256 serial) public view virtual returns (uint256 firstSerial, bytes32 commitmentRoot) {
        MembershipCollectionStorage storage $ = _collectionStorage();
        if (!$.cards[serial].exists()) revert CardNotIssued(serial);
        firstSerial = serial;
        // Ends: the first card of every batch carries the mark, and a batch has no holes.
        while (!$.cards[firstSerial].isBatchStart()) --firstSerial;
        commitmentRoot = $.commitmentRoots[firstSerial];
    }

    /// @inheritdoc IMembershipCollection
    function collectionTerms() public view virtual returns (CollectionTerms memory) {
        MembershipCollectionStorage storage $ = _collectionStorage();
        return CollectionTerms({brandId: $.brandId, maxSupply: $.maxSupply, burnAuth: $.burnAuth});
    }

    /// @inheritdoc IMembershipCollection
    function brandId() public view virtual returns (uint32) {
        return _collectionStorage().brandId;
    }

    /// @inheritdoc IMembershipCollection
    function maxSupply() public view virtual returns (uint32) {
        return _collectionStorage().maxSupply;
    }

    /// @inheritdoc IMembershipCollection
    function issuedCount() public view virtual returns (uint32) {
        return _collectionStorage().issuedCount;
    }

    /// @inheritdoc IMembershipCollection
    function totalSupply() public view virtual returns (uint256) {
        return _collectionStorage().liveCount;
    }

    /// @inheritdoc IMembershipCollection
    function registry() public view virtual returns (IBrandRegistry) {
        return _registry;
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) public view virtual returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    /// @inheritdoc IERC5484
    function burnAuth(uint256 tokenId) public view virtual returns (BurnAuth) {
        MembershipCollectionStorage storage $ = _collectionStorage();
        if (!$.cards[tokenId].exists()) revert CardNotIssued(tokenId);
        return $.burnAuth;
    }

    /// @inheritdoc ERC721Upgradeable
    function balanceOf(address owner) public view virtual override returns (uint256) {
        if (owner == address(0)) revert ERC721InvalidOwner(address(0));
        return _collectionStorage().balances[owner];
    }

    /// @inheritdoc ERC721Upgradeable
    /// @dev Always reverts: cards are not transferable.
    function approve(address, uint256 tokenId) public virtual override {
        revert CardNotTransferable(tokenId);
    }

    /// @inheritdoc ERC721Upgradeable
    /// @dev Always reverts: cards are not transferable.
    function setApprovalForAll(address, bool) public virtual override {
        revert ApprovalNotSupported();
    }

    /// @inheritdoc ERC721Upgradeable
    /// @dev Always reverts: {_update} refuses the zero address for a live card and every address for the others.
    function transferFrom(address, address, uint256 tokenId) public virtual override {
        _update(address(0), tokenId, msg.sender);
    }

    /// @inheritdoc ERC721Upgradeable
    /// @dev Always reverts, like {transferFrom}.
    function safeTransferFrom(address, address, uint256 tokenId, bytes memory) public virtual override {
        _update(address(0), tokenId, msg.sender);
    }

    /// @inheritdoc ERC721Upgradeable
    function supportsInterface(bytes4 interfaceId) public view virtual override(ERC721Upgradeable) returns (bool) {
        return
            interfaceId == type(IERC5192).interfaceId ||
            interfaceId == type(IERC5484).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    /// @dev Issues one card. Reverts with {CardAlreadyIssued} if the serial has a record, dead or alive.
    function _issueCard(
        MembershipCollectionStorage storage $,
        uint256 serial,
        address holder,
        CardRecord template,
        BurnAuth auth
    ) internal {
        if ($.cards[serial].exists()) revert CardAlreadyIssued(serial);
        if (holder == address(0)) revert ERC721InvalidReceiver(address(0));
        $.cards[serial] = template.withHolder(holder);
        // Cannot overflow: a holder has at most `maxSupply` cards.
        unchecked {
            ++$.balances[holder];
        }
        emit Transfer(address(0), holder, serial);
        emit Locked(serial);
        emit Issued(msg.sender, holder, serial, auth);
    }

    /// @dev Who owns the token in the sense of ERC-721: zero for a serial that was never issued and for a dead card.
    function _ownerOf(uint256 tokenId) internal view virtual override returns (address) {
        CardRecord record = _collectionStorage().cards[tokenId];
        return record.isLive() ? record.holder() : address(0);
    }

    /// @dev The inherited way to change an owner, closed: it lets nothing pass that would change anything.
    function _update(address to, uint256 tokenId, address) internal virtual override returns (address owner) {
        owner = _ownerOf(tokenId);
        if (to != owner || owner == address(0)) revert CardNotTransferable(tokenId);
    }

    /// @dev Metadata is served under one base for all collections, which the registry knows.
    function _baseURI() internal view virtual override returns (string memory) {
        string memory base = _registry.cardBaseURI();
        return bytes(base).length == 0 ? "" : string.concat(base, Strings.toHexString(address(this)), "/");
    }

    function _collectionStorage() private pure returns (MembershipCollectionStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
