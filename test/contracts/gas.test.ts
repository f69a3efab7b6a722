import { expect } from "chai";
import { id } from "ethers";
import { globalOptions } from "hardhat";
import { measureOperations, OPERATIONS, perCard } from "../../scripts/gas/operations.ts";
import { PEERS } from "../../scripts/gas/peers.ts";
import { differences, readSnapshot, SNAPSHOT_COMMAND } from "../../scripts/gas/snapshot.ts";
import {
  collectionRequest,
  createGasWorld,
  FIRST_FREE,
  type GasWorld,
  holders,
  isolated,
  NO_REFERENCE,
  NO_ROOT,
  TERMS,
} from "../../scripts/gas/world.ts";

/** How much more a batch may take than the barest ERC-721 there is. */
const MOST_OVER_FLOOR = 1.1;
const BATCH = 100;
const MOST_OF_VERIFY = 100_000;
/** What every transaction takes; a question is none. */
const TRANSACTION_GAS = 21_000;

describe("Gas", () => {
  let world: GasWorld;
  let taken: Record<string, number>;

  before(async function () {
    // Instrumented contracts take more.
    if (globalOptions.coverage) return this.skip();
    world = await createGasWorld();
    taken = await measureOperations(world);
  });

  after(async () => {
    await world?.connection.close();
  });

  it("is what the snapshot says", () => {
    const changes = differences(readSnapshot(), taken);
    expect(changes, `${changes.join("\n")}\nIf this is meant: ${SNAPSHOT_COMMAND}`).to.deep.equal([]);
  });

  it("stays within its bounds, but for the exceptions that say why", () => {
    const wrong = OPERATIONS.flatMap((operation) => {
      const { key, what, bound = Number.POSITIVE_INFINITY, overBound } = operation;
      const gas = perCard(operation, taken[key] ?? Number.NaN);
      if (overBound !== undefined)
        return gas > bound ? [] : [`${what}: ${gas} is within ${bound}, so it is no exception`];
      return gas <= bound ? [] : [`${what}: ${gas} is more than ${bound}`];
    });
    expect(wrong, wrong.join("\n")).to.deep.equal([]);
  });

  it(`of verify and batchOf is at most ${MOST_OF_VERIFY.toLocaleString("en")} at any place of a batch of 10,000`, async () => {
    await isolated(world, async () => {
      const { registry, admin, issuer, ethers } = world;
      await registry.connect(admin).createCollection(collectionRequest("bench-large"));
      const collection = await ethers.getContractAt("MembershipCollection", await registry.collectionOf("bench-large"));
      // The batch spans two words of the bitmap's upper level, which begin at 0 and at 65,536.
      const first = 60_000;
      const batch = holders(10_000, "large");
      await collection.connect(issuer).issue(first - 1, holders(1), TERMS, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(first, batch, TERMS, id("root"), NO_REFERENCE);
      for (const place of [0, 1, 95, 96, 97, 255, 4_999, 5_000, 5_535, 5_536, 5_537, 5_792, 9_998, 9_999]) {
        const { batchFirstSerial } = await collection.verify(first + place);
        expect(batchFirstSerial, `place ${place}`).to.equal(BigInt(first));
        for (const question of [collection.verify, collection.batchOf]) {
          const gas = Number(await question.estimateGas(first + place)) - TRANSACTION_GAS;
          expect(gas, `${question.name} at place ${place}`).to.be.at.most(MOST_OF_VERIFY);
        }
      }
    });
  });

  it(`is for a batch at most ${MOST_OVER_FLOOR} times what the barest ERC-721 takes`, async () => {
    const floor = await isolated(world, async () => {
      const issue = await PEERS.find(({ key }) => key === "solady")?.deploy(world);
      await issue?.(1, holders(2));
      return await issue?.(FIRST_FREE, holders(BATCH, "new"));
    });
    expect((taken["issue 100"] ?? Number.NaN) / (floor ?? Number.NaN)).to.be.at.most(MOST_OVER_FLOOR);
  });
});
