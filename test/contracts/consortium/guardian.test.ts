import { expect } from "chai";
import { type Consortium, call, consortiumFixture, decide, ethers, HANDLE, PROFILE, propose } from "./fixture.ts";

const REASON = ethers.encodeBytes32String("key reported stolen");
const STATUS = { Active: 1n, Suspended: 2n } as const;
const DEFAULT_ADMIN_ROLE = ethers.ZeroHash;

/** The consortium with one brand. */
async function brandFixture(): Promise<Consortium> {
  const consortium = await consortiumFixture();
  const { registry, newcomer } = consortium;
  await decide(consortium, [call(registry, "admitBrand", [newcomer.address, HANDLE, PROFILE])]);
  return consortium;
}

describe("the guardian", () => {
  it("suspends a brand at once, and nobody can act for the brand any more", async () => {
    const { registry, guardian, newcomer } = await brandFixture();
    await expect(registry.connect(guardian).suspendBrand(1, REASON))
      .to.emit(registry, "BrandStatusChanged")
      .withArgs(1, STATUS.Suspended, 1, REASON);
    const request = {
      brandId: 1,
      slug: "noirance-noirance",
      name: "N",
      symbol: "N",
      maxSupply: 1,
      burnAuth: 2,
      reissueDelay: 0,
      highestTier: 0,
      longestTerm: 1,
    };
    await expect(registry.connect(newcomer).createCollection(request))
      .to.be.revertedWithCustomError(registry, "BrandNotActive")
      .withArgs(1, STATUS.Suspended);
  });

  it("does nothing else in the registry", async () => {
    const { registry, guardian, stranger } = await brandFixture();
    const as = registry.connect(guardian);
    await as.suspendBrand(1, REASON);
    const guardianRole = await registry.GUARDIAN_ROLE();
    const brandAdmin = await registry.roleId(1, 0);
    for (const attempt of [
      () => as.reinstateBrand(1, 1),
      () => as.retireBrand(1, REASON),
      () => as.admitBrand(guardian, "guardians", PROFILE),
      () => as.setCardBaseURI("https://elsewhere.example/"),
      () => as.grantRole(DEFAULT_ADMIN_ROLE, guardian),
      () => as.grantRole(guardianRole, stranger),
      () => as.revokeRole(guardianRole, guardian),
      () => as.replaceBrandKeys(1, guardian),
      () => as.handOver(registry),
      () => as.grantRole(brandAdmin, guardian),
      () => as.revokeRole(brandAdmin, stranger),
    ]) {
      await expect(attempt())
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(guardian, DEFAULT_ADMIN_ROLE);
    }
  });

  it("has no say in the consortium", async () => {
    const consortium = await brandFixture();
    const { governor, timelock, seat, registry, guardian, stranger, alpha } = consortium;
    const reinstate = call(registry, "reinstateBrand", [1, 1]);
    await expect(propose(consortium, guardian, "Mine", reinstate)).to.be.revertedWithCustomError(
      governor,
      "GovernorInsufficientProposerVotes",
    );
    const proposal = await propose(consortium, alpha, "Ours", reinstate);
    await expect(proposal.cancel(guardian)).to.be.revertedWithCustomError(governor, "GovernorUnableToCancel");
    await expect(timelock.connect(guardian).cancel(proposal.timelockId)).to.be.revertedWithCustomError(
      timelock,
      "AccessControlUnauthorizedAccount",
    );
    for (const attempt of [
      () => seat.connect(guardian).admitSeat(stranger, "Stranger"),
      () => seat.connect(guardian).removeSeat(1),
      () => seat.connect(guardian).transferOwnership(guardian),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(seat, "OwnableUnauthorizedAccount").withArgs(guardian);
    }
  });

  it("is nobody else: not a seat, not a brand, not a stranger", async () => {
    const { registry, alpha, newcomer, deployer, stranger } = await brandFixture();
    for (const caller of [alpha, newcomer, deployer, stranger]) {
      await expect(registry.connect(caller).suspendBrand(1, REASON)).to.be.revertedWithCustomError(
        registry,
        "AccessControlUnauthorizedAccount",
      );
    }
  });

  it("that was captured is dismissed, and what it suspended reinstated, by one decision", async () => {
    const consortium = await brandFixture();
    const { registry, guardian, stranger, alpha, beta } = consortium;
    await registry.connect(guardian).suspendBrand(1, REASON);
    const role = await registry.GUARDIAN_ROLE();
    await decide(
      consortium,
      [
        call(registry, "revokeRole", [role, guardian.address]),
        call(registry, "grantRole", [role, stranger.address]),
        call(registry, "reinstateBrand", [1, 1]),
      ],
      [alpha, beta],
    );
    expect((await registry.brandOf(1)).status).to.equal(STATUS.Active);
    await expect(registry.connect(guardian).suspendBrand(1, REASON)).to.be.revertedWithCustomError(
      registry,
      "AccessControlUnauthorizedAccount",
    );
    await registry.connect(stranger).suspendBrand(1, REASON);
  });

  it("can lay its office down, and the consortium appoint another", async () => {
    const consortium = await brandFixture();
    const { registry, guardian, stranger } = consortium;
    const role = await registry.GUARDIAN_ROLE();
    await registry.connect(guardian).renounceRole(role, guardian);
    expect(await registry.hasRole(role, guardian)).to.equal(false);
    await decide(consortium, [call(registry, "grantRole", [role, stranger.address])]);
    await registry.connect(stranger).suspendBrand(1, REASON);
  });
});

describe("the consortium's own hold on the registry", () => {
  it("cannot be given up, not even by a decision", async () => {
    const consortium = await consortiumFixture();
    const { registry, timelock } = consortium;
    const self = await timelock.getAddress();
    for (const method of ["renounceRole", "revokeRole"]) {
      await expect(
        decide(consortium, [call(registry, method, [DEFAULT_ADMIN_ROLE, self])]),
      ).to.be.revertedWithCustomError(registry, "ConsortiumIsFinal");
    }
    for (const calls of [
      [call(registry, "handOver", [await registry.getAddress()])],
      [call(registry, "grantRole", [DEFAULT_ADMIN_ROLE, consortium.stranger.address])],
    ]) {
      await expect(decide(consortium, calls)).to.be.revertedWithCustomError(registry, "ConsortiumIsFinal");
    }
    expect(await registry.hasRole(DEFAULT_ADMIN_ROLE, timelock)).to.equal(true);
  });

  it("suspends a brand too, by a decision", async () => {
    const consortium = await brandFixture();
    const { registry } = consortium;
    await decide(consortium, [call(registry, "suspendBrand", [1, REASON])]);
    expect((await registry.brandOf(1)).status).to.equal(STATUS.Suspended);
  });
});
