// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Enumerable.sol";
import {ERC721Votes} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

import {IERC5192} from "../collection/IERC5192.sol";
import {ConsortiumTimelock} from "./ConsortiumTimelock.sol";
import {IConsortiumSeat} from "./IConsortiumSeat.sol";

/**
 * @title The seats of the consortium: one organisation, one vote
 *
 * @dev Not upgradeable: whoever could replace this code would have all votes. Owned by the timelock, for ever: whoever owned
 * the seats could remove them.
 *
 * The clock is the time, not the block number, because these chains may make blocks only when there is a transaction.
 */
contract ConsortiumSeat is IConsortiumSeat, ERC721Enumerable, ERC721Votes, Ownable, IERC5192 {
    /// @dev In bytes, as for the names of brands.
    uint256 private constant _MAX_ORGANISATION_LENGTH = 100;

    /// @dev The number of the newest seat; seats are numbered from 1.
    uint256 private _lastSeatId;

    /// @dev For so long an admission waits for its account.
    uint48 private constant _OFFER_WINDOW = 30 days;

    mapping(uint256 seatId => string organisation) private _organisations;

    mapping(address account => Offer offer) private _offers;

    /// @dev Where an account's nonces begin: another place for each seat, which nobody can foresee.
    mapping(address account => uint256 base) private _nonceBases;

    /// @param timelock Who admits and removes seats: the consortium's timelock.
    /// @param founders The seats that there are from the beginning; at least one, as nobody could vote for the first.
    constructor(
        ConsortiumTimelock timelock,
        Seat[] memory founders
    ) ERC721("Mintmark Consortium Seat", "SEAT") EIP712("Mintmark Consortium Seat", "1") Ownable(address(timelock)) {
        if (founders.length == 0) revert SeatsMissing();
        for (uint256 i = 0; i < founders.length; ++i) {
            _checkAdmission(founders[i].account, founders[i].organisation);
            _giveSeat(founders[i].account, founders[i].organisation);
        }
    }

    /// @inheritdoc IConsortiumSeat
    function admitSeat(address account, string calldata organisation) public virtual onlyOwner {
        _checkAdmission(account, organisation);
        uint48 until = clock() + _OFFER_WINDOW;
        _offers[account] = Offer({until: until, organisation: organisation});
        emit SeatOffered(account, organisation, until);
    }

    /// @inheritdoc IConsortiumSeat
    function takeSeat() public virtual returns (uint256 seatId) {
        Offer memory offer = _offers[msg.sender];
        if (offer.until < clock()) revert SeatNotOffered(msg.sender);
        delete _offers[msg.sender];
        return _giveSeat(msg.sender, offer.organisation);
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
    /// @dev Always reverts: see {OwnerIsFinal}.
    function transferOwnership(address) public virtual override onlyOwner {
        revert OwnerIsFinal();
    }

    /// @inheritdoc Ownable
    /// @dev Always reverts: see {OwnerIsFinal}.
    function renounceOwnership() public virtual override onlyOwner {
        revert OwnerIsFinal();
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

    /// @inheritdoc IConsortiumSeat
    function offerTo(address account) public view virtual returns (Offer memory offer) {
        offer = _offers[account];
        if (offer.until < clock()) delete offer;
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) public view virtual returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    /// @inheritdoc Nonces
    /// @dev Begins anew, at a place that nobody could foresee, with each seat that the account gets: a delegation that was signed
    /// before does not take the seat's vote.
    function nonces(address owner) public view virtual override(Nonces) returns (uint256) {
        // Wraps around, as it may.
        unchecked {
            return _nonceBases[owner] + super.nonces(owner);
        }
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

    function _checkAdmission(address account, string memory organisation) internal view virtual {
        if (account == address(0)) revert ERC721InvalidReceiver(address(0));
        // Its vote would be nobody's, and still count among those of which a majority decides.
        bool cannotVote =
            account == address(this) ||
                account == owner() ||
                account == ConsortiumTimelock(payable(owner())).governor();
        if (cannotVote) revert ERC721InvalidReceiver(account);
        if (balanceOf(account) != 0) revert SeatAlreadyHeld(account, seatOf(account));
        uint256 length = bytes(organisation).length;
        if (length == 0 || length > _MAX_ORGANISATION_LENGTH) revert InvalidOrganisation(organisation);
    }

    function _giveSeat(address account, string memory organisation) internal virtual returns (uint256 seatId) {
        seatId = ++_lastSeatId;
        _organisations[seatId] = organisation;
        // In block 0, in which nodes try out what is sent to a chain that has no other yet, the hash is zero.
        unchecked {
            _nonceBases[account] = uint256(keccak256(abi.encode(blockhash(block.number - 1), account, seatId)));
        }
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

    /// @dev Uses the nonce that {nonces} says.
    function _useNonce(address owner) internal virtual override returns (uint256) {
        unchecked {
            return _nonceBases[owner] + super._useNonce(owner);
        }
    }

    /// @dev Both parents refuse or count what a batch mint adds; there is none here.
    function _increaseBalance(
        address account,
        uint128 amount
    ) internal virtual override(ERC721Enumerable, ERC721Votes) {
        super._increaseBalance(account, amount);
    }
}
