import { expect } from "chai";
import { globalOptions } from "hardhat";
import { measureOperations, OPERATIONS, perCard } from "../../scripts/gas/operations.ts";
import { PEERS } from "../../scripts/gas/peers.ts";
import { differences, readSnapshot, SNAPSHOT_COMMAND } from "../../scripts/gas/snapshot.ts";
import { createGasWorld, FIRST_FREE, type GasWorld, holders, isolated } from "../../scripts/gas/world.ts";

/** How much more a batch may take than the barest ERC-721 there is. */
const MOST_OVER_FLOOR = 1.1;
const BATCH = 100;

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

  it(`is for a batch at most ${MOST_OVER_FLOOR} times what the barest ERC-721 takes`, async () => {
    const floor = await isolated(world, async () => {
      const issue = await PEERS.find(({ key }) => key === "solady")?.deploy(world);
      await issue?.(1, holders(2));
      return await issue?.(FIRST_FREE, holders(BATCH, "new"));
    });
    expect((taken["issue 100"] ?? Number.NaN) / (floor ?? Number.NaN)).to.be.at.most(MOST_OVER_FLOOR);
  });
});
