// Whatever the seats decide, all of them together can decide afterwards: random accepted decisions over 2 to 7 seats.
//
// GOVERNANCE_DECISIONS=10000 npx hardhat test mocha test/contracts/consortium/campaign.test.ts takes so many; SEED=<number>
// repeats a run.

import { expect } from "chai";
import { TEST_PATIENCE_MS } from "../../support/patience.ts";
import { seedFrom } from "../../support/random.ts";
import { createRandom, type Random } from "../support/random.ts";
import {
  type Account,
  actions,
  type Call,
  call,
  DAY,
  ethers,
  networkHelpers,
  PROFILE,
  STATE,
  time,
} from "./fixture.ts";

const DECISIONS = Number(process.env["GOVERNANCE_DECISIONS"] ?? 48);
const SEED = seedFrom("SEED");
/** Whom nobody can sign for. */
const NOBODY = "0x000000000000000000000000000000000000dEaD";
/** Decisions of one consortium, before another one is founded. */
const LIFE = 12;
const HOUR = 3_600;

/** A consortium of so many seats, settled as the deployment settles it. */
async function found(count: number) {
  const signers = await ethers.getSigners();
  const [deployer, ...accounts] = signers;
  if (deployer === undefined) throw new Error("no accounts");
  const members = accounts.slice(0, count);
  const registry = await ethers.deployContract("BrandRegistry", [deployer, ""]);
  const timelock = await ethers.deployContract("ConsortiumTimelock", [[deployer]]);
  const seat = await ethers.deployContract("ConsortiumSeat", [
    timelock,
    members.map(({ address }, index) => ({ account: address, organisation: `Organisation ${index + 1}` })),
  ]);
  const governor = await ethers.deployContract("ConsortiumGovernor", [seat, timelock, 0, HOUR, 1, 51]);
  const [proposer, canceller] = [await timelock.PROPOSER_ROLE(), await timelock.CANCELLER_ROLE()];
  const batch = await actions(
    call(timelock, "settleGovernor", [governor.target]),
    call(timelock, "revokeRole", [proposer, deployer.address]),
    call(timelock, "revokeRole", [canceller, deployer.address]),
    call(timelock, "updateDelay", [DAY]),
  );
  await timelock.scheduleBatch(...batch, ethers.ZeroHash, ethers.ZeroHash, 0);
  await timelock.executeBatch(...batch, ethers.ZeroHash, ethers.ZeroHash);
  await registry.handOver(timelock);
  const byAddress = new Map(signers.map((signer) => [signer.address, signer]));
  return { registry, timelock, seat, governor, accounts, byAddress };
}
type World = Awaited<ReturnType<typeof found>>;

/** Who has a seat now. */
async function seatsOf({ seat, byAddress }: World): Promise<Account[]> {
  const holders: Account[] = [];
  for (let index = 0; index < Number(await seat.totalSupply()); ++index) {
    const holder = byAddress.get(await seat.ownerOf(await seat.tokenByIndex(index)));
    if (holder === undefined) throw new Error("a seat that nobody can vote for");
    holders.push(holder);
  }
  return holders;
}

/** Lets time pass until then, where it has not passed already. */
async function passTo(timestamp: bigint): Promise<void> {
  if (timestamp > BigInt(await time.latest())) await time.increaseTo(timestamp);
}

/** Has all seats take a decision: they give the first one their votes, as far as proposing takes them. */
async function decide(world: World, label: string, calls: Call[]): Promise<bigint> {
  const { governor, seat } = world;
  const holders = await seatsOf(world);
  const first = holders[0];
  if (first === undefined) throw new Error(`${label}: no seats`);
  for (const holder of holders) await seat.connect(holder).delegate(first);
  await time.increase(1);
  const description = `${label}#proposer=${first.address}`;
  const operation = [...(await actions(...calls)), ethers.id(description)] as const;
  const id = await governor.hashProposal(...operation);
  await governor.connect(first).propose(operation[0], operation[1], operation[2], description);
  await passTo((await governor.proposalSnapshot(id)) + 1n);
  await governor.connect(first).castVote(id, 1);
  await passTo((await governor.proposalDeadline(id)) + 1n);
  await governor.connect(first).queue(...operation);
  await passTo(await governor.proposalEta(id));
  // What is decided may be refused by whom it is about; the proposal then is what it was.
  await governor
    .connect(first)
    .execute(...operation)
    .catch(() => undefined);
  return await governor.state(id);
}

