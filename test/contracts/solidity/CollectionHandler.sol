// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMembershipCollection} from "../../../contracts/collection/IMembershipCollection.sol";
import {bound} from "./support/Vm.sol";

/**
 * @title What a brand does to its collection, in any order
 *
 * @dev The runner calls these functions with arguments that it makes up; each bends them into a call that must succeed, so
 * that with `failOnRevert` every revert is a finding. What must not succeed is tried with `try` and must revert. Beside
 * the collection the handler keeps its own books, simple enough to be right, that the invariants compare with.
 */
contract CollectionHandler {
    /// @dev Few, so that one holder comes to have several cards.
    uint256 private constant _HOLDERS = 5;
    uint256 private constant _MAX_BATCH = 4;

    IMembershipCollection private immutable _collection;
    uint256 private immutable _maxSupply;

    /// @notice Who holds the serial, by the handler's books; zero if it was never issued.
    mapping(uint256 serial => address holder) public holderOf;
    /// @notice How many cards were issued, by the handler's books.
    uint256 public issued;
    /// @notice Something succeeded that must not.
    string public breach;

    /// @param collection_ The collection, whose issuer the handler must be.
    constructor(IMembershipCollection collection_) {
        _collection = collection_;
        _maxSupply = collection_.maxSupply();
    }

    /// @notice Issues a batch wherever it fits; where a serial of it is taken, it must be refused as a whole.
    function issue(uint256 firstSerial, uint256 count, uint256 holderSeed, uint8 tier, bytes32 commitmentRoot) public {
        count = bound(count, 1, _MAX_BATCH);
        firstSerial = bound(firstSerial, 1, _maxSupply - count + 1);
        address[] memory holders = new address[](count);
        bool taken = false;
        for (uint256 i = 0; i < count; ++i) {
            holders[i] = holderAt(uint256(keccak256(abi.encode(holderSeed, i))) % _HOLDERS);
            if (holderOf[firstSerial + i] != address(0)) taken = true;
        }

        IMembershipCollection.CardTerms memory terms = IMembershipCollection.CardTerms({tier: tier, expiresAt: 0});
        if (taken) {
            try _collection.issue(firstSerial, holders, terms, commitmentRoot) {
                breach = "a serial was issued twice";
            } catch {}
            return;
        }
        _collection.issue(firstSerial, holders, terms, commitmentRoot);
        for (uint256 i = 0; i < count; ++i) holderOf[firstSerial + i] = holders[i];
        issued += count;
    }

    /// @notice A batch that does not fit into the edition must be refused.
    function issueBeyondTheEdition(uint256 firstSerial, uint256 count) public {
        count = bound(count, 1, _MAX_BATCH);
        firstSerial = bound(firstSerial, _maxSupply - count + 2, type(uint256).max);
        address[] memory holders = new address[](count);
        for (uint256 i = 0; i < count; ++i) holders[i] = holderAt(i);
        IMembershipCollection.CardTerms memory terms = IMembershipCollection.CardTerms({tier: 1, expiresAt: 0});
        try _collection.issue(firstSerial, holders, terms, bytes32(0)) {
            breach = "a card was issued beyond the edition";
        } catch {}
    }

    /// @notice How many holders there are.
    function holderCount() public pure returns (uint256) {
        return _HOLDERS;
    }

    /// @notice The holder of this number, from 0.
    function holderAt(uint256 index) public pure returns (address) {
        return address(uint160(0xCA4D0000 + index));
    }
}
