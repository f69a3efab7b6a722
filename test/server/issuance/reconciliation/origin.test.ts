import { expect } from "chai";
import { ZeroHash } from "ethers";
import { membershipCollectionInterface } from "../../../../server/chain/abi.ts";
import { markOrigin, type Origin, originOf } from "../../../../server/issuance/origin.ts";
import { addressOf } from "../../../support/mirror-fixture.ts";

describe("what a transaction was for", () => {
  const issue = (holders: number) =>
    membershipCollectionInterface.encodeFunctionData("issue", [
      1,
      Array.from({ length: holders }, (_, index) => addressOf(`holder ${index}`)),
      { tier: 1, expiresAt: 0 },
      ZeroHash,
      ZeroHash,
    ]);
  const calls = { one: issue(1), many: issue(7) };
  const multicall = membershipCollectionInterface.encodeFunctionData("multicall", [[calls.one, calls.many]]);

  for (const [name, data] of Object.entries({ ...calls, multicall })) {
    for (const origin of ["file", "import", "order"] satisfies Origin[]) {
      it(`can be read off its call data: ${origin}, ${name}`, () => {
        const marked = markOrigin(data, origin);
        expect(originOf(marked)).to.equal(origin);
        expect(marked.startsWith(data)).to.equal(true);
      });
    }
  }

  it("changes nothing of what the contract is asked for", () => {
    const parsed = membershipCollectionInterface.parseTransaction({ data: markOrigin(calls.many, "file") });
    expect(parsed?.name).to.equal("issue");
    expect(parsed?.args["holders"] ?? parsed?.args[1]).to.have.length(7);
  });
});
