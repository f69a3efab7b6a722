import { expect } from "chai";
import type { BaseContract } from "ethers";
import { consortiumFixture, ethers, ORGANISATIONS, SETTINGS } from "./fixture.ts";

const DEFAULT_ADMIN_ROLE = ethers.ZeroHash;

describe("the consortium, as it is deployed", () => {
  it("has the founding seats, and the timelock owns everything", async () => {
    const { seat, members, timelock, registry, governor } = await consortiumFixture();
    expect(await seat.totalSupply()).to.equal(3n);
    for (const [index, member] of members.entries()) {
      expect(await seat.seatOf(member)).to.equal(index + 1);
      expect(await seat.organisationOf(index + 1)).to.equal(ORGANISATIONS[index]);
    }
    expect(await seat.owner()).to.equal(timelock);
    expect(await timelock.governor()).to.equal(governor);
    expect(await registry.hasRole(DEFAULT_ADMIN_ROLE, timelock)).to.equal(true);
    expect(await governor.timelock()).to.equal(timelock);
    expect(await timelock.getMinDelay()).to.equal(SETTINGS.timelockDelay);
  });

  it("leaves each role with whom it belongs to, and with nobody else", async () => {
    const { registry, timelock, governor, guardian } = await consortiumFixture();
    expect(await holdersOfRoles(timelock)).to.deep.equal({
      [DEFAULT_ADMIN_ROLE]: [await timelock.getAddress()],
      [ethers.id("PROPOSER_ROLE")]: [await governor.getAddress()],
      [ethers.id("CANCELLER_ROLE")]: [await governor.getAddress()],
      [ethers.id("EXECUTOR_ROLE")]: [ethers.ZeroAddress],
    });
    expect(await holdersOfRoles(registry)).to.deep.equal({
      [DEFAULT_ADMIN_ROLE]: [await timelock.getAddress()],
      [ethers.id("GUARDIAN_ROLE")]: [guardian.address],
    });
  });

  it("leaves the deployer nothing: no role, no vote, no ownership, nothing pending", async () => {
    const { deployer, seat, governor, timelock, registry } = await consortiumFixture();
    for (const contract of [timelock, registry]) {
      for (const holders of Object.values(await holdersOfRoles(contract))) {
        expect(holders).not.to.include(deployer.address);
      }
    }
    expect(await seat.balanceOf(deployer)).to.equal(0n);
    expect(await seat.getVotes(deployer)).to.equal(0n);
    expect(await seat.owner()).not.to.equal(deployer.address);
    await expect(timelock.connect(deployer).updateDelay(0)).to.be.revertedWithCustomError(
      timelock,
      "TimelockUnauthorizedCaller",
    );
    await expect(
      governor.connect(deployer).propose([governor], [0], ["0x"], `Mine#proposer=${deployer.address}`),
    ).to.be.revertedWithCustomError(governor, "GovernorInsufficientProposerVotes");
    // All that the deployer had scheduled is done; the timelock waits for nothing.
    const scheduled = await timelock.queryFilter(timelock.filters.CallScheduled);
    for (const { args } of scheduled) expect(await timelock.isOperationDone(args.id)).to.equal(true);
  });

  /** Who has which role, from the events alone, so that no role is forgotten. */
  async function holdersOfRoles(contract: BaseContract): Promise<Record<string, string[]>> {
    const holders: Record<string, Set<string>> = {};
    for (const log of await ethers.provider.getLogs({ address: await contract.getAddress(), fromBlock: 0 })) {
      const event = contract.interface.parseLog(log);
      if (event?.name !== "RoleGranted" && event?.name !== "RoleRevoked") continue;
      const { role, account } = event.args as unknown as { role: string; account: string };
      holders[role] ??= new Set();
      if (event.name === "RoleGranted") holders[role].add(account);
      else holders[role].delete(account);
    }
    const present = Object.entries(holders).filter(([, accounts]) => accounts.size > 0);
    return Object.fromEntries(present.map(([role, accounts]) => [role, [...accounts]]));
  }
});
