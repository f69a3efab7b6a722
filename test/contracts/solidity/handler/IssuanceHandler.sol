// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Card, CardStatus} from "../../../../contracts/collection/CardRecord.sol";
import {ICardIssuance} from "../../../../contracts/collection/ICardIssuance.sol";
import {ICollectionContent} from "../../../../contracts/collection/ICollectionContent.sol";
import {IMembershipCollection} from "../../../../contracts/collection/IMembershipCollection.sol";
import {IBrandRegistry} from "../../../../contracts/registry/IBrandRegistry.sol";
import {CapBooks} from "./CapBooks.sol";
import {FinalActBooks} from "./FinalActBooks.sol";

/// @title How cards come into being, in any order
abstract contract IssuanceHandler is CapBooks, FinalActBooks {
    /// @dev A leaf of an allowlist.
    struct Leaf {
        uint256 serial;
        address holder;
        ICardIssuance.CardTerms terms;
    }

    uint256 private constant _MAX_BATCH = 20;

    bytes32 private constant _CLAIM_VOUCHER_TYPEHASH = keccak256(
        "ClaimVoucher(uint256 serial,address holder,uint8 tier,uint32 expiresAt,bytes32 commitmentRoot,uint64 appointment,uint256 deadline)"
    );
    bytes32 private constant _ALLOWLIST_CLAIM_TYPEHASH = keccak256(
        "AllowlistClaim(uint256 serial,address holder,uint8 tier,uint32 expiresAt,uint64 appointment,uint256 deadline)"
    );

    bytes32[] private _roots;
    mapping(bytes32 root => Leaf[] leaves) private _leaves;
    mapping(bytes32 root => ICardIssuance.Allowlist allowlist) private _allowlists;

    /// @notice A batch of 1 to 20, mostly where nothing was issued yet.
    function issue(uint256 seed) public move(seed) {
        Act memory act = _newAct("issue", IBrandRegistry.BrandRole.Issuer);
        (uint256 first, uint256 count) = _anyRun(1 + _roll(_chance(4) ? _MAX_BATCH : 3));
        address[] memory holders = new address[](count);
        _needIssuable(act, first, count);
        for (uint256 i = 0; i < count; ++i) {
            holders[i] = _chance(100) ? address(0) : _anyHolder();
            _needFree(act, first + i, holders[i]);
        }
        ICardIssuance.CardTerms memory terms = _anyTerms(act);
        _needCap(act, act.caller, count);
        bytes32 root = _anyRoot();
        act.call = abi.encodeCall(ICardIssuance.issue, (first, holders, terms, root, bytes32(seed)));
        if (!_perform(act)) return;
        _useCap(act.caller, count);
        for (uint256 i = 0; i < count; ++i) {
            _note(first + i, holders[i], terms);
            _entries[first + i].batch = uint32(first);
            _entries[first + i].root = root;
        }
    }

    /// @notice A voucher, sent by its holder or by anybody with the holder's signature.
    function claim(uint256 seed) public move(seed) {
        (uint256 serial, ) = _anyRun(1);
        address issuer = _person(_chance(3) ? _SECOND_ISSUER : _ISSUER);
        if (_chance(10)) issuer = _person(_roll(_CONSORTIUM));
        address holder = _anyHolder();
        Act memory act = _newAct("claim", _chance(2) ? holder : _anybody());
        _needIssuable(act, serial, 1);
        _needFree(act, serial, holder);
        ICardIssuance.CardTerms memory terms = _anyTerms(act);
        ICardIssuance.ClaimVoucher memory voucher = ICardIssuance.ClaimVoucher({
            serial: serial,
            holder: holder,
            tier: terms.tier,
            expiresAt: terms.expiresAt,
            commitmentRoot: _anyRoot(),
            appointment: _anyAppointment(issuer),
            deadline: _deadline(act)
        });
        _needAppointment(act, issuer, voucher.appointment);
        _needRole(act, IBrandRegistry.BrandRole.Issuer, issuer);
        _needCap(act, issuer, 1);
        bytes32 structHash = keccak256(abi.encode(_CLAIM_VOUCHER_TYPEHASH, voucher));
        bytes memory issuerSignature = _signature(act, issuer, structHash);
        bytes memory consent = act.caller == holder ? bytes("") : _signature(act, holder, structHash);
        act.call = abi.encodeCall(ICardIssuance.claim, (voucher, issuer, issuerSignature, consent));
        if (!_perform(act)) return;
        _spent = SpentCall(act.call, act.caller);
        _useCap(issuer, 1);
        _note(serial, holder, terms);
        _entries[serial].batch = uint32(serial);
        _entries[serial].root = voucher.commitmentRoot;
    }

    /// @notice A tree of two to four leaves, or one of the trees that were opened before.
    function openAllowlist(uint256 seed) public move(seed) {
        Act memory act = _newAct("openAllowlist", IBrandRegistry.BrandRole.Issuer);
        bytes32 root = _roots.length > 0 && _chance(4) ? _roots[_roll(_roots.length)] : _plantTree();
        uint32 first = uint32(_leaves[root][0].serial);
        uint32 count = uint32(_leaves[root].length);
        if (_chance(6)) (first, count) = (uint32(_roll(_maxSupply + 2)), uint32(_roll(6)));
        uint32 deadline = _chance(3) ? _deadline(act) : uint32(_now + _roll(90 days));
        _needIssuable(act, first, count);
        _needCap(act, act.caller, count);
        if (_allowlists[root].count != 0) {
            _refuse(act, abi.encodeWithSelector(ICardIssuance.AllowlistAlreadyOpen.selector, root));
        }
        act.call = abi.encodeCall(ICardIssuance.openAllowlist, (root, first, count, deadline));
        if (!_perform(act)) return;
        _useCap(act.caller, count);
        _allowlists[root] = ICardIssuance.Allowlist({
            issuer: act.caller,
            appointment: _appointments[IBrandRegistry.BrandRole.Issuer][act.caller],
            deadline: deadline,
            firstSerial: first,
            count: count
        });
    }

    function closeAllowlist(uint256 seed) public move(seed) {
        Act memory act = _newWithdrawal("closeAllowlist", IBrandRegistry.BrandRole.Steward);
        bytes32 root = _roots.length == 0 ? bytes32(seed) : _roots[_roll(_roots.length)];
        if (_allowlists[root].count == 0) {
            _refuse(act, abi.encodeWithSelector(ICardIssuance.AllowlistNotOpen.selector, root));
        }
        act.call = abi.encodeCall(ICardIssuance.closeAllowlist, (root));
        if (_perform(act)) delete _allowlists[root];
    }

    /// @notice A leaf of a tree, sometimes changed, sent by its holder or by anybody with the holder's signature.
    function claimAllowlisted(uint256 seed) public move(seed) {
        (Leaf memory leaf, bytes32[] memory proof) = _anyLeaf();
        Act memory act = _newAct("claimAllowlisted", _chance(2) ? leaf.holder : _anybody());
        bytes32 root = _hashLeaf(leaf);
        for (uint256 i = 0; i < proof.length; ++i) root = _hashPair(root, proof[i]);
        _needAllowlisted(act, root, leaf.serial);
        _needIssuable(act, leaf.serial, 1);
        _needFree(act, leaf.serial, leaf.holder);
        _needTier(act, leaf.terms.tier);
        _needExpiry(act, leaf.terms.expiresAt);
        _needActiveBrand(act);
        _needAppointment(act, _allowlists[root].issuer, _allowlists[root].appointment);
        bytes memory consent;
        uint256 deadline;
        if (act.caller != leaf.holder) {
            deadline = _deadline(act);
            consent = _signature(
                act,
                leaf.holder,
                keccak256(
                    abi.encode(
                        _ALLOWLIST_CLAIM_TYPEHASH,
                        leaf.serial,
                        leaf.holder,
                        leaf.terms,
                        _allowlists[root].appointment,
                        deadline
                    )
                )
            );
        }
        act.call = abi.encodeCall(
            ICardIssuance.claimAllowlisted,
            (leaf.serial, leaf.holder, leaf.terms, proof, deadline, consent)
        );
        if (!_perform(act)) return;
        _spent = SpentCall(act.call, act.caller);
        _note(leaf.serial, leaf.holder, leaf.terms);
        _entries[leaf.serial].batch = uint32(leaf.serial);
    }

    /// @notice The trees that were ever opened, or tried to.
    function roots() public view returns (bytes32[] memory) {
        return _roots;
    }

    /// @notice What the collection must say of an allowlist.
    function allowlistOf(bytes32 root) public view returns (ICardIssuance.Allowlist memory) {
        return _allowlists[root];
    }

    /// @dev Mostly the issuer's present one; sometimes one that is over, or one to come.
    function _anyAppointment(address issuer) private returns (uint64) {
        uint64 present = _appointments[IBrandRegistry.BrandRole.Issuer][issuer];
        return _chance(16) ? uint64(_roll(uint256(present) + 3)) : present;
    }

    function _needAppointment(Act memory act, address issuer, uint64 appointment) private view {
        if (_appointments[IBrandRegistry.BrandRole.Issuer][issuer] == appointment) return;
        act.unentitled = true;
        _refuse(act, abi.encodeWithSelector(ICardIssuance.AppointmentEnded.selector, issuer, appointment));
    }

    function _needIssuable(Act memory act, uint256 first, uint256 count) private view {
        if (windingDown()) _refuse(act, abi.encodeWithSelector(ICollectionContent.WindingDown.selector));
        if (count == 0) _refuse(act, abi.encodeWithSelector(IMembershipCollection.EmptyBatch.selector));
        if (first == 0 || first + count > _maxSupply + 1) {
            _refuse(act, abi.encodeWithSelector(ICardIssuance.SerialOutOfRange.selector, first, count, _maxSupply));
        }
    }

    function _needFree(Act memory act, uint256 serial, address holder) private view {
        if (_entries[serial].card.status != CardStatus.None) {
            _refuse(act, abi.encodeWithSelector(ICardIssuance.CardAlreadyIssued.selector, serial));
        }
        if (holder == address(0)) {
            _refuse(act, abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0)));
        }
    }

    function _needAllowlisted(Act memory act, bytes32 root, uint256 serial) private view {
        ICardIssuance.Allowlist memory list = _allowlists[root];
        if (list.count == 0) {
            return _refuse(act, abi.encodeWithSelector(ICardIssuance.AllowlistNotOpen.selector, root));
        }
        _needDeadline(act, list.deadline);
        if (serial >= list.firstSerial && serial < uint256(list.firstSerial) + list.count) return;
        _refuse(
            act,
            abi.encodeWithSelector(ICardIssuance.SerialNotAllowlisted.selector, serial, list.firstSerial, list.count)
        );
    }

    function _note(uint256 serial, address holder, ICardIssuance.CardTerms memory terms) private {
        _serials.push(serial);
        lastSerial = serial;
        ++_entries[serial].timesIssued;
        _entries[serial].card = Card({
            holder: holder,
            issuedAt: uint32(_now),
            expiresAt: terms.expiresAt,
            tier: terms.tier,
            status: CardStatus.Active,
            generation: 0
        });
    }

    /// @dev Some of these cards never expire, and some would be expired already.
    function _anyTerms(Act memory act) private returns (ICardIssuance.CardTerms memory terms) {
        terms = ICardIssuance.CardTerms({tier: _anyTier(), expiresAt: _anyExpiry()});
        _needTier(act, terms.tier);
        _needExpiry(act, terms.expiresAt);
    }

    /// @dev Of commitments; some batches have none.
    function _anyRoot() private returns (bytes32) {
        return _chance(3) ? bytes32(0) : bytes32(_roll(type(uint256).max));
    }

    function _anyExpiry() private returns (uint32) {
        if (_chance(2)) return 0;
        return uint32(_chance(20) ? _now - _roll(2) * _roll(1 days) : _now + 1 + _roll(90 days));
    }

    /// @dev Serials in a row, at most `wanted`. Mostly none of them was issued.
    function _anyRun(uint256 wanted) private returns (uint256 first, uint256 count) {
        first = _roll(_maxSupply + 2);
        if (_chance(8)) return (first, wanted);
        for (uint256 i = 0; i <= _maxSupply && !_isFree(first); ++i) first = (first + 1) % (_maxSupply + 1);
        for (count = 1; count < wanted && _isFree(first + count);) ++count;
    }

    function _isFree(uint256 serial) private view returns (bool) {
        return serial != 0 && serial <= _maxSupply && _entries[serial].card.status == CardStatus.None;
    }

    /// @dev A new tree over serials in a row; sometimes a leaf is about another one.
    function _plantTree() private returns (bytes32 root) {
        (uint256 first, ) = _anyRun(4);
        Leaf[] memory leaves = new Leaf[](2 + _roll(3));
        bytes32[] memory hashes = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = Leaf({
                serial: _chance(8) ? _pick() : first + i,
                holder: _anyHolder(),
                terms: ICardIssuance.CardTerms({tier: _anyTier(), expiresAt: _anyExpiry()})
            });
            hashes[i] = _hashLeaf(leaves[i]);
        }
        root = _hashPair(hashes[0], hashes[1]);
        if (hashes.length == 3) root = _hashPair(root, hashes[2]);
        if (hashes.length == 4) root = _hashPair(root, _hashPair(hashes[2], hashes[3]));
        _roots.push(root);
        for (uint256 i = 0; i < leaves.length; ++i) _leaves[root].push(leaves[i]);
    }

    /// @dev A leaf and its proof; sometimes something is not as the tree has it.
    function _anyLeaf() private returns (Leaf memory leaf, bytes32[] memory proof) {
        if (_roots.length == 0)
            return (Leaf(1 + _roll(_maxSupply), _anyHolder(), ICardIssuance.CardTerms(0, 0)), proof);
        Leaf[] memory leaves;
        uint256 place;
        // Mostly one that can be claimed.
        for (uint256 i = 0; i < 6; ++i) {
            bytes32 root = _roots[_roll(_roots.length)];
            leaves = _leaves[root];
            place = _roll(leaves.length);
            if (_allowlists[root].deadline >= _now && _isFree(leaves[place].serial)) break;
        }
        proof = _proofOf(leaves, place);
        leaf = leaves[place];
        uint256 flaw = _roll(40);
        if (flaw == 0) leaf.serial = _roll(_maxSupply + 2);
        if (flaw == 1) leaf.holder = _anyHolder();
        if (flaw == 2) leaf.terms.tier = _anyTier();
        if (flaw == 3) leaf.terms.expiresAt = _anyExpiry();
        if (flaw == 4) proof = _proofOf(leaves, (place + 1) % leaves.length);
    }

    function _proofOf(Leaf[] memory leaves, uint256 place) private pure returns (bytes32[] memory proof) {
        proof = new bytes32[](leaves.length == 2 || (place == 2 && leaves.length == 3) ? 1 : 2);
        bytes32 left = _hashPair(_hashLeaf(leaves[0]), _hashLeaf(leaves[1]));
        if (place == 2 && leaves.length == 3) {
            proof[0] = left;
            return proof;
        }
        proof[0] = _hashLeaf(leaves[place ^ 1]);
        if (leaves.length == 3) proof[1] = _hashLeaf(leaves[2]);
        if (leaves.length == 4) {
            proof[1] = place < 2 ? _hashPair(_hashLeaf(leaves[2]), _hashLeaf(leaves[3])) : left;
        }
    }

    function _hashLeaf(Leaf memory leaf) private pure returns (bytes32) {
        bytes32 inner = keccak256(abi.encode(leaf.serial, leaf.holder, leaf.terms.tier, leaf.terms.expiresAt));
        return keccak256(bytes.concat(inner));
    }

    function _hashPair(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return left < right ? keccak256(abi.encode(left, right)) : keccak256(abi.encode(right, left));
    }
}
