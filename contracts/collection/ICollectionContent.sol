// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a collection promises about itself, and how it ends
/// @dev Frozen and wound down it is through {IFinalActs}.
interface ICollectionContent {
    /// @notice Emitted when the collection's content changes, together with ERC-7572's and ERC-4906's events.
    event ContentChanged(string contractURI, bytes32 contentHash);

    /// @notice Emitted once, when the content is frozen: from now on it does not change.
    event ContentFrozen();

    /// @notice Emitted once, when the brand ends the edition: from now on no card is issued.
    event WindDownStarted();

    /// @notice The content is frozen.
    error ContentIsFrozen();

    /// @notice A URI has at most 2,000 bytes.
    error ContentURITooLong(uint256 length);

    /// @notice The edition is winding down: no more cards are issued.
    error WindingDown();

    /**
     * @notice Says where the collection's description stands, and its hash. May be called by the brand's administrators,
     * until the content is frozen. A pending announcement to freeze it is void.
     *
     * Emits {ContentChanged}, `ContractURIUpdated` (ERC-7572) and `BatchMetadataUpdate` (ERC-4906). Reverts with
     * {ContentIsFrozen}, {ContentURITooLong}, or with what {IBrandRegistry-authorize} says.
     *
     * @param contractURI_ Where it stands; empty for the registry's own address of the collection.
     * @param contentHash_ keccak256 of the bytes that stand there; 0 for none.
     */
    function setContent(string calldata contractURI_, bytes32 contentHash_) external;

    /// @notice keccak256 of the description at `contractURI`; 0 for none.
    function contentHash() external view returns (bytes32);

    /// @notice Whether the content is frozen.
    function contentFrozen() external view returns (bool);

    /// @notice Whether the edition is winding down.
    function windingDown() external view returns (bool);
}
