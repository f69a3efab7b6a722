import { expect } from "chai";
import { artifacts, globalOptions } from "hardhat";

/** EIP-170 allows 24,576 bytes; the rest is room for what an upgrade adds in a hurry. */
const MOST_BYTES = 20 * 1024;
/** Those that need more of it. */
const MORE_BYTES: Record<string, number> = { MembershipCollection: 23_500 };

describe("Contract size", () => {
  it("leaves room below the limit for every deployed contract, and at least 1,000 bytes", async function () {
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
      .map(({ name, bytes }) => ({ name, bytes, most: MORE_BYTES[name.split(":")[1] ?? ""] ?? MOST_BYTES }))
      .filter(({ bytes, most }) => bytes > most)
      .map(({ name, bytes, most }) => `${name}: ${bytes} bytes, of ${most} allowed`);
    expect(tooLarge).to.deep.equal([]);
    expect(Object.keys(MORE_BYTES).filter((name) => !names.some((full) => full.endsWith(`:${name}`)))).to.deep.equal(
      [],
    );
  });
});
