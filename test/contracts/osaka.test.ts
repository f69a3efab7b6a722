import { expect } from "chai";
import {
  createGasWorld,
  FIRST_FREE,
  type GasWorld,
  gasOf,
  holders,
  NO_REFERENCE,
  NO_ROOT,
  TERMS,
} from "../../scripts/gas/world.ts";

/** EIP-7825. */
const TRANSACTION_GAS_CAP = 2 ** 24;

/** What a transaction is refused with. */
async function failureOf(sent: Promise<unknown>): Promise<string> {
  const error = await sent.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : "";
}

describe("Under the Osaka rules", () => {
  let world: GasWorld;

  before(async () => {
    world = await createGasWorld({ hardfork: "osaka" });
  });
  after(async () => {
    await world.connection.close();
  });

  it("the contracts work, and a transaction carries as many cards as the cap on its gas allows", async () => {
    const { collection, issuer } = world;
    const fits = holders(320, "fits");
    const gas = await gasOf(
      collection
        .connect(issuer)
        .issue(FIRST_FREE, fits, TERMS, NO_ROOT, NO_REFERENCE, { gasLimit: TRANSACTION_GAS_CAP }),
    );
    expect(gas).to.be.within(0.9 * TRANSACTION_GAS_CAP, TRANSACTION_GAS_CAP);

    const tooMany = collection
      .connect(issuer)
      .issue(FIRST_FREE + fits.length, holders(340, "too many"), TERMS, NO_ROOT, NO_REFERENCE, {
        gasLimit: TRANSACTION_GAS_CAP,
      });
    expect(await failureOf(tooMany)).to.match(/reverted|out of gas/i);
    expect(await collection.totalSupply()).to.equal(100 + fits.length);
  });

  it("no transaction may ask for more", async () => {
    const { collection, issuer } = world;
    const sent = collection
      .connect(issuer)
      .issue(2 * FIRST_FREE, holders(1), TERMS, NO_ROOT, NO_REFERENCE, { gasLimit: TRANSACTION_GAS_CAP + 1 });
    expect(await failureOf(sent)).to.match(/cap|exceed/i);
  });
});
