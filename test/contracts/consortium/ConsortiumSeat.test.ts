import { expect } from "chai";
import { artifacts } from "hardhat";
import {
  type Consortium,
  call,
  consortiumFixture,
  decide,
  ethers,
  interfaceId,
  nameOf,
  networkHelpers,
  ORGANISATIONS,
  time,
} from "./fixture.ts";

const DAY = 86_400;

/** Seats whose timelock a test speaks for, so that each rule can be tried without a vote. */
async function deploySeats() {
  const [deployer, alpha, beta, gamma, stranger, other] = await ethers.getSigners();
  if (!deployer || !alpha || !beta || !gamma || !stranger || !other) throw new Error("too few accounts");
  const founders = [
    { account: alpha.address, organisation: "Alpha" },
    { account: beta.address, organisation: "Beta" },
  ];
  const timelock = await ethers.deployContract("ConsortiumTimelock", [[deployer]]);
  const address = await timelock.getAddress();
  await networkHelpers.impersonateAccount(address);
  const owner = await ethers.getSigner(address);
  const seat = (await ethers.deployContract("ConsortiumSeat", [owner, founders])).connect(owner);
  return { deployer, timelock, owner, alpha, beta, gamma, stranger, other, founders, seat };
}
const seatFixture = () => networkHelpers.loadFixture(deploySeats);

