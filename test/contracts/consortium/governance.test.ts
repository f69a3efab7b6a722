// Nothing that is decided freezes the consortium, nothing that is proposed can be burnt by somebody else, and nothing that was
// decided works for ever.

import { expect } from "chai";
import {
  actions,
  type Call,
  type Consortium,
  call,
  consortiumFixture,
  DAY,
  decide,
  ethers,
  HANDLE,
  networkHelpers,
  PROFILE,
  pass,
  propose,
  SETTINGS,
  STATE,
  time,
} from "./fixture.ts";

const WINDOW = 14 * DAY;
const REASON = ethers.encodeBytes32String("reason");
const admitBrand = ({ registry, newcomer }: Consortium) =>
  call(registry, "admitBrand", [newcomer.address, HANDLE, PROFILE]);

describe("no decision freezes the consortium", () => {
  it("[setProposalThreshold(3), removeSeat(3)] in one decision: the two seats that are left propose and decide", async () => {
    const consortium = await consortiumFixture();
    const { governor, seat, registry, alpha, beta, gamma } = consortium;
    await decide(consortium, [call(governor, "setProposalThreshold", [3]), call(seat, "removeSeat", [3n])]);
    expect(await governor.proposalThreshold()).to.equal(2n);
    await expect(propose(consortium, gamma, "Gone", admitBrand(consortium))).to.be.revertedWithCustomError(
      governor,
      "GovernorInsufficientProposerVotes",
    );
    await seat.connect(beta).delegate(alpha);
    await time.increase(1);
    await decide(consortium, [admitBrand(consortium)], [alpha]);
    expect(await registry.brandCount()).to.equal(1n);
  });

  it("the same as two decisions, in either order", async () => {
    const consortium = await consortiumFixture();
    const { governor, seat, registry, alpha, beta } = consortium;
    await decide(consortium, [call(governor, "setProposalThreshold", [3])], [alpha, beta]);
    expect(await governor.proposalThreshold()).to.equal(3n);
    await seat.connect(beta).delegate(alpha);
    await seat.connect(consortium.gamma).delegate(alpha);
    await time.increase(1);
    await decide(consortium, [call(seat, "removeSeat", [3n])], [alpha]);
    expect(await governor.proposalThreshold()).to.equal(2n);
    await decide(consortium, [admitBrand(consortium)], [alpha]);
    expect(await registry.brandCount()).to.equal(1n);
  });

  it("a threshold counts again when there are seats enough for it", async () => {
    const consortium = await consortiumFixture();
    const { governor, seat, newcomer, alpha, beta } = consortium;
    await decide(consortium, [call(governor, "setProposalThreshold", [3]), call(seat, "removeSeat", [3n])]);
    await seat.connect(beta).delegate(alpha);
    await time.increase(1);
    await decide(consortium, [call(seat, "admitSeat", [newcomer.address, "Newcomer"])], [alpha]);
    expect(await governor.proposalThreshold()).to.equal(2n);
    await seat.connect(newcomer).takeSeat();
    expect(await governor.proposalThreshold()).to.equal(3n);
  });

  it("a last seat is left, which decides alone, and admits others", async () => {
    const consortium = await consortiumFixture();
    const { governor, seat, registry, alpha, newcomer } = consortium;
    await decide(consortium, [
      call(governor, "setProposalThreshold", [3]),
      call(governor, "updateQuorumNumerator", [100]),
      call(seat, "removeSeat", [2n]),
      call(seat, "removeSeat", [3n]),
    ]);
    await decide(
      consortium,
      [admitBrand(consortium), call(seat, "admitSeat", [newcomer.address, "Newcomer"])],
      [alpha],
    );
    await seat.connect(newcomer).takeSeat();
    expect([await registry.brandCount(), await seat.totalSupply()]).to.deep.equal([1n, 2n]);
  });

  it("whoever is admitted and never comes, as a mistyped account does, counts for nothing", async () => {
    const consortium = await consortiumFixture();
    const { governor, seat, registry, alpha, beta, gamma } = consortium;
    const nobody = ["0x000000000000000000000000000000000000dEaD", await registry.getAddress()];
    const admissions = nobody.map((account) => call(seat, "admitSeat", [account, "A typo"]));
    await decide(consortium, [call(governor, "updateQuorumNumerator", [100]), ...admissions]);
    await decide(consortium, [call(seat, "removeSeat", [2n]), call(seat, "removeSeat", [3n])], [alpha, beta, gamma]);
    await decide(consortium, [...admissions, admitBrand(consortium)], [alpha]);
    expect([await registry.brandCount(), await seat.totalSupply()]).to.deep.equal([1n, 1n]);
  });

  const forever: [string, (consortium: Consortium) => Call | Promise<Call>, string, keyof Consortium][] = [
    [
      "a vote that begins in 31 days",
      ({ governor }) => call(governor, "setVotingDelay", [30 * DAY + 1]),
      "VotingDelayTooLong",
      "governor",
    ],
    [
      "a vote that begins never",
      ({ governor }) => call(governor, "setVotingDelay", [2n ** 48n - 1n]),
      "VotingDelayTooLong",
      "governor",
    ],
    [
      "a vote of more than 30 days",
      ({ governor }) => call(governor, "setVotingPeriod", [30 * DAY + 1]),
      "InvalidVotingPeriodLength",
      "governor",
    ],
    [
      "a vote of less than an hour",
      ({ governor }) => call(governor, "setVotingPeriod", [3_599]),
      "InvalidVotingPeriodLength",
      "governor",
    ],
    [
      "a vote of no time",
      ({ governor }) => call(governor, "setVotingPeriod", [0]),
      "InvalidVotingPeriodLength",
      "governor",
    ],
    [
      "a quorum of more than all",
      ({ governor }) => call(governor, "updateQuorumNumerator", [101]),
      "GovernorInvalidQuorumFraction",
      "governor",
    ],
    [
      "a quorum of half",
      ({ governor }) => call(governor, "updateQuorumNumerator", [50]),
      "QuorumNotMajority",
      "governor",
    ],
    [
      "a threshold of nothing",
      ({ governor }) => call(governor, "setProposalThreshold", [0]),
      "InvalidProposalThreshold",
      "governor",
    ],
    [
      "a threshold of more than all",
      ({ governor }) => call(governor, "setProposalThreshold", [4]),
      "InvalidProposalThreshold",
      "governor",
    ],
    [
      "another timelock",
      ({ governor, registry }) => call(governor, "updateTimelock", [registry.target]),
      "TimelockIsFinal",
      "governor",
    ],
    [
      "a wait of more than 30 days",
      ({ timelock }) => call(timelock, "updateDelay", [30 * DAY + 1]),
      "DelayTooLong",
      "timelock",
    ],
    ["a wait for ever", ({ timelock }) => call(timelock, "updateDelay", [2n ** 256n - 1n]), "DelayTooLong", "timelock"],
    [
      "another governor",
      ({ timelock, registry }) => call(timelock, "settleGovernor", [registry.target]),
      "InvalidGovernor",
      "timelock",
    ],
    [
      "a governor that proposes no more",
      async ({ timelock, governor }) => call(timelock, "revokeRole", [await timelock.PROPOSER_ROLE(), governor.target]),
      "RoleNeeded",
      "timelock",
    ],
    [
      "a governor that cancels no more",
      async ({ timelock, governor }) =>
        call(timelock, "revokeRole", [await timelock.CANCELLER_ROLE(), governor.target]),
      "RoleNeeded",
      "timelock",
    ],
    [
      "an execution that is not for everybody",
      async ({ timelock }) => call(timelock, "revokeRole", [await timelock.EXECUTOR_ROLE(), ethers.ZeroAddress]),
      "RoleNeeded",
      "timelock",
    ],
    [
      "a timelock without administrator",
      async ({ timelock }) => call(timelock, "revokeRole", [ethers.ZeroHash, timelock.target]),
      "RoleNeeded",
      "timelock",
    ],
    [
      "a timelock that renounces",
      async ({ timelock }) => call(timelock, "renounceRole", [ethers.ZeroHash, timelock.target]),
      "RoleNeeded",
      "timelock",
    ],
    [
      "seats of another owner",
      ({ seat, alpha }) => call(seat, "transferOwnership", [alpha.address]),
      "OwnerIsFinal",
      "seat",
    ],
    ["seats of no owner", ({ seat }) => call(seat, "renounceOwnership", []), "OwnerIsFinal", "seat"],
    [
      "a registry of another owner",
      ({ registry }) => call(registry, "handOver", [registry.target]),
      "ConsortiumIsFinal",
      "registry",
    ],
    [
      "a second owner of the registry",
      ({ registry, alpha }) => call(registry, "grantRole", [ethers.ZeroHash, alpha.address]),
      "ConsortiumIsFinal",
      "registry",
    ],
    [
      "a registry without owner",
      ({ registry, timelock }) => call(registry, "revokeRole", [ethers.ZeroHash, timelock.target]),
      "ConsortiumIsFinal",
      "registry",
    ],
    [
      "a registry that is given up",
      ({ registry, timelock }) => call(registry, "renounceRole", [ethers.ZeroHash, timelock.target]),
      "ConsortiumIsFinal",
      "registry",
    ],
  ];
  for (const [what, act, error, contract] of forever)
    it(`${what} cannot be decided (${error})`, async () => {
      const consortium = await consortiumFixture();
      await expect(decide(consortium, [await act(consortium)])).to.be.revertedWithCustomError(
        consortium[contract] as Consortium["governor"],
        error,
      );
      await decide(consortium, [admitBrand(consortium)]);
    });

  it("the longest of everything together still lets the seats decide", async () => {
    const consortium = await consortiumFixture();
    const { governor, timelock, registry } = consortium;
    await decide(consortium, [
      call(governor, "setVotingDelay", [30 * DAY]),
      call(governor, "setVotingPeriod", [30 * DAY]),
      call(governor, "updateQuorumNumerator", [100]),
      call(timelock, "updateDelay", [30 * DAY]),
    ]);
    await decide(consortium, [admitBrand(consortium)]);
    expect(await registry.brandCount()).to.equal(1n);
  });

  it("nobody but the governor is let put decisions in or take them out: who could cancel could stop everything", async () => {
    const consortium = await consortiumFixture();
    const { timelock, governor, stranger, registry } = consortium;
    const [proposer, canceller, executor] = [
      await timelock.PROPOSER_ROLE(),
      await timelock.CANCELLER_ROLE(),
      await timelock.EXECUTOR_ROLE(),
    ];
    for (const role of [proposer, canceller, ethers.ZeroHash, ethers.id("SOME_ROLE")])
      await expect(decide(consortium, [call(timelock, "grantRole", [role, stranger.address])]))
        .to.be.revertedWithCustomError(timelock, "RoleNotGrantable")
        .withArgs(role, stranger);
    // What changes nothing can be decided.
    await decide(consortium, [
      call(timelock, "grantRole", [proposer, governor.target]),
      call(timelock, "grantRole", [canceller, governor.target]),
      call(timelock, "grantRole", [executor, stranger.address]),
      call(timelock, "revokeRole", [executor, stranger.address]),
      call(timelock, "revokeRole", [canceller, stranger.address]),
      call(timelock, "revokeRole", [executor, governor.target]),
      call(timelock, "revokeRole", [proposer, ethers.ZeroAddress]),
      call(timelock, "revokeRole", [proposer, timelock.target]),
    ]);
    await decide(consortium, [admitBrand(consortium)]);
    expect(await registry.brandCount()).to.equal(1n);
  });

  it("a founder may try shorter votes out, and nothing longer", async () => {
    const { governor, seat, timelock } = await consortiumFixture();
    const deploy = (votingDelay: bigint | number, votingPeriod: number) =>
      ethers.deployContract("ConsortiumGovernor", [seat, timelock, votingDelay, votingPeriod, 1, 51]);
    await deploy(0, 1);
    await deploy(30 * DAY, 30 * DAY);
    await expect(deploy(30 * DAY + 1, 1)).to.be.revertedWithCustomError(governor, "VotingDelayTooLong");
    await expect(deploy(0, 30 * DAY + 1)).to.be.revertedWithCustomError(governor, "InvalidVotingPeriodLength");
  });
});

