// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {BatchStarts} from "./BatchStarts.sol";
import {CardRecord, CardStatus} from "./CardRecord.sol";
import {CollectionConfig, CollectionConfigs} from "./CollectionConfig.sol";
import {IERC5192} from "./IERC5192.sol";
import {IERC5484} from "./IERC5484.sol";
import {IERC6454} from "./IERC6454.sol";
import {IMembershipCollection} from "./IMembershipCollection.sol";

/**
 * @title Who holds which card
 *
 * @dev The ERC-721 side of a collection and its storage. Of OpenZeppelin's ERC-721 it keeps the reading side; who holds
 * what lives in one slot per card (see {CardRecord}) instead of OpenZeppelin's owner mapping. Ownership changes in three
 * places only, {_issueCard}, {_burnCard} and {_reissueCard}; OpenZeppelin's own choke-point {_update} refuses every change,
 * so no inherited path can move a card.
 *
 * Of the inherited contracts none keeps anything in the storage of a collection: OpenZeppelin's ERC-721 is read through the
 * functions overridden here, and EIP-712's name and version are part of the code. So they need no initializers.
 */
abstract contract CardLedger is
    IMembershipCollection,
    ERC721,
    EIP712Upgradeable,
    IERC4906,
    IERC5192,
    IERC5484,
    IERC6454
{
    using BatchStarts for BatchStarts.Starts;

    /// @dev A card's slot, as something to point at.
    struct CardSlot {
        CardRecord record;
    }

    /// @custom:storage-location erc7201:mintmark.storage.CardLedger
    struct CardLedgerStorage {
        CollectionConfig config;
        mapping(uint256 serial => CardSlot slot) cards;
        mapping(address holder => uint256 count) balances;
        mapping(uint256 firstSerial => bytes32 root) commitmentRoots;
        BatchStarts.Starts batchStarts;
        string name;
        string symbol;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.CardLedger")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0x78789e0f22556bca8b518942388d0b0301df73e822b154014f0815bf5ba00e00;

    /// @dev ERC-4906 gives its number as the identifier; it has no functions to compute one from.
    bytes4 private constant _ERC4906_INTERFACE_ID = 0x49064906;

    IBrandRegistry private immutable _registry;

    /// @param registry_ The registry whose collections use this implementation.
    constructor(IBrandRegistry registry_) ERC721("", "") {
        _registry = registry_;
    }

    /// @inheritdoc IMembershipCollection
    function initialize(string calldata name_, string calldata symbol_, CollectionTerms calldata terms) public virtual {
        if (msg.sender != address(_registry)) revert CallerNotRegistry(msg.sender);
        CardLedgerStorage storage $ = _ledgerStorage();
        if ($.config.maxSupply() != 0) revert AlreadyInitialized();
        $.config = CollectionConfigs.create(
            terms.brandId,
            terms.maxSupply,
            terms.burnAuth,
            terms.reissueDelay,
            terms.highestTier,
            terms.longestTerm
        );
        $.name = name_;
        $.symbol = symbol_;
    }

    /// @inheritdoc IMembershipCollection
    function collectionTerms() public view virtual returns (CollectionTerms memory) {
        CollectionConfig config = _ledgerStorage().config;
        return
            CollectionTerms({
                brandId: config.brandId(),
                maxSupply: config.maxSupply(),
                burnAuth: config.burnAuth(),
                reissueDelay: config.reissueDelay(),
                highestTier: config.highestTier(),
                longestTerm: config.longestTerm()
            });
    }

    /// @inheritdoc IMembershipCollection
    function brandId() public view virtual returns (uint32) {
        return _ledgerStorage().config.brandId();
    }

    /// @inheritdoc IMembershipCollection
    function maxSupply() public view virtual returns (uint32) {
        return _ledgerStorage().config.maxSupply();
    }

    /// @inheritdoc IMembershipCollection
    function issuedCount() public view virtual returns (uint32) {
        return _ledgerStorage().config.issuedCount();
    }

    /// @inheritdoc IMembershipCollection
    function totalSupply() public view virtual returns (uint256) {
        return _ledgerStorage().config.liveCount();
    }

    /// @inheritdoc IMembershipCollection
    function registry() public view virtual returns (IBrandRegistry) {
        return _registry;
    }

    /// @inheritdoc ERC721
    function name() public view virtual override returns (string memory) {
        return _ledgerStorage().name;
    }

    /// @inheritdoc ERC721
    function symbol() public view virtual override returns (string memory) {
        return _ledgerStorage().symbol;
    }

    /// @inheritdoc ERC721
    /// @dev Metadata is served under one base for all collections, which the registry knows.
    function tokenURI(uint256 tokenId) public view virtual override returns (string memory) {
        _requireOwned(tokenId);
        return _registry.cardURI(address(this), tokenId);
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) public view virtual returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    /// @inheritdoc IERC5484
    function burnAuth(uint256 tokenId) public view virtual returns (BurnAuth) {
        CardLedgerStorage storage $ = _ledgerStorage();
        if (!$.cards[tokenId].record.exists()) revert CardNotIssued(tokenId);
        return $.config.burnAuth();
    }

    /// @inheritdoc IERC6454
    function isTransferable(uint256 tokenId, address from, address to) public view virtual returns (bool) {
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        if (from != address(0)) {
            _requireOwned(tokenId);
            return to == address(0) && config.burnAuth() != BurnAuth.Neither;
        }
        bool inEdition = tokenId != 0 && tokenId <= config.maxSupply();
        return inEdition && !$.cards[tokenId].record.exists() && !config.windingDown() && to != address(0);
    }

    /// @inheritdoc ERC721
    function balanceOf(address owner) public view virtual override(ERC721, IERC721) returns (uint256) {
        if (owner == address(0)) revert ERC721InvalidOwner(address(0));
        return _ledgerStorage().balances[owner];
    }

    /// @inheritdoc ERC721
    /// @dev Always reverts: cards are not transferable.
    function approve(address, uint256 tokenId) public virtual override(ERC721, IERC721) {
        revert CardNotTransferable(tokenId);
    }

    /// @inheritdoc ERC721
    /// @dev Always reverts: cards are not transferable.
    function setApprovalForAll(address, bool) public virtual override(ERC721, IERC721) {
        revert ApprovalNotSupported();
    }

    /// @inheritdoc ERC721
    /// @dev Always reverts, like everything else that comes to {_update}.
    function transferFrom(address, address, uint256 tokenId) public virtual override(ERC721, IERC721) {
        _update(address(0), tokenId, msg.sender);
    }

    /// @inheritdoc ERC721
    /// @dev Always reverts, like {transferFrom}.
    function safeTransferFrom(
        address,
        address,
        uint256 tokenId,
        bytes memory
    ) public virtual override(ERC721, IERC721) {
        _update(address(0), tokenId, msg.sender);
    }

    /// @inheritdoc ERC721
    /// @dev Not ERC-5484, although {burnAuth} and `Issued` are as it has them: it also demands the receiver's signature before
    /// every issue and metadata that never change, and neither holds here.
    function supportsInterface(bytes4 interfaceId) public view virtual override(ERC721, IERC165) returns (bool) {
        return
            interfaceId == _ERC4906_INTERFACE_ID ||
            interfaceId == type(IERC5192).interfaceId ||
            interfaceId == type(IERC6454).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    /// @dev Issues one card. Reverts with {CardAlreadyIssued} if the serial has a record, dead or alive. Does not count it.
    function _issueCard(
        CardLedgerStorage storage $,
        uint256 serial,
        address holder,
        CardRecord template,
        address issuer,
        BurnAuth auth
    ) internal {
        CardSlot storage card = $.cards[serial];
        if (card.record.exists()) revert CardAlreadyIssued(serial);
        if (holder == address(0)) revert ERC721InvalidReceiver(address(0));
        card.record = template.withHolder(holder);
        // Cannot overflow: a holder has at most `maxSupply` cards.
        unchecked {
            ++$.balances[holder];
        }
        emit Transfer(address(0), holder, serial);
        emit Locked(serial);
        emit Issued(issuer, holder, serial, auth);
    }

    /// @dev Ends a live card. Its record stays as a tombstone, holder included. Does not count it.
    function _burnCard(
        CardLedgerStorage storage $,
        uint256 serial,
        CardStatus status
    ) internal returns (address holder) {
        (CardSlot storage card, CardRecord record) = _requireLive($, serial);
        holder = record.holder();
        card.record = record.withStatus(status);
        // Cannot underflow: the card is live, so it was counted.
        unchecked {
            --$.balances[holder];
        }
        emit Transfer(holder, address(0), serial);
    }

    /// @dev Burns a live card and issues it again to `to`, in one step: no block sees the serial without an owner.
    function _reissueCard(CardLedgerStorage storage $, uint256 serial, address to) internal {
        (CardSlot storage card, CardRecord record) = _requireLive($, serial);
        address from = record.holder();
        card.record = record.reissuedTo(to);
        // Cannot under- or overflow: the card is live, so it was counted for `from`; nobody has more than `maxSupply`.
        unchecked {
            --$.balances[from];
            ++$.balances[to];
        }
        emit Transfer(from, address(0), serial);
        emit Transfer(address(0), to, serial);
        emit Locked(serial);
        emit Issued(msg.sender, to, serial, $.config.burnAuth());
        emit CardReissued(serial, from, to, card.record.generation());
    }

    /// @dev Asks the registry whether the caller may act for the brand, without creating cards.
    function _authorize(IBrandRegistry.BrandRole role) internal {
        _authorize(role, msg.sender, 0);
    }

    /// @dev Asks the registry whether `account` may act for the brand and give something to `count` cards. Returns by which
    /// appointment.
    function _authorize(IBrandRegistry.BrandRole role, address account, uint256 count) internal returns (uint64) {
        return _registry.authorize(role, account, count);
    }

    /// @dev Reverts with {TierNotDeclared}, {TermTooLong} or {ExpiryNotInFuture} unless a card may have these terms.
    function _checkTerms(CollectionConfig config, uint8 tier, uint32 expiresAt) internal view {
        _checkTier(config, tier);
        _checkExpiry(config, expiresAt);
    }

    /// @dev Reverts with {TierNotDeclared} unless the collection has the tier.
    function _checkTier(CollectionConfig config, uint8 tier) internal pure {
        if (tier > config.highestTier()) revert TierNotDeclared(tier, config.highestTier());
    }

    /// @dev Reverts with {TermTooLong} or {ExpiryNotInFuture} unless a card may expire then.
    function _checkExpiry(CollectionConfig config, uint256 expiresAt) internal view {
        if (config.longestTerm() != CollectionConfigs.UNLIMITED_TERM) {
            uint256 latest = block.timestamp + config.longestTerm();
            if (expiresAt == 0 || expiresAt > latest) revert TermTooLong(expiresAt, latest);
        } else if (expiresAt == 0) {
            return;
        }
        if (expiresAt <= block.timestamp) revert ExpiryNotInFuture(expiresAt, block.timestamp);
    }

    /// @dev Reverts with {InvalidSignature} unless `signer` signed the EIP-712 struct. The key of an address is tried first:
    /// with EIP-7702 an account that has one can have code, too, and its signatures stay good.
    function _checkSignature(address signer, bytes32 structHash, bytes calldata signature) internal view {
        bytes32 hash = _hashTypedDataV4(structHash);
        (address recovered, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(hash, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(signer, hash, signature)) {
            revert InvalidSignature(signer);
        }
    }

    function _checkDeadline(uint256 deadline) internal view {
        if (deadline < block.timestamp) revert DeadlinePassed(deadline, block.timestamp);
    }

    /// @dev A live card. Reverts with {CardStatusMismatch}.
    function _requireLive(
        CardLedgerStorage storage $,
        uint256 serial
    ) internal view returns (CardSlot storage card, CardRecord record) {
        card = $.cards[serial];
        record = card.record;
        _checkLive(serial, record);
    }

    /// @dev Reverts with {CardStatusMismatch} unless the card is live.
    function _checkLive(uint256 serial, CardRecord record) internal pure {
        if (!record.isLive()) revert CardStatusMismatch(serial, record.status());
    }

    /// @dev Who owns the token in the sense of ERC-721: zero for a serial that was never issued and for a dead card.
    function _ownerOf(uint256 tokenId) internal view virtual override returns (address) {
        CardRecord record = _ledgerStorage().cards[tokenId].record;
        return record.isLive() ? record.holder() : address(0);
    }

    /// @dev The inherited way to change an owner, closed.
    function _update(address, uint256 tokenId, address) internal pure virtual override returns (address) {
        revert CardNotTransferable(tokenId);
    }

    /// @inheritdoc EIP712Upgradeable
    function _EIP712Name() internal pure virtual override returns (string memory) {
        return "MembershipCollection";
    }

    /// @inheritdoc EIP712Upgradeable
    function _EIP712Version() internal pure virtual override returns (string memory) {
        return "1";
    }

    function _ledgerStorage() internal pure returns (CardLedgerStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
