import { expect } from "chai";
import { artifacts, globalOptions } from "hardhat";

/** EIP-170 allows 24,576 bytes; the rest is room for what an upgrade adds in a hurry. */
const MOST_BYTES = 20 * 1024;

describe("Contract size", () => {
  it(`is at most ${MOST_BYTES.toLocaleString("en")} bytes for every deployed contract`, async function () {
    // Instrumented contracts are larger.
    if (globalOptions.coverage) return this.skip();
    const names = [...(await artifacts.getAllFullyQualifiedNames())].filter((name) => name.startsWith("contracts/"));
    const sizes = await Promise.all(
      names.map(async (name) => {
        const { deployedBytecode } = await artifacts.readArtifact(name);
        return { name, bytes: (deployedBytecode.length - "0x".length) / 2 };
      }),
    );
    // A wrong folder would leave nothing to measure.
    expect(sizes.filter(({ bytes }) => bytes > 0)).to.not.be.empty;
    const tooLarge = sizes
      .filter(({ bytes }) => bytes > MOST_BYTES)
      .map(({ name, bytes }) => `${name}: ${bytes} bytes`);
    expect(tooLarge, `larger than ${MOST_BYTES} bytes`).to.deep.equal([]);
  });
});