describe("the timelock's governor", () => {
  it("is settled once, by the timelock itself, and is a contract", async () => {
    const { timelock, governor, registry, alpha, deployer } = await consortiumFixture();
    const fresh = await ethers.deployContract("ConsortiumTimelock", [[deployer]]);
    expect(await fresh.governor()).to.equal(ethers.ZeroAddress);
    for (const caller of [alpha, deployer]) {
      for (const each of [fresh, timelock]) {
        await expect(each.connect(caller).settleGovernor(registry))
          .to.be.revertedWithCustomError(each, "TimelockUnauthorizedCaller")
          .withArgs(caller);
      }
    }
    await networkHelpers.impersonateAccount(await fresh.getAddress());
    const itself = fresh.connect(await ethers.getSigner(await fresh.getAddress()));
    for (const nobody of [ethers.ZeroAddress, alpha.address]) {
      await expect(itself.settleGovernor(nobody))
        .to.be.revertedWithCustomError(fresh, "InvalidGovernor")
        .withArgs(nobody);
    }
    const settled = itself.settleGovernor(governor);
    await expect(settled).to.emit(fresh, "GovernorSettled").withArgs(governor);
    await expect(settled)
      .to.emit(fresh, "RoleGranted")
      .withArgs(await fresh.PROPOSER_ROLE(), governor, fresh);
    await expect(settled)
      .to.emit(fresh, "RoleGranted")
      .withArgs(await fresh.CANCELLER_ROLE(), governor, fresh);
    await expect(itself.settleGovernor(registry))
      .to.be.revertedWithCustomError(fresh, "InvalidGovernor")
      .withArgs(registry);
    expect([await fresh.governor(), await fresh.EXECUTION_WINDOW(), await fresh.MAX_DELAY()]).to.deep.equal([
      await governor.getAddress(),
      BigInt(WINDOW),
      BigInt(30 * DAY),
    ]);
    // Before it, a proposer may leave; the roles that others need stay.
    const early = await ethers.deployContract("ConsortiumTimelock", [[deployer]]);
    await early.connect(deployer).renounceRole(await early.PROPOSER_ROLE(), deployer);
    expect(await early.hasRole(await early.PROPOSER_ROLE(), deployer)).to.equal(false);
  });
});