/** A call that a decision can make, most of them on what could freeze the consortium. */
function anyCall(world: World, random: Random, seatIds: bigint[]): Call {
  const { registry, timelock, seat, governor, accounts } = world;
  const account = () => random.pick(accounts).address;
  const contract = () => random.pick([registry, timelock, seat, governor]).target;
  const anybody = () => random.pick([account(), contract(), ethers.ZeroAddress]);
  const seatId = () => random.pick([...seatIds, 0n, 99n]);
  const duration = () => random.pick([0, 1, HOUR, DAY, 30 * DAY, 30 * DAY + 1, 2 ** 32 - 1]);
  const role = () =>
    random.pick([
      ethers.ZeroHash,
      ethers.id("PROPOSER_ROLE"),
      ethers.id("CANCELLER_ROLE"),
      ethers.id("EXECUTOR_ROLE"),
      ethers.id("GUARDIAN_ROLE"),
    ]);
  const choices: (() => Call)[] = [
    () => call(governor, "setProposalThreshold", [random.below(9)]),
    () => call(governor, "setProposalThreshold", [Math.max(1, seatIds.length)]),
    () => call(governor, "updateQuorumNumerator", [random.between(45, 101)]),
    () => call(governor, "setVotingDelay", [duration()]),
    () => call(governor, "setVotingPeriod", [duration()]),
    () => call(governor, "updateTimelock", [anybody()]),
    () => call(timelock, "updateDelay", [random.pick([duration(), 2n ** 255n])]),
    () => call(timelock, random.pick(["grantRole", "revokeRole", "renounceRole"]), [role(), anybody()]),
    () => call(timelock, "renounceRole", [role(), timelock.target]),
    () => call(timelock, "settleGovernor", [anybody()]),
    () => call(seat, "removeSeat", [seatId()]),
    () => call(seat, "removeSeat", [seatId()]),
    () => call(seat, "admitSeat", [account(), "Newcomer"]),
    () => call(seat, "admitSeat", [random.pick([timelock, seat, governor]).target, "Ourselves"]),
    () => call(seat, "admitSeat", [random.pick([registry.target, NOBODY]), "A typo"]),
    () => call(seat, random.pick(["transferOwnership"]), [anybody()]),
    () => call(seat, "renounceOwnership", []),
    () => call(registry, random.pick(["grantRole", "revokeRole", "renounceRole"]), [role(), anybody()]),
    () => call(registry, "handOver", [anybody()]),
    () => call(registry, "renounceRole", [ethers.ZeroHash, timelock.target]),
  ];
  const allowed: (() => Call)[] = [
    () => call(governor, "setProposalThreshold", [random.between(1, seatIds.length)]),
    () => call(governor, "updateQuorumNumerator", [random.pick([51, 67, 75, 99, 100, 100])]),
    () => call(governor, "setVotingDelay", [random.pick([0, DAY, 30 * DAY])]),
    () => call(governor, "setVotingPeriod", [random.pick([HOUR, DAY, 30 * DAY])]),
    () => call(timelock, "updateDelay", [random.pick([0, DAY, 30 * DAY])]),
    () => call(seat, "removeSeat", [random.pick(seatIds)]),
    () => call(seat, "removeSeat", [random.pick(seatIds)]),
    () => call(seat, "admitSeat", [account(), "Newcomer"]),
    () => call(seat, "admitSeat", [account(), "Newcomer"]),
    () => call(seat, "admitSeat", [random.pick([registry.target, NOBODY]), "A typo"]),
    () => call(timelock, random.pick(["grantRole", "revokeRole"]), [ethers.id("EXECUTOR_ROLE"), account()]),
    () => call(registry, random.pick(["grantRole", "revokeRole"]), [ethers.id("GUARDIAN_ROLE"), anybody()]),
  ];
  const chosen = random.pick(random.chance(0.7) ? allowed : choices)();
  if (!random.chance(0.15)) return chosen;
  // The same, by the governor itself.
  return call(governor, "relay", [chosen.target.target, 0, chosen.data]);
}

describe("the consortium, whatever it decides", () => {
  it(`can still decide: ${DECISIONS} random decisions over 2 to 7 seats (SEED=${SEED})`, async function () {
    this.timeout(TEST_PATIENCE_MS + DECISIONS * 10_000);
    const counts: Record<string, number> = {};
    let world: World | undefined;
    for (let index = 0; index < DECISIONS; ++index) {
      const label = `SEED=${SEED} GOVERNANCE_DECISIONS=${DECISIONS}, decision ${index}`;
      const random = createRandom(SEED + index);
      if (index % LIFE === 0) world = await found(random.between(2, 7));
      if (world === undefined) throw new Error("never founded");
      const { seat, registry } = world;
      const seatIds = await Promise.all(
        Array.from({ length: Number(await seat.totalSupply()) }, (_, place) => seat.tokenByIndex(place)),
      );
      const calls = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () =>
        anyCall(world as World, random, seatIds),
      );
      const state = await decide(world, label, calls);
      for (const account of world.accounts)
        if ((await seat.offerTo(account)).until > 0n && random.chance(0.8)) await seat.connect(account).takeSeat();
      const name = state === STATE.Executed ? "accepted" : "refused";
      counts[name] = (counts[name] ?? 0) + 1;
      // All seats together admit a brand, whatever was decided; then that is undone, and the story goes on.
      const snapshot = await networkHelpers.takeSnapshot();
      const admission = call(registry, "admitBrand", [random.pick(world.accounts).address, "noirance", PROFILE]);
      expect(await decide(world, `${label}: afterwards`, [admission]), label).to.equal(STATE.Executed);
      expect(await registry.brandCount(), label).to.equal(1n);
      await snapshot.restore();
    }
    expect(counts["accepted"] ?? 0).to.be.greaterThan(DECISIONS / 4);
  });
});
