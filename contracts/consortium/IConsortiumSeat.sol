// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/**
 * @title The seats of the consortium: one organisation, one vote
 *
 * @notice A seat is an ERC-721 token that cannot be transferred or approved (ERC-5192) and carries one vote (ERC-5805).
 * Its organisation may let another key of its own vote with `delegate`, and take that back at any time.
 * @dev That an organisation has one seat is for the members to see to: the contract knows accounts, and lets each have
 * one. A name proves nothing to it. The seats are listed by ERC-721's enumeration, in no particular order.
 */
interface IConsortiumSeat {
    /// @notice A seat that there is from the beginning.
    /// @param account The organisation's account: a key, or better a contract that several of its people sign for.
    /// @param organisation The organisation's name, 1 to 100 bytes of UTF-8.
    struct Seat {
        address account;
        string organisation;
    }

    /// @notice A seat that waits for its account.
    /// @param until The last second in which it can be taken; 0 where there is none.
    /// @param organisation The organisation's name.
    struct Offer {
        uint48 until;
        string organisation;
    }

    /// @notice Emitted when an organisation is admitted: from now on its account can take the seat.
    event SeatOffered(address indexed account, string organisation, uint48 until);

    /// @notice Emitted when a seat is there, after ERC-721's `Transfer` and ERC-5192's `Locked`.
    event SeatAdmitted(uint256 indexed seatId, address indexed account, string organisation);

    /// @notice Emitted when a seat is removed, after ERC-721's `Transfer`.
    event SeatRemoved(uint256 indexed seatId, address indexed account, string organisation);

    /// @notice The account has a seat already.
    error SeatAlreadyHeld(address account, uint256 seatId);

    /// @notice No seat waits for the account, or none any more.
    error SeatNotOffered(address account);

    /// @notice A seat cannot be transferred.
    error SeatNotTransferable(uint256 seatId);

    /// @notice Nobody can be approved to transfer a seat.
    error ApprovalNotSupported();

    /// @notice An organisation's name has 1 to 100 bytes.
    error InvalidOrganisation(string organisation);

    /// @notice The last seat cannot be removed: nobody could ever decide anything again.
    error LastSeat(uint256 seatId);

    /// @notice A consortium is founded with at least one seat.
    error SeatsMissing();

    /// @notice The seats belong to the consortium's timelock, for ever: another owner could remove them all.
    error OwnerIsFinal();

    /**
     * @notice Admits an organisation: for 30 days its account can take the seat. Only for the owner, which is the consortium's
     * timelock.
     *
     * Until the account has taken it there is no seat and no vote: an account that nobody can use, such as a mistyped one, never
     * counts among those of which a majority decides. Admitted again, an account has the later name and time. Emits
     * {SeatOffered}. Reverts with {SeatAlreadyHeld}, {InvalidOrganisation} or, for the zero address and the consortium's own
     * contracts, `ERC721InvalidReceiver`.
     *
     * @param account The organisation's account.
     * @param organisation The organisation's name, 1 to 100 bytes.
     */
    function admitSeat(address account, string calldata organisation) external;

    /**
     * @notice Takes the seat that waits for the caller.
     *
     * The seat votes for itself from then on, in decisions that are proposed later. Emits `Transfer`, `Locked`,
     * ERC-5805's delegation events and {SeatAdmitted}. Reverts with {SeatNotOffered}.
     *
     * @return seatId The new seat's number: 1 for the first, never used twice.
     */
    function takeSeat() external returns (uint256 seatId);

    /// @notice The seat that waits for an account; empty where there is none.
    function offerTo(address account) external view returns (Offer memory offer);

    /**
     * @notice Removes a seat and its vote. Only for the owner.
     *
     * In decisions that were proposed before, the seat still votes: who votes is settled when voting begins. Emits
     * `Transfer`, ERC-5805's `DelegateVotesChanged` and {SeatRemoved}. Reverts with {LastSeat} or, where there is no such
     * seat, `ERC721NonexistentToken`.
     */
    function removeSeat(uint256 seatId) external;

    /// @notice The seat of an account; 0 if it has none.
    function seatOf(address account) external view returns (uint256 seatId);

    /// @notice The name of the organisation whose seat this is. Reverts with `ERC721NonexistentToken` where there is no such
    /// seat, or none any more.
    function organisationOf(uint256 seatId) external view returns (string memory organisation);
}