describe("what was decided works for a while", () => {
  it("is queued within 14 days, to the second, or void", async () => {
    for (const [late, state] of [
      [0n, STATE.Succeeded],
      [1n, STATE.Expired],
    ] as const) {
      const consortium = await consortiumFixture();
      const { governor, registry } = consortium;
      const proposal = await propose(consortium, consortium.alpha, "Admit", admitBrand(consortium));
      await proposal.untilOpen();
      for (const voter of consortium.members) await proposal.vote(voter);
      const at = proposal.deadline + BigInt(WINDOW) + late;
      await time.increaseTo(at - 1n);
      expect(await proposal.state()).to.equal(STATE.Succeeded);
      await time.setNextBlockTimestamp(at);
      if (state === STATE.Succeeded) {
        await proposal.queue();
        continue;
      }
      await expect(proposal.queue()).to.be.revertedWithCustomError(governor, "GovernorUnexpectedProposalState");
      await networkHelpers.mine();
      expect(await proposal.state()).to.equal(STATE.Expired);
      for (const act of [proposal.execute, proposal.cancel]) await expect(act()).to.be.revert(ethers);
      expect(await registry.brandCount()).to.equal(0n);
    }
  });

  it("is executed within 14 days after its wait, to the second, or void: at the governor and at the timelock", async () => {
    for (const direct of [true, false])
      for (const late of [0n, 1n, BigInt(365 * DAY)]) {
        const consortium = await consortiumFixture();
        const { governor, timelock, registry, stranger } = consortium;
        const proposal = await propose(consortium, consortium.alpha, "Admit", admitBrand(consortium));
        await pass(proposal, consortium.members);
        const at = (await governor.proposalEta(proposal.id)) + BigInt(WINDOW) + late;
        const execute = () => (direct ? proposal.executeDirectly(stranger) : proposal.execute(stranger));
        await time.setNextBlockTimestamp(at);
        if (late === 0n) {
          await execute();
          expect(await registry.brandCount()).to.equal(1n);
          expect(await proposal.state()).to.equal(STATE.Executed);
          continue;
        }
        await expect(execute()).to.be.revertedWithCustomError(
          direct ? timelock : governor,
          direct ? "TimelockUnexpectedOperationState" : "GovernorUnexpectedProposalState",
        );
        await networkHelpers.mine();
        expect([await proposal.state(), await timelock.getOperationState(proposal.timelockId)]).to.deep.equal([
          STATE.Expired,
          0n,
        ]);
        expect(await registry.brandCount()).to.equal(0n);
      }
  });

  it("a proposal whose queued operation was cancelled is cancelled, as long as it could have been executed", async () => {
    const consortium = await consortiumFixture();
    const { governor, timelock, alpha } = consortium;
    const proposal = await propose(consortium, alpha, "Admit", admitBrand(consortium));
    await pass(proposal, consortium.members);
    const cancel = timelock.interface.encodeFunctionData("cancel", [proposal.timelockId]);
    await decide(consortium, [call(governor, "relay", [await timelock.getAddress(), 0, cancel])]);
    expect(await proposal.state()).to.equal(STATE.Canceled);
  });

  it("a reinstatement lifts the suspension that it names, and none that a stranger brings it to later", async () => {
    const consortium = await consortiumFixture();
    const { registry, guardian, stranger, alpha } = consortium;
    await decide(consortium, [admitBrand(consortium)]);
    await registry.connect(guardian).suspendBrand(1, REASON);
    const first = await propose(consortium, alpha, "Reinstate", call(registry, "reinstateBrand", [1, 1]));
    await pass(first, consortium.members);
    await decide(consortium, [call(registry, "reinstateBrand", [1, 1])]);
    await registry.connect(guardian).suspendBrand(1, REASON);
    await expect(first.execute(stranger)).to.be.revert(ethers);
    const wrong = await propose(consortium, alpha, "Again", call(registry, "reinstateBrand", [1, 1]));
    await pass(wrong, consortium.members);
    await expect(wrong.execute(stranger)).to.be.revertedWithCustomError(registry, "SuspensionMismatch").withArgs(1, 2);
    expect((await registry.brandOf(1)).status).to.equal(2n);
    await decide(consortium, [call(registry, "reinstateBrand", [1, 2])]);
    expect((await registry.brandOf(1)).status).to.equal(1n);
  });
});