describe("ConsortiumSeat", () => {
  describe("foundation", () => {
    it("gives each founder a seat that votes at once", async () => {
      const { seat, owner, alpha, beta } = await seatFixture();
      expect(await seat.owner()).to.equal(owner);
      expect(await seat.totalSupply()).to.equal(2n);
      for (const [seatId, account, organisation] of [
        [1n, alpha, "Alpha"],
        [2n, beta, "Beta"],
      ] as const) {
        expect(await seat.ownerOf(seatId)).to.equal(account);
        expect(await seat.seatOf(account)).to.equal(seatId);
        expect(await seat.organisationOf(seatId)).to.equal(organisation);
        expect(await seat.getVotes(account)).to.equal(1n);
        expect(await seat.delegates(account)).to.equal(account);
        expect(await seat.locked(seatId)).to.equal(true);
      }
    });

    it("needs a founder and an owner", async () => {
      const { seat, owner, founders } = await seatFixture();
      await expect(ethers.deployContract("ConsortiumSeat", [owner, []])).to.be.revertedWithCustomError(
        seat,
        "SeatsMissing",
      );
      await expect(ethers.deployContract("ConsortiumSeat", [ethers.ZeroAddress, founders]))
        .to.be.revertedWithCustomError(seat, "OwnableInvalidOwner")
        .withArgs(ethers.ZeroAddress);
    });

    it("refuses the same founder twice", async () => {
      const { seat, owner, alpha, founders } = await seatFixture();
      const twice = [...founders, { account: alpha.address, organisation: "Alpha again" }];
      await expect(ethers.deployContract("ConsortiumSeat", [owner, twice]))
        .to.be.revertedWithCustomError(seat, "SeatAlreadyHeld")
        .withArgs(alpha, 1n);
    });

    it("has a name, no metadata to fetch, and time as its clock (ERC-6372)", async () => {
      const { seat } = await seatFixture();
      expect(await seat.name()).to.equal("Mintmark Consortium Seat");
      expect(await seat.symbol()).to.equal("SEAT");
      expect(await seat.tokenURI(1n)).to.equal("");
      expect(await seat.CLOCK_MODE()).to.equal("mode=timestamp");
      expect(await seat.clock()).to.equal(await time.latest());
    });
  });

  describe("admission", () => {
    it("is the owner's to offer and the account's to take, and says in its events all that it changes", async () => {
      const { seat, gamma } = await seatFixture();
      const offered = await seat.admitSeat(gamma, "Gamma");
      const until = BigInt((await time.latest()) + 30 * DAY);
      await expect(offered).to.emit(seat, "SeatOffered").withArgs(gamma, "Gamma", until);
      const receipt = await offered.wait();
      expect(receipt?.logs).to.have.length(1);
      expect([...(await seat.offerTo(gamma))]).to.deep.equal([until, "Gamma"]);
      expect([await seat.totalSupply(), await seat.getVotes(gamma), await seat.seatOf(gamma)]).to.deep.equal([
        2n,
        0n,
        0n,
      ]);
      const admitted = await seat.connect(gamma).takeSeat();
      await expect(admitted).to.emit(seat, "Transfer").withArgs(ethers.ZeroAddress, gamma, 3n);
      await expect(admitted).to.emit(seat, "Locked").withArgs(3n);
      await expect(admitted).to.emit(seat, "DelegateChanged").withArgs(gamma, ethers.ZeroAddress, gamma);
      await expect(admitted).to.emit(seat, "DelegateVotesChanged").withArgs(gamma, 0n, 1n);
      await expect(admitted).to.emit(seat, "SeatAdmitted").withArgs(3n, gamma, "Gamma");
      expect(await seat.getVotes(gamma)).to.equal(1n);
      expect(await seat.totalSupply()).to.equal(3n);
      expect([...(await seat.offerTo(gamma))]).to.deep.equal([0n, ""]);
      await expect(seat.connect(gamma).takeSeat())
        .to.be.revertedWithCustomError(seat, "SeatNotOffered")
        .withArgs(gamma);
    });

    it("waits for its account for 30 days, and for nobody else", async () => {
      const { seat, gamma, stranger } = await seatFixture();
      await seat.admitSeat(gamma, "Gamma");
      const { until } = await seat.offerTo(gamma);
      await expect(seat.connect(stranger).takeSeat())
        .to.be.revertedWithCustomError(seat, "SeatNotOffered")
        .withArgs(stranger);
      const snapshot = await networkHelpers.takeSnapshot();
      await time.increaseTo(until + 1n);
      await expect(seat.connect(gamma).takeSeat())
        .to.be.revertedWithCustomError(seat, "SeatNotOffered")
        .withArgs(gamma);
      expect([...(await seat.offerTo(gamma))]).to.deep.equal([0n, ""]);
      await snapshot.restore();
      await time.setNextBlockTimestamp(until);
      await seat.connect(gamma).takeSeat();
      expect(await seat.seatOf(gamma)).to.equal(3n);
    });

    it("counts from the last time that the account was admitted, by the last name", async () => {
      const { seat, gamma } = await seatFixture();
      await seat.admitSeat(gamma, "Gama");
      await time.increase(29 * DAY);
      await seat.admitSeat(gamma, "Gamma");
      await time.increase(29 * DAY);
      await seat.connect(gamma).takeSeat();
      expect(await seat.organisationOf(3n)).to.equal("Gamma");
    });

    it("is nobody else's, not even a seat's", async () => {
      const { seat, alpha, stranger } = await seatFixture();
      for (const caller of [alpha, stranger]) {
        await expect(seat.connect(caller).admitSeat(stranger, "Stranger"))
          .to.be.revertedWithCustomError(seat, "OwnableUnauthorizedAccount")
          .withArgs(caller);
      }
    });

    it("gives an account one seat at most", async () => {
      const { seat, beta } = await seatFixture();
      await expect(seat.admitSeat(beta, "Beta again"))
        .to.be.revertedWithCustomError(seat, "SeatAlreadyHeld")
        .withArgs(beta, 2n);
    });

    it("needs an account, and a name of 1 to 100 bytes", async () => {
      const { seat, gamma } = await seatFixture();
      await expect(seat.admitSeat(ethers.ZeroAddress, "Nobody"))
        .to.be.revertedWithCustomError(seat, "ERC721InvalidReceiver")
        .withArgs(ethers.ZeroAddress);
      // 34 characters of three bytes each are 102 bytes.
      for (const organisation of ["", nameOf(101), "银".repeat(34)]) {
        await expect(seat.admitSeat(gamma, organisation))
          .to.be.revertedWithCustomError(seat, "InvalidOrganisation")
          .withArgs(organisation);
      }
      await seat.admitSeat(gamma, nameOf(100));
      await seat.connect(gamma).takeSeat();
      expect(await seat.organisationOf(3n)).to.equal(nameOf(100));
    });

    it("makes a seat vote for itself, whatever its account chose before it had one", async () => {
      const { seat, gamma, stranger } = await seatFixture();
      await seat.connect(gamma).delegate(stranger);
      await seat.admitSeat(gamma, "Gamma");
      const admitted = await seat.connect(gamma).takeSeat();
      expect(await seat.getVotes(stranger)).to.equal(0n);
      expect(await seat.getVotes(gamma)).to.equal(1n);
      const changes = await seat.queryFilter(seat.filters.DelegateVotesChanged, admitted.blockNumber ?? 0);
      expect(changes.map(({ args }) => args.delegate)).to.deep.equal([gamma.address]);
    });
  });

  describe("removal", () => {
    it("takes the seat and its vote, and says so", async () => {
      const { seat, beta } = await seatFixture();
      const removed = await seat.removeSeat(2n);
      await expect(removed).to.emit(seat, "Transfer").withArgs(beta, ethers.ZeroAddress, 2n);
      await expect(removed).to.emit(seat, "DelegateVotesChanged").withArgs(beta, 1n, 0n);
      await expect(removed).to.emit(seat, "SeatRemoved").withArgs(2n, beta, "Beta");
      expect(await seat.getVotes(beta)).to.equal(0n);
      expect(await seat.seatOf(beta)).to.equal(0n);
      expect(await seat.balanceOf(beta)).to.equal(0n);
      expect(await seat.totalSupply()).to.equal(1n);
      for (const question of [
        () => seat.ownerOf(2n),
        () => seat.locked(2n),
        () => seat.organisationOf(2n),
        () => seat.tokenURI(2n),
      ]) {
        await expect(question()).to.be.revertedWithCustomError(seat, "ERC721NonexistentToken").withArgs(2n);
      }
    });

    it("is the owner's only", async () => {
      const { seat, alpha, beta } = await seatFixture();
      for (const caller of [alpha, beta]) {
        await expect(seat.connect(caller).removeSeat(2n))
          .to.be.revertedWithCustomError(seat, "OwnableUnauthorizedAccount")
          .withArgs(caller);
      }
    });

    it("refuses a seat that is not there", async () => {
      const { seat } = await seatFixture();
      for (const seatId of [0n, 3n]) {
        await expect(seat.removeSeat(seatId))
          .to.be.revertedWithCustomError(seat, "ERC721NonexistentToken")
          .withArgs(seatId);
      }
    });

    it("leaves the last seat", async () => {
      const { seat } = await seatFixture();
      await seat.removeSeat(1n);
      await expect(seat.removeSeat(2n)).to.be.revertedWithCustomError(seat, "LastSeat").withArgs(2n);
    });

    it("takes the vote from whom it was delegated to", async () => {
      const { seat, beta, stranger } = await seatFixture();
      await seat.connect(beta).delegate(stranger);
      expect(await seat.getVotes(stranger)).to.equal(1n);
      await seat.removeSeat(2n);
      expect(await seat.getVotes(stranger)).to.equal(0n);
    });

    it("never gives the number of a removed seat to another", async () => {
      const { seat, beta, gamma } = await seatFixture();
      await seat.removeSeat(2n);
      await seat.admitSeat(gamma, "Gamma");
      await seat.connect(gamma).takeSeat();
      await seat.admitSeat(beta, "Beta");
      await seat.connect(beta).takeSeat();
      expect(await seat.seatOf(gamma)).to.equal(3n);
      expect(await seat.seatOf(beta)).to.equal(4n);
      await expect(seat.ownerOf(2n)).to.be.revertedWithCustomError(seat, "ERC721NonexistentToken");
    });
  });

  describe("a seat stays where it is", () => {
    it("refuses every transfer, by anyone and to anyone", async () => {
      const { seat, owner, alpha, beta, stranger } = await seatFixture();
      for (const caller of [alpha, owner, stranger]) {
        for (const to of [stranger, beta, alpha]) {
          const as = seat.connect(caller);
          for (const transfer of [
            () => as.transferFrom(alpha, to, 1n),
            () => as["safeTransferFrom(address,address,uint256)"](alpha, to, 1n),
            () => as["safeTransferFrom(address,address,uint256,bytes)"](alpha, to, 1n, "0x01"),
          ]) {
            await expect(transfer()).to.be.revertedWithCustomError(seat, "SeatNotTransferable").withArgs(1n);
          }
        }
      }
      await expect(seat.connect(alpha).transferFrom(alpha, ethers.ZeroAddress, 1n)).to.be.revertedWithCustomError(
        seat,
        "ERC721InvalidReceiver",
      );
      await expect(seat.connect(alpha).transferFrom(alpha, stranger, 9n))
        .to.be.revertedWithCustomError(seat, "ERC721NonexistentToken")
        .withArgs(9n);
      expect(await seat.ownerOf(1n)).to.equal(alpha);
    });

    it("refuses every approval", async () => {
      const { seat, alpha, stranger } = await seatFixture();
      for (const approval of [
        () => seat.connect(alpha).approve(stranger, 1n),
        () => seat.connect(alpha).setApprovalForAll(stranger, true),
        () => seat.connect(alpha).setApprovalForAll(stranger, false),
      ]) {
        await expect(approval()).to.be.revertedWithCustomError(seat, "ApprovalNotSupported");
      }
      expect(await seat.getApproved(1n)).to.equal(ethers.ZeroAddress);
      expect(await seat.isApprovedForAll(alpha, stranger)).to.equal(false);
    });

    it("counts no seats that nobody was admitted to", async () => {
      const exposed = await ethers.deployContract("ExposedConsortiumSeat");
      await exposed.increaseBalance(await exposed.owner(), 0n);
      await expect(exposed.increaseBalance(await exposed.owner(), 1n)).to.be.revertedWithCustomError(
        exposed,
        "ERC721EnumerableForbiddenBatchMint",
      );
    });
  });

  describe("the vote", () => {
    it("can be given to another key of the organisation, and taken back", async () => {
      const { seat, alpha, other } = await seatFixture();
      await seat.connect(alpha).delegate(other);
      expect([await seat.getVotes(alpha), await seat.getVotes(other)]).to.deep.equal([0n, 1n]);
      await seat.connect(alpha).delegate(alpha);
      expect([await seat.getVotes(alpha), await seat.getVotes(other)]).to.deep.equal([1n, 0n]);
    });

    it("can be given by signature, once", async () => {
      const { seat, alpha, other, stranger } = await seatFixture();
      const domain = {
        name: "Mintmark Consortium Seat",
        version: "1",
        chainId: (await ethers.provider.getNetwork()).chainId,
        verifyingContract: await seat.getAddress(),
      };
      const types = {
        Delegation: [
          { name: "delegatee", type: "address" },
          { name: "nonce", type: "uint256" },
          { name: "expiry", type: "uint256" },
        ],
      };
      const expiry = (await time.latest()) + 1_000;
      const nonce = await seat.nonces(alpha);
      const message = { delegatee: other.address, nonce, expiry };
      const { v, r, s } = ethers.Signature.from(await alpha.signTypedData(domain, types, message));
      await seat.connect(stranger).delegateBySig(other, nonce, expiry, v, r, s);
      expect(await seat.getVotes(other)).to.equal(1n);
      await expect(seat.connect(stranger).delegateBySig(other, nonce, expiry, v, r, s))
        .to.be.revertedWithCustomError(seat, "InvalidAccountNonce")
        .withArgs(alpha, (nonce + 1n) % 2n ** 256n);
      expect(await seat.nonces(alpha)).to.equal((nonce + 1n) % 2n ** 256n);
    });

    it("is not taken by a delegation that was signed before the seat was admitted, nor before it was admitted again", async () => {
      const { seat, gamma, other, stranger } = await seatFixture();
      const expiry = (await time.latest()) + 1_000_000;
      const domain = {
        name: "Mintmark Consortium Seat",
        version: "1",
        chainId: (await ethers.provider.getNetwork()).chainId,
        verifyingContract: await seat.getAddress(),
      };
      const types = {
        Delegation: [
          { name: "delegatee", type: "address" },
          { name: "nonce", type: "uint256" },
          { name: "expiry", type: "uint256" },
        ],
      };
      const signed = async (nonce: bigint) => {
        const message = { delegatee: other.address, nonce, expiry };
        const { v, r, s } = ethers.Signature.from(await gamma.signTypedData(domain, types, message));
        return () => seat.connect(stranger).delegateBySig(other, nonce, expiry, v, r, s);
      };
      // The next ones, too: whoever makes up an organisation's mind may have signed several.
      const stale = await Promise.all([0n, 1n, 2n].map(signed));
      await seat.admitSeat(gamma, "Gamma");
      await seat.connect(gamma).takeSeat();
      const first = await seat.nonces(gamma);
      const good = await signed(first);
      const ahead = await signed((first + 1n) % 2n ** 256n);
      for (const bring of stale) {
        await expect(bring()).to.be.revertedWithCustomError(seat, "InvalidAccountNonce").withArgs(gamma, first);
      }
      expect([await seat.getVotes(other), await seat.getVotes(gamma)]).to.deep.equal([0n, 1n]);
      await seat.removeSeat(3n);
      await seat.admitSeat(gamma, "Gamma");
      await seat.connect(gamma).takeSeat();
      for (const bring of [...stale, good, ahead]) {
        await expect(bring()).to.be.revertedWithCustomError(seat, "InvalidAccountNonce");
      }
      expect([await seat.getVotes(other), await seat.getVotes(gamma)]).to.deep.equal([0n, 1n]);
      await (await signed(await seat.nonces(gamma)))();
      expect([await seat.getVotes(other), await seat.getVotes(gamma)]).to.deep.equal([1n, 0n]);
    });

    it("is nothing that an account without a seat could give away", async () => {
      const { seat, stranger, other } = await seatFixture();
      await seat.connect(stranger).delegate(other);
      expect(await seat.getVotes(other)).to.equal(0n);
    });
  });

  describe("the owner", () => {
    it("is the timelock for ever: it can neither give the seats up nor hand them over", async () => {
      const { seat, owner, stranger } = await seatFixture();
      for (const act of [
        () => seat.renounceOwnership(),
        () => seat.transferOwnership(stranger),
        () => seat.transferOwnership(owner),
        () => seat.transferOwnership(ethers.ZeroAddress),
      ]) {
        await expect(act()).to.be.revertedWithCustomError(seat, "OwnerIsFinal");
      }
      for (const act of [
        () => seat.connect(stranger).renounceOwnership(),
        () => seat.connect(stranger).transferOwnership(stranger),
      ]) {
        await expect(act()).to.be.revertedWithCustomError(seat, "OwnableUnauthorizedAccount").withArgs(stranger);
      }
      expect(await seat.owner()).to.equal(owner);
    });

    it("gives no seat to the consortium's own contracts, whose vote would be nobody's", async () => {
      const { seat, timelock, deployer, owner } = await seatFixture();
      const governor = await ethers.deployContract("ConsortiumGovernor", [seat, timelock, 0, 1, 1, 51]);
      const settle = timelock.interface.encodeFunctionData("settleGovernor", [await governor.getAddress()]);
      const operation = [timelock, 0, settle, ethers.ZeroHash, ethers.ZeroHash] as const;
      await seat.admitSeat(governor, "Not ours yet");
      await timelock.connect(deployer).schedule(...operation, 0);
      await timelock.connect(deployer).execute(...operation);
      for (const account of [await seat.getAddress(), owner.address, await governor.getAddress()]) {
        await expect(seat.admitSeat(account, "Ourselves"))
          .to.be.revertedWithCustomError(seat, "ERC721InvalidReceiver")
          .withArgs(account);
      }
    });
  });

  describe("standards", () => {
    const INTERFACES = {
      "ERC-165": interfaceId("supportsInterface(bytes4)"),
      "ERC-721": "0x80ac58cd",
      "ERC-721 metadata": "0x5b5e139f",
      "ERC-721 enumerable": "0x780e9d63",
      "ERC-5192": "0xb45a3c0e",
    };
    for (const [standard, id] of Object.entries(INTERFACES)) {
      it(`says that it is ${standard}`, async () => {
        const { seat } = await seatFixture();
        expect(await seat.supportsInterface(id)).to.equal(true);
      });
    }

    it("says that it is nothing else", async () => {
      const { seat } = await seatFixture();
      const others = ["0xffffffff", "0x00000000", "0x0489b56f", "0x49064906", "0x2a55205a", "0xd9b67a26", "0x36372b07"];
      for (const id of others) expect(await seat.supportsInterface(id), id).to.equal(false);
    });

    it("lists every seat, also after removals", async () => {
      const { seat, alpha, gamma } = await seatFixture();
      await seat.admitSeat(gamma, "Gamma");
      await seat.connect(gamma).takeSeat();
      await seat.removeSeat(1n);
      const count = await seat.totalSupply();
      const listed = await Promise.all(Array.from({ length: Number(count) }, (_, index) => seat.tokenByIndex(index)));
      expect(listed.sort()).to.deep.equal([2n, 3n]);
      expect(await seat.tokenOfOwnerByIndex(gamma, 0n)).to.equal(3n);
      await expect(seat.tokenByIndex(2n)).to.be.revertedWithCustomError(seat, "ERC721OutOfBoundsIndex");
      await expect(seat.tokenOfOwnerByIndex(alpha, 0n)).to.be.revertedWithCustomError(seat, "ERC721OutOfBoundsIndex");
    });

    it("throws for questions about seats that are not there (ERC-721, ERC-5192)", async () => {
      const { seat } = await seatFixture();
      for (const question of [
        () => seat.ownerOf(9n),
        () => seat.locked(9n),
        () => seat.getApproved(9n),
        () => seat.organisationOf(9n),
      ]) {
        await expect(question()).to.be.revertedWithCustomError(seat, "ERC721NonexistentToken").withArgs(9n);
      }
      for (const question of [() => seat.balanceOf(ethers.ZeroAddress), () => seat.seatOf(ethers.ZeroAddress)]) {
        await expect(question()).to.be.revertedWithCustomError(seat, "ERC721InvalidOwner");
      }
    });
  });

  it("can be rebuilt from its events", async () => {
    const consortium = await consortiumFixture();
    const { seat, newcomer, alpha, stranger } = consortium;
    await decide(consortium, [
      call(seat, "admitSeat", [newcomer.address, "Newcomer"]),
      call(seat, "removeSeat", [2n]),
      call(seat, "admitSeat", [stranger.address, "Stranger"]),
    ]);
    await seat.connect(newcomer).takeSeat();
    await seat.connect(stranger).takeSeat();
    await seat.connect(newcomer).delegate(alpha);
    expect(await rebuilt(seat)).to.deep.equal(await stored(seat));
    expect(await rebuilt(seat)).to.deep.equal({
      seats: {
        1: { account: alpha.address, organisation: ORGANISATIONS[0] },
        3: { account: consortium.gamma.address, organisation: ORGANISATIONS[2] },
        4: { account: newcomer.address, organisation: "Newcomer" },
        5: { account: stranger.address, organisation: "Stranger" },
      },
      votes: { [alpha.address]: 2n, [consortium.gamma.address]: 1n, [stranger.address]: 1n },
      owner: await consortium.timelock.getAddress(),
    });
  });

  interface State {
    seats: Record<string, { account: string; organisation: string }>;
    votes: Record<string, bigint>;
    owner: string;
  }

  /** The state as the events tell it. */
  async function rebuilt(seat: Consortium["seat"]): Promise<State> {
    const state: State = { seats: {}, votes: {}, owner: ethers.ZeroAddress };
    for (const log of await ethers.provider.getLogs({ address: await seat.getAddress(), fromBlock: 0 })) {
      const event = seat.interface.parseLog(log);
      if (event === null) throw new Error("an unknown event");
      const { args } = event;
      if (event.name === "SeatAdmitted") {
        state.seats[args.seatId] = { account: args.account, organisation: args.organisation };
      } else if (event.name === "SeatRemoved") {
        delete state.seats[args.seatId];
      } else if (event.name === "DelegateVotesChanged") {
        state.votes[args.delegate] = args.newVotes;
        if (args.newVotes === 0n) delete state.votes[args.delegate];
      } else if (event.name === "OwnershipTransferred") {
        state.owner = args.newOwner;
      }
    }
    return state;
  }

  /** The state as the contract tells it. */
  async function stored(seat: Consortium["seat"]): Promise<State> {
    const state: State = { seats: {}, votes: {}, owner: await seat.owner() };
    for (let index = 0n; index < (await seat.totalSupply()); index++) {
      const seatId = await seat.tokenByIndex(index);
      const account = await seat.ownerOf(seatId);
      state.seats[String(seatId)] = { account, organisation: await seat.organisationOf(seatId) };
      const delegate = await seat.delegates(account);
      state.votes[delegate] = await seat.getVotes(delegate);
    }
    return state;
  }

  it("fits into a contract with room to spare", async () => {
    for (const name of ["ConsortiumSeat", "ConsortiumGovernor", "ConsortiumTimelock"]) {
      const { deployedBytecode } = await artifacts.readArtifact(name);
      expect(ethers.dataLength(deployedBytecode), name).to.be.lessThan(20_000);
    }
  });
});
