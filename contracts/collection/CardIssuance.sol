// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {IBrandRegistry} from "../registry/IBrandRegistry.sol";
import {BatchStarts} from "./BatchStarts.sol";
import {CardLedger} from "./CardLedger.sol";
import {CardRecord, CardRecords} from "./CardRecord.sol";
import {CollectionConfig} from "./CollectionConfig.sol";
import {ICardIssuance} from "./ICardIssuance.sol";

/// @title How cards come into being
abstract contract CardIssuance is CardLedger {
    using BatchStarts for BatchStarts.Starts;

    /// @custom:storage-location erc7201:mintmark.storage.CardIssuance
    struct CardIssuanceStorage {
        mapping(bytes32 root => Allowlist allowlist) allowlists;
    }

    // keccak256(abi.encode(uint256(keccak256("mintmark.storage.CardIssuance")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _STORAGE_LOCATION = 0xb6c742839d7b9bbd6f02d0ad746a4c3f6bcacca1953e807bdc7ff5d5d84a0500;

    bytes32 private constant _CLAIM_VOUCHER_TYPEHASH = keccak256(
        "ClaimVoucher(uint256 serial,address holder,uint8 tier,uint32 expiresAt,bytes32 commitmentRoot,uint64 appointment,uint256 deadline)"
    );
    bytes32 private constant _ALLOWLIST_CLAIM_TYPEHASH = keccak256(
        "AllowlistClaim(uint256 serial,address holder,uint8 tier,uint32 expiresAt,uint64 appointment,uint256 deadline)"
    );

    /// @inheritdoc ICardIssuance
    function issue(
        uint256 firstSerial,
        address[] calldata holders,
        CardTerms calldata terms,
        bytes32 commitmentRoot,
        bytes32 batchReference
    ) public virtual {
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        uint256 count = holders.length;
        _checkIssuable(config, firstSerial, count);
        _checkTerms(config, terms.tier, terms.expiresAt);
        _authorize(IBrandRegistry.BrandRole.Issuer, msg.sender, count);

        CardRecord template = CardRecords.template(terms.tier, terms.expiresAt, uint32(block.timestamp));
        BurnAuth auth = config.burnAuth();
        _issueCard($, firstSerial, holders[0], template.withBatchStart(), msg.sender, auth);
        // Cannot overflow: `count` and every serial are at most `maxSupply`, a uint32.
        unchecked {
            for (uint256 i = 1; i < count; ++i) {
                _issueCard($, firstSerial + i, holders[i], template, msg.sender, auth);
            }
        }
        $.config = config.withIssued(count);
        if (count > 1) $.batchStarts.mark(firstSerial);
        if (commitmentRoot != bytes32(0)) $.commitmentRoots[firstSerial] = commitmentRoot;
        emit BatchIssued(firstSerial, count, terms.tier, terms.expiresAt, commitmentRoot, batchReference);
    }

    /// @inheritdoc ICardIssuance
    function claim(
        ClaimVoucher calldata voucher,
        address issuer,
        bytes calldata issuerSignature,
        bytes calldata holderSignature
    ) public virtual {
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        _checkIssuable(config, voucher.serial, 1);
        _checkTerms(config, voucher.tier, voucher.expiresAt);
        _checkDeadline(voucher.deadline);
        _checkAppointment(issuer, voucher.appointment, _authorize(IBrandRegistry.BrandRole.Issuer, issuer, 1));

        // All fields are words, in the order of the type.
        bytes32 structHash = keccak256(abi.encode(_CLAIM_VOUCHER_TYPEHASH, voucher));
        _checkSignature(issuer, structHash, issuerSignature);
        if (msg.sender != voucher.holder) _checkSignature(voucher.holder, structHash, holderSignature);

        _issueSingle(
            $,
            config,
            voucher.serial,
            voucher.holder,
            voucher.tier,
            voucher.expiresAt,
            voucher.commitmentRoot,
            issuer
        );
    }

    /// @inheritdoc ICardIssuance
    function openAllowlist(bytes32 root, uint32 firstSerial, uint32 count, uint32 deadline) public virtual {
        CardIssuanceStorage storage $ = _issuanceStorage();
        _checkIssuable(_ledgerStorage().config, firstSerial, count);
        _checkDeadline(deadline);
        if ($.allowlists[root].count != 0) revert AllowlistAlreadyOpen(root);
        uint64 appointment = _authorize(IBrandRegistry.BrandRole.Issuer, msg.sender, count);
        $.allowlists[root] = Allowlist({
            issuer: msg.sender,
            appointment: appointment,
            deadline: deadline,
            firstSerial: firstSerial,
            count: count
        });
        emit AllowlistOpened(root, msg.sender, appointment, firstSerial, count, deadline);
    }

    /// @inheritdoc ICardIssuance
    function closeAllowlist(bytes32 root) public virtual {
        CardIssuanceStorage storage $ = _issuanceStorage();
        if ($.allowlists[root].count == 0) revert AllowlistNotOpen(root);
        registry().authorizeWithdrawal(IBrandRegistry.BrandRole.Steward, msg.sender);
        delete $.allowlists[root];
        emit AllowlistClosed(root);
    }

    /// @inheritdoc ICardIssuance
    function claimAllowlisted(
        uint256 serial,
        address holder,
        CardTerms calldata terms,
        bytes32[] calldata proof,
        uint256 deadline,
        bytes calldata holderSignature
    ) public virtual {
        CardLedgerStorage storage $ = _ledgerStorage();
        CollectionConfig config = $.config;
        (address issuer, uint64 appointment) = _requireAllowlisted(serial, holder, terms, proof);
        _checkIssuable(config, serial, 1);
        _checkTerms(config, terms.tier, terms.expiresAt);
        // What the list gives was counted when it was opened.
        _checkAppointment(
            issuer,
            appointment,
            registry().activeAppointmentOf(config.brandId(), IBrandRegistry.BrandRole.Issuer, issuer)
        );
        if (msg.sender != holder) {
            _checkDeadline(deadline);
            bytes32 structHash = keccak256(
                abi.encode(
                    _ALLOWLIST_CLAIM_TYPEHASH,
                    serial,
                    holder,
                    terms.tier,
                    terms.expiresAt,
                    appointment,
                    deadline
                )
            );
            _checkSignature(holder, structHash, holderSignature);
        }
        _issueSingle($, config, serial, holder, terms.tier, terms.expiresAt, 0, issuer);
    }

    /// @inheritdoc ICardIssuance
    function allowlistOf(bytes32 root) public view virtual returns (Allowlist memory) {
        return _issuanceStorage().allowlists[root];
    }

    /// @dev Issues a card that is a batch of its own, and reports it.
    function _issueSingle(
        CardLedgerStorage storage $,
        CollectionConfig config,
        uint256 serial,
        address holder,
        uint8 tier,
        uint32 expiresAt,
        bytes32 commitmentRoot,
        address issuer
    ) internal {
        CardRecord template = CardRecords.template(tier, expiresAt, uint32(block.timestamp));
        _issueCard($, serial, holder, template.withBatchStart(), issuer, config.burnAuth());
        $.config = config.withIssued(1);
        if (commitmentRoot != bytes32(0)) $.commitmentRoots[serial] = commitmentRoot;
        emit BatchIssued(serial, 1, tier, expiresAt, commitmentRoot, 0);
    }

    /// @dev Reverts unless the appointment that something was signed or opened by is the issuer's present one.
    function _checkAppointment(address issuer, uint64 appointment, uint64 present) internal pure {
        if (present != appointment) revert AppointmentEnded(issuer, appointment);
    }

    /// @dev Who opened the allowlist that the proof leads to, and by which appointment. Reverts unless the serial can be claimed from it now.
    function _requireAllowlisted(
        uint256 serial,
        address holder,
        CardTerms calldata terms,
        bytes32[] calldata proof
    ) internal view returns (address, uint64) {
        // Hashed twice, so that no inner node of the tree can pass for a leaf.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(serial, holder, terms.tier, terms.expiresAt))));
        bytes32 root = MerkleProof.processProofCalldata(proof, leaf);
        Allowlist memory allowlist = _issuanceStorage().allowlists[root];
        if (allowlist.count == 0) revert AllowlistNotOpen(root);
        _checkDeadline(allowlist.deadline);
        // Cannot overflow: both are at most `maxSupply`, which is far below 2^31.
        if (serial < allowlist.firstSerial || serial - allowlist.firstSerial >= allowlist.count) {
            revert SerialNotAllowlisted(serial, allowlist.firstSerial, allowlist.count);
        }
        return (allowlist.issuer, allowlist.appointment);
    }

    function _checkIssuable(CollectionConfig config, uint256 firstSerial, uint256 count) internal pure {
        uint256 supply = config.maxSupply();
        if (config.windingDown()) revert WindingDown();
        if (count == 0) revert EmptyBatch();
        if (firstSerial == 0 || count > supply || firstSerial > supply - count + 1) {
            revert SerialOutOfRange(firstSerial, count, supply);
        }
    }

    function _issuanceStorage() private pure returns (CardIssuanceStorage storage $) {
        assembly ("memory-safe") {
            $.slot := _STORAGE_LOCATION
        }
    }
}