describe("a proposal is its proposer's", () => {
  it("nobody can copy it, propose it first and cancel it (CVE-2023-34234)", async () => {
    const consortium = await consortiumFixture();
    const { governor, alpha, beta } = consortium;
    const proposed = await actions(admitBrand(consortium));
    const description = `Admit#proposer=${alpha.address}`;
    await expect(governor.connect(beta).propose(...proposed, description))
      .to.be.revertedWithCustomError(governor, "GovernorRestrictedProposer")
      .withArgs(beta);
    await governor.connect(alpha).propose(...proposed, description);
    await expect(governor.connect(beta).cancel(...proposed, ethers.id(description))).to.be.revertedWithCustomError(
      governor,
      "GovernorUnableToCancel",
    );
  });

  it("says whose it is at its end, or is refused", async () => {
    const consortium = await consortiumFixture();
    const { governor, alpha, beta } = consortium;
    const proposed = await actions(admitBrand(consortium));
    const own = alpha.address;
    for (const description of [
      "",
      "Admit",
      own,
      `proposer=${own}`,
      `Admit#proposer=${beta.address}`,
      `Admit#proposer=${own} `,
      `Admit#proposer=${own}0`,
      `Admit#proposer=${own.slice(2)}`,
      `Admit#proposer=0x${"g".repeat(40)}`,
      `Admit#Proposer=${own}`,
      `Admit proposer=${own}`,
      `#proposer=${own}#proposer=${beta.address}`,
    ]) {
      await expect(governor.connect(alpha).propose(...proposed, description), description)
        .to.be.revertedWithCustomError(governor, "GovernorRestrictedProposer")
        .withArgs(alpha);
    }
    for (const description of [
      `#proposer=${own}`,
      `Admit#proposer=${own.toLowerCase()}`,
      `#proposer=${beta.address}#proposer=${own}`,
    ])
      await governor.connect(alpha).propose(...proposed, description);
  });
});

describe("settings", () => {
  it("are within their bounds from the beginning", () => {
    expect(SETTINGS.votingPeriod).to.be.within(3_600, 30 * DAY);
    expect(SETTINGS.timelockDelay).to.be.at.most(30 * DAY);
  });
});
