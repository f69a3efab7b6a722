import { expect } from "chai";
import { deployCollectionLibraries } from "../../../scripts/solidity/libraries.ts";
import {
  type Account,
  actions,
  type Consortium,
  call,
  consortiumFixture,
  DAY,
  decide,
  ethers,
  HANDLE,
  interfaceId,
  PROFILE,
  pass,
  propose,
  SETTINGS,
  STATE,
  time,
  VOTE,
} from "./fixture.ts";

const admitBrand = ({ registry, newcomer }: Consortium) =>
  call(registry, "admitBrand", [newcomer.address, HANDLE, PROFILE]);
const admitSeat = ({ seat, newcomer }: Consortium) => call(seat, "admitSeat", [newcomer.address, "Newcomer"]);

describe("ConsortiumGovernor", () => {
  describe("foundation", () => {
    it("has the settings that it was given, and the seats' clock", async () => {
      const { governor, seat, timelock } = await consortiumFixture();
      expect(await governor.name()).to.equal("Mintmark Consortium");
      expect(await governor.token()).to.equal(seat);
      expect(await governor.timelock()).to.equal(timelock);
      expect(await governor.votingDelay()).to.equal(SETTINGS.votingDelay);
      expect(await governor.votingPeriod()).to.equal(SETTINGS.votingPeriod);
      expect(await governor.proposalThreshold()).to.equal(SETTINGS.proposalThreshold);
      expect(await governor["quorumNumerator()"]()).to.equal(SETTINGS.quorumPercent);
      expect(await timelock.getMinDelay()).to.equal(SETTINGS.timelockDelay);
      expect(await governor.CLOCK_MODE()).to.equal("mode=timestamp");
      expect(await governor.clock()).to.equal(await time.latest());
      expect(await governor.COUNTING_MODE()).to.equal("support=bravo&quorum=for");
      expect(await governor.proposalNeedsQueuing(0n)).to.equal(true);
    });

    it("refuses settings that would let a minority decide, or strangers propose", async () => {
      const { governor, seat, timelock } = await consortiumFixture();
      const deploy = (proposalThreshold: number, quorumPercent: number) =>
        ethers.deployContract("ConsortiumGovernor", [seat, timelock, 0, 1, proposalThreshold, quorumPercent]);
      for (const percent of [0, 34, 50]) {
        await expect(deploy(1, percent))
          .to.be.revertedWithCustomError(governor, "QuorumNotMajority")
          .withArgs(percent, 100);
      }
      await expect(deploy(1, 101))
        .to.be.revertedWithCustomError(governor, "GovernorInvalidQuorumFraction")
        .withArgs(101, 100);
      for (const threshold of [0, 4]) {
        await expect(deploy(threshold, 51))
          .to.be.revertedWithCustomError(governor, "InvalidProposalThreshold")
          .withArgs(threshold, 3);
      }
      await deploy(3, 100);
    });

    it("says which interfaces it has, and no others (ERC-165)", async () => {
      const { governor } = await consortiumFixture();
      expect(await governor.supportsInterface(interfaceId("supportsInterface(bytes4)"))).to.equal(true);
      // ERC-1155 receiver: declared by OpenZeppelin's Governor, which refuses what it is sent.
      expect(await governor.supportsInterface("0x4e2312e0")).to.equal(true);
      for (const id of ["0xffffffff", "0x00000000", "0x80ac58cd", "0xb45a3c0e", "0x7965db0b"]) {
        expect(await governor.supportsInterface(id), id).to.equal(false);
      }
    });
  });

  describe("a decision", () => {
    it("is proposed, voted, queued and executed, and nothing happens before", async () => {
      const consortium = await consortiumFixture();
      const { governor, registry, alpha, beta, gamma, newcomer, stranger } = consortium;
      const proposal = await propose(consortium, alpha, "Admit Noirance", admitBrand(consortium));
      expect(await proposal.state()).to.equal(STATE.Pending);
      await proposal.untilOpen();
      expect(await proposal.state()).to.equal(STATE.Active);
      await expect(proposal.vote(alpha)).to.emit(governor, "VoteCast").withArgs(alpha, proposal.id, VOTE.For, 1n, "");
      await proposal.vote(beta);
      await proposal.vote(gamma, VOTE.Against);
      await proposal.untilClosed();
      expect(await proposal.state()).to.equal(STATE.Succeeded);
      await expect(proposal.queue(stranger)).to.emit(governor, "ProposalQueued");
      expect(await proposal.state()).to.equal(STATE.Queued);
      expect(await registry.brandCount()).to.equal(0n);
      await proposal.untilReady();
      await expect(proposal.execute(stranger)).to.emit(registry, "BrandAdmitted");
      expect(await proposal.state()).to.equal(STATE.Executed);
      expect(await registry.brandCount()).to.equal(1n);
      expect(await registry.hasRole(await registry.roleId(1, 0), newcomer)).to.equal(true);
    });

    it("upgrades all collections through the beacon, which the registry is", async () => {
      const consortium = await consortiumFixture();
      const { registry, alpha } = consortium;
      const libraries = await deployCollectionLibraries(async (name) =>
        (await ethers.deployContract(name)).getAddress(),
      );
      const next = await ethers.deployContract("MembershipCollection", [registry], { libraries });
      await expect(registry.connect(alpha).upgradeCollections(next))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(alpha, ethers.ZeroHash);
      await decide(consortium, [call(registry, "upgradeCollections", [await next.getAddress()])]);
      expect(await registry.implementation()).to.equal(next);
    });

    it("does several things at once or none of them", async () => {
      const consortium = await consortiumFixture();
      const { seat, newcomer, alpha } = consortium;
      const twice = call(seat, "admitSeat", [alpha.address, "Alpha again"]);
      await expect(decide(consortium, [admitSeat(consortium), twice])).to.be.revertedWithCustomError(
        seat,
        "SeatAlreadyHeld",
      );
      expect(await seat.seatOf(newcomer)).to.equal(0n);
    });

    it("moves a member to another account in one step", async () => {
      const consortium = await consortiumFixture();
      const { seat, alpha, beta, newcomer } = consortium;
      await decide(
        consortium,
        [call(seat, "removeSeat", [3n]), call(seat, "admitSeat", [newcomer.address, "Noirance Parfums"])],
        [alpha, beta],
      );
      await seat.connect(newcomer).takeSeat();
      expect(await seat.totalSupply()).to.equal(3n);
      expect(await seat.getVotes(newcomer)).to.equal(1n);
      expect(await seat.getVotes(consortium.gamma)).to.equal(0n);
    });

    it("cannot be executed twice, nor proposed again in the same words", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha } = consortium;
      const proposal = await propose(consortium, alpha, "Admit", admitSeat(consortium));
      await pass(proposal, consortium.members);
      await proposal.execute();
      await expect(proposal.execute())
        .to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState")
        .withArgs(proposal.id, STATE.Executed, bitmap(STATE.Queued));
      await expect(propose(consortium, alpha, "Admit", admitSeat(consortium))).to.be.revertedWithCustomError(
        governor,
        "GovernorUnexpectedProposalState",
      );
    });

    it("is closed to votes before and after its time, and to a second vote of the same seat", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha, beta } = consortium;
      const proposal = await propose(consortium, alpha, "Admit", admitSeat(consortium));
      await expect(proposal.vote(alpha))
        .to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState")
        .withArgs(proposal.id, STATE.Pending, bitmap(STATE.Active));
      await proposal.untilOpen();
      await proposal.vote(alpha, VOTE.Against);
      await expect(proposal.vote(alpha))
        .to.be.revertedWithCustomError(governor, "GovernorAlreadyCastVote")
        .withArgs(alpha);
      await proposal.untilClosed();
      await expect(proposal.vote(beta))
        .to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState")
        .withArgs(proposal.id, STATE.Defeated, bitmap(STATE.Active));
    });
  });

  describe("a captured seat, one of three", () => {
    it("carries no proposal alone, whether the others sleep, abstain or object", async () => {
      const others: ((consortium: Consortium) => [Account, number][])[] = [
        () => [],
        ({ beta }) => [[beta, VOTE.Abstain]],
        ({ beta, gamma }) => [
          [beta, VOTE.Abstain],
          [gamma, VOTE.Abstain],
        ],
        ({ beta }) => [[beta, VOTE.Against]],
      ];
      for (const votes of others) {
        const consortium = await consortiumFixture();
        const { governor, registry, alpha } = consortium;
        const grab = call(registry, "grantRole", [ethers.ZeroHash, alpha.address]);
        const proposal = await propose(consortium, alpha, "All mine", grab);
        await proposal.untilOpen();
        await proposal.vote(alpha);
        for (const [voter, support] of votes(consortium)) await proposal.vote(voter, support);
        await proposal.untilClosed();
        expect(await proposal.state()).to.equal(STATE.Defeated);
        await expect(proposal.queue()).to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState");
        await expect(proposal.execute()).to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState");
      }
    });

    it("votes once, also when it delegates its vote to another account after voting", async () => {
      const consortium = await consortiumFixture();
      const { seat, governor, alpha, stranger } = consortium;
      const proposal = await propose(consortium, alpha, "Twice", admitSeat(consortium));
      await proposal.untilOpen();
      await proposal.vote(alpha);
      await seat.connect(alpha).delegate(stranger);
      await proposal.vote(stranger);
      expect(await governor.proposalVotes(proposal.id)).to.deep.equal([0n, 1n, 0n]);
    });

    it("commands nothing directly", async () => {
      const consortium = await consortiumFixture();
      const { registry, seat, governor, timelock, alpha } = consortium;
      const as = alpha;
      await expect(registry.connect(as).admitBrand(as, HANDLE, PROFILE))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(as, ethers.ZeroHash);
      await expect(seat.connect(as).transferOwnership(as)).to.be.revertedWithCustomError(
        seat,
        "OwnableUnauthorizedAccount",
      );
      await expect(timelock.connect(as).updateDelay(0)).to.be.revertedWithCustomError(
        timelock,
        "TimelockUnauthorizedCaller",
      );
      await expect(timelock.connect(as).grantRole(await timelock.PROPOSER_ROLE(), as)).to.be.revertedWithCustomError(
        timelock,
        "AccessControlUnauthorizedAccount",
      );
      const connected = governor.connect(as);
      for (const attempt of [
        () => connected.setVotingDelay(0),
        () => connected.setVotingPeriod(1),
        () => connected.setProposalThreshold(2),
        () => connected.updateQuorumNumerator(60),
        () => connected.updateTimelock(as),
        () => connected.relay(timelock, 0, "0x"),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(governor, "GovernorOnlyExecutor").withArgs(as);
      }
    });

    it("stops nobody else's proposal", async () => {
      const consortium = await consortiumFixture();
      const { governor, timelock, seat, alpha, beta, gamma, newcomer } = consortium;
      const proposal = await propose(consortium, beta, "Admit", admitSeat(consortium));
      await expect(proposal.cancel(alpha))
        .to.be.revertedWithCustomError(governor, "GovernorUnableToCancel")
        .withArgs(proposal.id, alpha);
      await proposal.untilOpen();
      await proposal.vote(alpha, VOTE.Against);
      await proposal.vote(beta);
      await proposal.vote(gamma);
      await proposal.untilClosed();
      await proposal.queue();
      expect(await timelock.isOperationPending(proposal.timelockId)).to.equal(true);
      await expect(timelock.connect(alpha).cancel(proposal.timelockId))
        .to.be.revertedWithCustomError(timelock, "AccessControlUnauthorizedAccount")
        .withArgs(alpha, await timelock.CANCELLER_ROLE());
      await proposal.untilReady();
      await proposal.execute();
      await seat.connect(newcomer).takeSeat();
      expect(await seat.seatOf(newcomer)).to.equal(4n);
    });

    it("is removed by the others against its will", async () => {
      const consortium = await consortiumFixture();
      const { seat, alpha, beta, gamma } = consortium;
      const proposal = await propose(consortium, beta, "Remove", call(seat, "removeSeat", [1n]));
      await proposal.untilOpen();
      await proposal.vote(alpha, VOTE.Against);
      await proposal.vote(beta);
      await proposal.vote(gamma);
      await proposal.untilClosed();
      await proposal.queue();
      await proposal.untilReady();
      await proposal.execute();
      expect(await seat.getVotes(alpha)).to.equal(0n);
      await expect(propose(consortium, alpha, "Me again", admitSeat(consortium)))
        .to.be.revertedWithCustomError(consortium.governor, "GovernorInsufficientProposerVotes")
        .withArgs(alpha, 0n, 1n);
    });
  });

  describe("the quorum", () => {
    it("is more than half of the seats, however many there are", async () => {
      const { timelock, governor: ours } = await consortiumFixture();
      const wanted = [1n, 2n, 2n, 3n, 3n, 4n, 4n, 5n, 5n, 6n];
      const found: bigint[] = [];
      for (let count = 1; count <= wanted.length; count++) {
        const founders = Array.from({ length: count }, (_, index) => ({
          account: ethers.Wallet.createRandom().address,
          organisation: `Organisation ${index + 1}`,
        }));
        const seat = await ethers.deployContract("ConsortiumSeat", [timelock, founders]);
        const governor = await ethers.deployContract("ConsortiumGovernor", [seat, timelock, 0, 1, 1, 51]);
        await time.increase(1);
        found.push(await governor.quorum((await governor.clock()) - 1n));
      }
      expect(found).to.deep.equal(wanted);
      await time.increase(1);
      expect(await ours.quorum((await ours.clock()) - 1n)).to.equal(2n);
    });

    it("follows the seats: what is proposed after a removal needs fewer votes, what was proposed before does not", async () => {
      const consortium = await consortiumFixture();
      const { governor, seat, alpha, beta, gamma, newcomer, stranger } = consortium;
      await decide(consortium, [admitSeat(consortium), call(seat, "admitSeat", [stranger.address, "Stranger"])]);
      for (const account of [newcomer, stranger]) await seat.connect(account).takeSeat();
      expect(await seat.totalSupply()).to.equal(5n);
      const before = await propose(consortium, alpha, "Before", call(seat, "removeSeat", [1n]));
      const removal = await propose(
        consortium,
        alpha,
        "Removal",
        call(seat, "removeSeat", [4n]),
        call(seat, "removeSeat", [5n]),
      );
      await removal.untilOpen();
      for (const voter of [alpha, beta, gamma]) await removal.vote(voter);
      await before.vote(beta);
      await before.vote(gamma);
      await removal.untilClosed();
      await removal.queue();
      await removal.untilReady();
      await removal.execute();
      expect(await seat.getVotes(newcomer)).to.equal(0n);

      expect(await before.state()).to.equal(STATE.Defeated);
      expect(await governor.quorum(before.snapshot)).to.equal(3n);
      const after = await propose(consortium, alpha, "After", admitSeat(consortium));
      await pass(after, [alpha, beta]);
      expect(await governor.quorum(after.snapshot)).to.equal(2n);
      await after.execute();
    });

    it("can be raised by a decision, but not to half or below, nor above everybody", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha, beta } = consortium;
      await expect(decide(consortium, [call(governor, "updateQuorumNumerator", [50])]))
        .to.be.revertedWithCustomError(governor, "QuorumNotMajority")
        .withArgs(50, 100);
      await expect(decide(consortium, [call(governor, "updateQuorumNumerator", [101])]))
        .to.be.revertedWithCustomError(governor, "GovernorInvalidQuorumFraction")
        .withArgs(101, 100);
      await decide(consortium, [call(governor, "updateQuorumNumerator", [67])]);
      const proposal = await propose(consortium, alpha, "Two of three", admitSeat(consortium));
      await proposal.untilOpen();
      await proposal.vote(alpha);
      await proposal.vote(beta);
      await proposal.untilClosed();
      expect(await governor.quorum(proposal.snapshot)).to.equal(3n);
      expect(await proposal.state()).to.equal(STATE.Defeated);
    });
  });

  describe("who votes", () => {
    it("is settled when the vote opens: a seat admitted later has no weight in it", async () => {
      const consortium = await consortiumFixture();
      const { governor, seat, alpha, newcomer } = consortium;
      const admission = await propose(consortium, alpha, "Admit", admitSeat(consortium));
      await pass(admission, consortium.members);
      const vote = await propose(consortium, alpha, "Something else", admitBrand(consortium));
      await vote.untilOpen();
      await admission.execute();
      await seat.connect(newcomer).takeSeat();
      expect(await seat.getVotes(newcomer)).to.equal(1n);
      await vote.vote(newcomer);
      expect(await governor.proposalVotes(vote.id)).to.deep.equal([0n, 0n, 0n]);
      expect(await governor.getVotes(newcomer, vote.snapshot)).to.equal(0n);
      const later = await propose(consortium, newcomer, "Later", admitBrand(consortium));
      await later.untilOpen();
      await later.vote(newcomer);
      expect(await governor.proposalVotes(later.id)).to.deep.equal([0n, 1n, 0n]);
    });

    it("includes a seat removed while the vote is open", async () => {
      const consortium = await consortiumFixture();
      const { governor, seat, alpha, beta, gamma } = consortium;
      const removal = await propose(consortium, alpha, "Remove", call(seat, "removeSeat", [3n]));
      await pass(removal, [alpha, beta]);
      const vote = await propose(consortium, gamma, "Last words", admitBrand(consortium));
      await vote.untilOpen();
      await removal.execute();
      await vote.vote(gamma);
      expect(await governor.proposalVotes(vote.id)).to.deep.equal([0n, 1n, 0n]);
    });

    it("does not include strangers, who cannot propose either", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha, stranger } = consortium;
      await expect(propose(consortium, stranger, "Please", admitBrand(consortium)))
        .to.be.revertedWithCustomError(governor, "GovernorInsufficientProposerVotes")
        .withArgs(stranger, 0n, 1n);
      const proposal = await propose(consortium, alpha, "Open", admitBrand(consortium));
      await proposal.untilOpen();
      await expect(proposal.vote(stranger))
        .to.emit(governor, "VoteCast")
        .withArgs(stranger, proposal.id, VOTE.For, 0n, "");
      expect(await governor.proposalVotes(proposal.id)).to.deep.equal([0n, 0n, 0n]);
    });
  });

  describe("the votes it takes to propose", () => {
    it("are set by a decision, to no less than one and no more than there are", async () => {
      const consortium = await consortiumFixture();
      const { governor, seat, alpha, beta } = consortium;
      for (const threshold of [0, 4]) {
        await expect(decide(consortium, [call(governor, "setProposalThreshold", [threshold])]))
          .to.be.revertedWithCustomError(governor, "InvalidProposalThreshold")
          .withArgs(threshold, 3);
      }
      await decide(consortium, [call(governor, "setProposalThreshold", [2])]);
      await expect(propose(consortium, alpha, "Alone", admitBrand(consortium)))
        .to.be.revertedWithCustomError(governor, "GovernorInsufficientProposerVotes")
        .withArgs(alpha, 1n, 2n);
      await seat.connect(beta).delegate(alpha);
      await time.increase(1);
      await propose(consortium, alpha, "Together", admitBrand(consortium));
    });
  });

  describe("settings", () => {
    it("change by a decision, each with its event", async () => {
      const consortium = await consortiumFixture();
      const { governor, timelock } = consortium;
      const executed = await decide(consortium, [
        call(governor, "setVotingDelay", [2 * DAY]),
        call(governor, "setVotingPeriod", [7 * DAY]),
        call(governor, "updateQuorumNumerator", [60]),
        call(timelock, "updateDelay", [3 * DAY]),
      ]);
      await expect(executed)
        .to.emit(governor, "VotingDelaySet")
        .withArgs(DAY, 2 * DAY);
      await expect(executed)
        .to.emit(governor, "VotingPeriodSet")
        .withArgs(5 * DAY, 7 * DAY);
      await expect(executed).to.emit(governor, "QuorumNumeratorUpdated").withArgs(51, 60);
      await expect(executed)
        .to.emit(timelock, "MinDelayChange")
        .withArgs(2 * DAY, 3 * DAY);
    });

    it("leave a vote alone that is open already", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha } = consortium;
      const change = await propose(consortium, alpha, "Shorter", call(governor, "setVotingPeriod", [3_600]));
      await pass(change, consortium.members);
      const vote = await propose(consortium, alpha, "Open", admitBrand(consortium));
      await change.execute();
      expect(await governor.proposalDeadline(vote.id)).to.equal(vote.deadline);
    });
  });

  describe("cancelling", () => {
    it("is for the proposer, until the vote opens, and for good", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha, stranger } = consortium;
      const proposal = await propose(consortium, alpha, "Mistake", admitBrand(consortium));
      await expect(proposal.cancel(stranger))
        .to.be.revertedWithCustomError(governor, "GovernorUnableToCancel")
        .withArgs(proposal.id, stranger);
      await expect(proposal.cancel()).to.emit(governor, "ProposalCanceled").withArgs(proposal.id);
      expect(await proposal.state()).to.equal(STATE.Canceled);
      await proposal.untilOpen();
      for (const attempt of [() => proposal.vote(alpha), () => proposal.queue(), () => proposal.execute()]) {
        await expect(attempt()).to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState");
      }
      await expect(propose(consortium, alpha, "Mistake", admitBrand(consortium))).to.be.revertedWithCustomError(
        governor,
        "GovernorUnexpectedProposalState",
      );
    });

    it("is too late once the vote is open", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha } = consortium;
      const proposal = await propose(consortium, alpha, "Regret", admitBrand(consortium));
      await proposal.untilOpen();
      await expect(proposal.cancel())
        .to.be.revertedWithCustomError(governor, "GovernorUnableToCancel")
        .withArgs(proposal.id, alpha);
    });

    it("of what waits in the timelock takes another decision", async () => {
      const consortium = await consortiumFixture();
      const { governor, timelock, alpha } = consortium;
      const proposal = await propose(consortium, alpha, "Admit", admitBrand(consortium));
      await pass(proposal, consortium.members);
      const cancel = timelock.interface.encodeFunctionData("cancel", [proposal.timelockId]);
      await decide(consortium, [call(governor, "relay", [await timelock.getAddress(), 0, cancel])]);
      expect(await proposal.state()).to.equal(STATE.Canceled);
      await expect(proposal.execute()).to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState");
    });
  });

  describe("a vote by signature", () => {
    const TYPES = {
      Ballot: [
        { name: "proposalId", type: "uint256" },
        { name: "support", type: "uint8" },
        { name: "voter", type: "address" },
        { name: "nonce", type: "uint256" },
      ],
    };

    async function ballotFixture() {
      const consortium = await consortiumFixture();
      const proposal = await propose(consortium, consortium.alpha, "Admit", admitBrand(consortium));
      const other = await propose(consortium, consortium.alpha, "Another", admitSeat(consortium));
      await other.untilOpen();
      const domain = {
        name: "Mintmark Consortium",
        version: "1",
        chainId: (await ethers.provider.getNetwork()).chainId,
        verifyingContract: await consortium.governor.getAddress(),
      };
      const ballot = { proposalId: proposal.id, support: VOTE.For, voter: consortium.beta.address, nonce: 0n };
      return { ...consortium, proposal, other, domain, ballot };
    }

    it("counts, whoever brings it, once", async () => {
      const { governor, beta, stranger, proposal, domain, ballot } = await ballotFixture();
      const signature = await beta.signTypedData(domain, TYPES, ballot);
      const bring = () => governor.connect(stranger).castVoteBySig(proposal.id, VOTE.For, beta, signature);
      await expect(bring()).to.emit(governor, "VoteCast").withArgs(beta, proposal.id, VOTE.For, 1n, "");
      await expect(bring()).to.be.revertedWithCustomError(governor, "GovernorInvalidSignature").withArgs(beta);
      expect(await governor.proposalVotes(proposal.id)).to.deep.equal([0n, 1n, 0n]);
    });

    it("counts for nothing else than what was signed", async () => {
      const { governor, beta, gamma, proposal, other, domain, ballot } = await ballotFixture();
      const signature = await beta.signTypedData(domain, TYPES, ballot);
      for (const attempt of [
        () => governor.castVoteBySig(other.id, VOTE.For, beta, signature),
        () => governor.castVoteBySig(proposal.id, VOTE.Against, beta, signature),
        () => governor.castVoteBySig(proposal.id, VOTE.For, gamma, signature),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(governor, "GovernorInvalidSignature");
      }
    });

    it("does not count if signed for another chain, another governor or out of turn", async () => {
      const { governor, seat, beta, proposal, domain, ballot } = await ballotFixture();
      for (const [otherDomain, otherBallot] of [
        [{ ...domain, chainId: 1n }, ballot],
        [{ ...domain, verifyingContract: await seat.getAddress() }, ballot],
        [domain, { ...ballot, nonce: 1n }],
      ] as const) {
        const signature = await beta.signTypedData(otherDomain, TYPES, otherBallot);
        await expect(governor.castVoteBySig(proposal.id, VOTE.For, beta, signature)).to.be.revertedWithCustomError(
          governor,
          "GovernorInvalidSignature",
        );
      }
    });
  });

  describe("the wait in the timelock", () => {
    it("is as long as was decided, whoever executes and wherever", async () => {
      const consortium = await consortiumFixture();
      const { governor, timelock, alpha, stranger, registry } = consortium;
      const proposal = await propose(consortium, alpha, "Admit", admitBrand(consortium));
      await proposal.untilOpen();
      for (const voter of consortium.members) await proposal.vote(voter);
      await expect(proposal.queue()).to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState");
      await proposal.untilClosed();
      await expect(proposal.execute()).to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState");
      await proposal.queue();
      const eta = await governor.proposalEta(proposal.id);
      expect(eta).to.equal(BigInt(await time.latest()) + BigInt(SETTINGS.timelockDelay));

      const directly = () => proposal.executeDirectly(stranger);
      await time.setNextBlockTimestamp(eta - 2n);
      await expect(proposal.execute()).to.be.revertedWithCustomError(timelock, "TimelockUnexpectedOperationState");
      await time.setNextBlockTimestamp(eta - 1n);
      await expect(directly()).to.be.revertedWithCustomError(timelock, "TimelockUnexpectedOperationState");
      await time.setNextBlockTimestamp(eta);
      await directly();
      expect(await registry.brandCount()).to.equal(1n);
      expect(await proposal.state()).to.equal(STATE.Executed);
    });

    it("cannot be entered past the governor, not even by a member", async () => {
      const { timelock, registry, deployer, alpha, stranger } = await consortiumFixture();
      for (const caller of [deployer, alpha, stranger]) {
        const scheduling = timelock
          .connect(caller)
          .schedule(registry, 0, "0x", ethers.ZeroHash, ethers.ZeroHash, SETTINGS.timelockDelay);
        await expect(scheduling)
          .to.be.revertedWithCustomError(timelock, "AccessControlUnauthorizedAccount")
          .withArgs(caller, await timelock.PROPOSER_ROLE());
      }
    });

    it("executes nothing that was not queued", async () => {
      const { timelock, registry, stranger, newcomer } = await consortiumFixture();
      const data = registry.interface.encodeFunctionData("admitBrand", [newcomer.address, HANDLE, PROFILE]);
      await expect(
        timelock.connect(stranger).execute(registry, 0, data, ethers.ZeroHash, ethers.ZeroHash),
      ).to.be.revertedWithCustomError(timelock, "TimelockUnexpectedOperationState");
    });

    it("changes the governor's settings through the governor only", async () => {
      const consortium = await consortiumFixture();
      const { governor, alpha, stranger } = consortium;
      const proposal = await propose(consortium, alpha, "Longer", call(governor, "setVotingPeriod", [9 * DAY]));
      await pass(proposal, consortium.members);
      await expect(proposal.executeDirectly(stranger)).to.be.revertedWithPanic(0x31);
      await proposal.execute();
      expect(await governor.votingPeriod()).to.equal(9 * DAY);
    });

    it("stays the consortium's: neither the governor nor the seats go to another one", async () => {
      const consortium = await consortiumFixture();
      const { governor, seat, timelock } = consortium;
      const next = await ethers.deployContract("ConsortiumTimelock", [[await governor.getAddress()]]);
      const address = await next.getAddress();
      for (const [contract, act, error] of [
        [governor, call(governor, "updateTimelock", [address]), "TimelockIsFinal"],
        [seat, call(seat, "transferOwnership", [address]), "OwnerIsFinal"],
      ] as const) {
        await expect(decide(consortium, [act])).to.be.revertedWithCustomError(contract, error);
      }
      expect([await governor.timelock(), await seat.owner()]).to.deep.equal([timelock.target, timelock.target]);
    });
  });

  describe("renouncing", () => {
    it("of the seats is refused to the consortium itself", async () => {
      const consortium = await consortiumFixture();
      const { seat, timelock } = consortium;
      await expect(decide(consortium, [call(seat, "renounceOwnership", [])])).to.be.revertedWithCustomError(
        seat,
        "OwnerIsFinal",
      );
      expect(await seat.owner()).to.equal(timelock);
    });

    it("of a role that one does not have changes nothing", async () => {
      const { timelock, alpha, governor } = await consortiumFixture();
      const role = await timelock.PROPOSER_ROLE();
      await timelock.connect(alpha).renounceRole(role, alpha);
      expect(await timelock.hasRole(role, governor)).to.equal(true);
      await expect(timelock.connect(alpha).renounceRole(role, governor)).to.be.revertedWithCustomError(
        timelock,
        "AccessControlBadConfirmation",
      );
    });

    it("of the last seat is refused", async () => {
      const consortium = await consortiumFixture();
      const { seat } = consortium;
      const all = [1n, 2n, 3n].map((seatId) => call(seat, "removeSeat", [seatId]));
      await expect(decide(consortium, all)).to.be.revertedWithCustomError(seat, "LastSeat").withArgs(3n);
      expect(await seat.totalSupply()).to.equal(3n);
    });
  });

  it("takes its proposals as OpenZeppelin's Governor does", async () => {
    const consortium = await consortiumFixture();
    const { governor, alpha } = consortium;
    const [targets, values] = await actions(admitBrand(consortium));
    await expect(
      governor.connect(alpha).propose(targets, values, [], `Uneven#proposer=${alpha.address}`),
    ).to.be.revertedWithCustomError(governor, "GovernorInvalidProposalLength");
  });
});

/** The governor's spelling of the states that it would have accepted. */
function bitmap(state: bigint): string {
  return ethers.toBeHex(1n << state, 32);
}
