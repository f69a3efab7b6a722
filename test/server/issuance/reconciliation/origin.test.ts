import { expect } from "chai";
import { ZeroHash } from "ethers";
import { membershipCollectionInterface } from "../../../../server/chain/abi.ts";
import { markOrigin, type Origin, originOf, tagsIn } from "../../../../server/issuance/origin.ts";
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

  it("carries the tags of an order's cards, however many", () => {
    for (const [data, count] of [
      [calls.one, 1],
      [calls.many, 7],
      [multicall, 8],
    ] as const) {
      const tags = Array.from({ length: count }, (_, index) => String(index + 1).padStart(16, "a"));
      const marked = markOrigin(data, "order", tags);
      expect(originOf(marked)).to.equal("order");
      expect(tagsIn(marked, count)).to.deep.equal(tags);
      expect(tagsIn(data, count)).to.equal(undefined);
      expect(tagsIn(markOrigin(data, "import"), count)).to.equal(undefined);
    }
  });

  it("changes nothing of what the contract is asked for", () => {
    const tags = Array.from({ length: 7 }, () => "0123456789abcdef");
    for (const data of [markOrigin(calls.many, "file"), markOrigin(calls.many, "order", tags)]) {
      const parsed = membershipCollectionInterface.parseTransaction({ data });
      expect(parsed?.name).to.equal("issue");
      expect(parsed?.args["holders"] ?? parsed?.args[1]).to.have.length(7);
    }
  });
});
