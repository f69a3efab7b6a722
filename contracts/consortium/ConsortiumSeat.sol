// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Enumerable.sol";
import {ERC721Votes} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

import {IERC5192} from "../collection/IERC5192.sol";
import {IConsortiumSeat} from "./IConsortiumSeat.sol";

/**
 * @title The seats of the consortium: one organisation, one vote
 *
 * @dev Not upgradeable: whoever could replace this code would have all votes. Owned by the timelock through
 * {Ownable2Step}, so that a handover to an address that cannot act never takes effect.
 *
 * The clock is the time, not the block number, because these chains may make blocks only when there is a transaction.
 */
contract ConsortiumSeat is IConsortiumSeat, ERC721Enumerable, ERC721Votes, Ownable2Step, IERC5192 {
    /// @dev In bytes, as for the names of brands.
    uint256 private constant _MAX_ORGANISATION_LENGTH = 100;

    /// @dev The number of the newest seat; seats are numbered from 1.
    uint256 private _lastSeatId;

    mapping(uint256 seatId => string organisation) private _organisations;

    /// @param owner_ Who admits and removes seats: the consortium's timelock.
    /// @param founders The seats that there are from the beginning; at least one, as nobody could vote for the first.
    constructor(
        address owner_,
        Seat[] memory founders
    ) ERC721("Mintmark Consortium Seat", "SEAT") EIP712("Mintmark Consortium Seat", "1") Ownable(owner_) {
        if (founders.length == 0) revert SeatsMissing();
        for (uint256 i = 0; i < founders.length; ++i) {
            _admitSeat(founders[i].account, founders[i].organisation);
        }
    }

    /// @inheritdoc IConsortiumSeat
    function admitSeat(
        address account,
        string calldata organisation
    ) public virtual onlyOwner returns (uint256 seatId) {
        return _admitSeat(account, organisation);
    }

    /// @inheritdoc IConsortiumSeat
    function removeSeat(uint256 seatId) public virtual onlyOwner {
        address account = _requireOwned(seatId);
        if (totalSupply() == 1) revert LastSeat(seatId);
        string memory organisation = _organisations[seatId];
        delete _organisations[seatId];
        _burn(seatId);
        emit SeatRemoved(seatId, account, organisation);
    }

    /// @inheritdoc Ownable
    /// @dev Always reverts: see {OwnerNeeded}.
    function renounceOwnership() public virtual override onlyOwner {
        revert OwnerNeeded();
    }

    /// @inheritdoc ERC721
    /// @dev Always reverts: seats are not transferable.
    function approve(address, uint256) public virtual override(ERC721, IERC721) {
        revert ApprovalNotSupported();
    }

    /// @inheritdoc ERC721
    /// @dev Always reverts: seats are not transferable.
    function setApprovalForAll(address, bool) public virtual override(ERC721, IERC721) {
        revert ApprovalNotSupported();
    }

    /// @inheritdoc IConsortiumSeat
    function seatOf(address account) public view virtual returns (uint256 seatId) {
        return balanceOf(account) == 0 ? 0 : tokenOfOwnerByIndex(account, 0);
    }

    /// @inheritdoc IConsortiumSeat
    function organisationOf(uint256 seatId) public view virtual returns (string memory organisation) {
        _requireOwned(seatId);
        return _organisations[seatId];
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) public view virtual returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    /// @inheritdoc Votes
    function clock() public view virtual override returns (uint48) {
        return Time.timestamp();
    }

    /// @inheritdoc Votes
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public view virtual override returns (string memory) {
        return "mode=timestamp";
    }

    /// @inheritdoc ERC721Enumerable
    function supportsInterface(
        bytes4 interfaceId
    ) public view virtual override(ERC721, ERC721Enumerable) returns (bool) {
        return interfaceId == type(IERC5192).interfaceId || super.supportsInterface(interfaceId);
    }

    function _admitSeat(address account, string memory organisation) internal virtual returns (uint256 seatId) {
        if (account == address(0)) revert ERC721InvalidReceiver(address(0));
        if (balanceOf(account) != 0) revert SeatAlreadyHeld(account, seatOf(account));
        uint256 length = bytes(organisation).length;
        if (length == 0 || length > _MAX_ORGANISATION_LENGTH) revert InvalidOrganisation(organisation);

        seatId = ++_lastSeatId;
        _organisations[seatId] = organisation;
        // Before the vote is there: an account that once delegated elsewhere must not vote there for an instant.
        _delegate(account, account);
        _mint(account, seatId);
        emit Locked(seatId);
        emit SeatAdmitted(seatId, account, organisation);
    }

    /// @dev The choke-point of every change of owner: seats come and go, but never from one account to another.
    function _update(
        address to,
        uint256 tokenId,
        address auth
    ) internal virtual override(ERC721Enumerable, ERC721Votes) returns (address) {
        if (to != address(0) && _ownerOf(tokenId) != address(0)) revert SeatNotTransferable(tokenId);
        return super._update(to, tokenId, auth);
    }

    /// @dev Both parents refuse or count what a batch mint adds; there is none here.
    function _increaseBalance(
        address account,
        uint128 amount
    ) internal virtual override(ERC721Enumerable, ERC721Votes) {
        super._increaseBalance(account, amount);
    }
}
