import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { expect } from "chai";
import { concat, keccak256, toUtf8Bytes, ZeroHash } from "ethers";
import { membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { decodeCards } from "../../../server/issuance/chain.ts";
import { commitmentRoot, commitmentTree } from "../../../server/issuance/commitment.ts";
import {
  type CardToIssue,
  encodeTransaction,
  gasBudget,
  gasFor,
  type PlanLimits,
  planTransactions,
} from "../../../server/issuance/plan.ts";

const COLLECTION = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
const HOLDER = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const LIMITS: PlanLimits = { maxCards: 200, gasBudget: gasBudget(1_000_000_000), gasFactor: 1 };

const cards = (serials: readonly number[], tierOf = (_: number) => 1): CardToIssue[] =>
  serials.map((serial) => ({ line: serial + 1, serial, holder: HOLDER, tier: tierOf(serial), expiresAt: 0 }));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
/** Each transaction as its batches' [first serial, count]. */
const shape = (planned: ReturnType<typeof planTransactions>) =>
  planned.map(({ batches }) => batches.map((batch) => [batch[0].serial, batch.length]));

describe("plan", () => {
  it("makes batches of consecutive serials with the same terms, whatever the order of the file", () => {
    const planned = planTransactions(
      cards([9, 3, 1, 2, 4, 6, 7], (serial) => (serial === 3 ? 2 : 1)),
      LIMITS,
    );
    expect(shape(planned)).to.deep.equal([
      [
        [1, 2],
        [3, 1],
        [4, 1],
        [6, 2],
        [9, 1],
      ],
    ]);
    expect(planned[0]?.cards).to.equal(7);
    const expiring = cards([1, 2]).map((card, index) => ({ ...card, expiresAt: index }));
    expect(shape(planTransactions(expiring, LIMITS))).to.deep.equal([
      [
        [1, 1],
        [2, 1],
      ],
    ]);
  });

  it("stays within the cap and the gas budget, and drops or doubles no card", () => {
    for (const [maxCards, blockGas, tiers] of [
      [200, 1_000_000_000, 1],
      [200, 1_000_000_000, 2],
      [1000, 1_000_000_000, 1],
      [200, 8_000_000, 3],
      [7, 30_000_000, 1],
    ] as const) {
      const limits = { maxCards, gasBudget: gasBudget(blockGas), gasFactor: 1 };
      const planned = planTransactions(
        cards(upTo(1000), (serial) => serial % tiers),
        limits,
      );
      expect(planned.flatMap(({ batches }) => batches.flat()).map(({ serial }) => serial)).to.deep.equal(upTo(1000));
      for (const transaction of planned) {
        expect(transaction.cards).to.equal(transaction.batches.flat().length);
        expect(transaction.cards).to.be.at.most(maxCards);
        expect(transaction.gas).to.equal(gasFor(transaction.batches.length, transaction.cards, 1));
        expect(transaction.gas).to.be.at.most(Math.min(blockGas / 4, 2 ** 24));
      }
    }
    expect(planTransactions(cards([1]), { ...LIMITS, gasBudget: 10_000 })).to.deep.equal([]);
  });

  it("makes the same transactions of what is left", () => {
    const all = cards(upTo(1000), (serial) => (serial % 17 === 0 ? 2 : 1));
    const planned = planTransactions(all, LIMITS);
    const left = all.slice(planned.slice(0, 2).reduce((sum, transaction) => sum + transaction.cards, 0));
    expect(planTransactions(left, LIMITS)).to.deep.equal(planned.slice(2));
  });

  it("calls issue directly for one batch, and multicall for several", () => {
    const [one] = planTransactions(cards([1, 2]), LIMITS);
    const [several] = planTransactions(cards([1, 3]), LIMITS);
    if (one === undefined || several === undefined) throw new Error("nothing planned");
    const issue = (serial: number, count: number) =>
      membershipCollectionInterface.encodeFunctionData("issue", [
        serial,
        Array.from({ length: count }, () => HOLDER),
        { tier: 1, expiresAt: 0 },
        `0x${String(serial).padStart(64, "0")}`,
        `0x${String(serial).padStart(64, "1")}`,
      ]);
    const notesOf = ([first]: readonly CardToIssue[]) => ({
      commitmentRoot: `0x${String(first?.serial).padStart(64, "0")}`,
      batchReference: `0x${String(first?.serial).padStart(64, "1")}`,
    });
    expect(encodeTransaction(one, notesOf)).to.equal(issue(1, 2));
    expect(encodeTransaction(several, notesOf)).to.equal(
      membershipCollectionInterface.encodeFunctionData("multicall", [[issue(1, 1), issue(3, 1)]]),
    );
  });
});

describe("commitment", () => {
  const keys = { commitmentSalt: (_: string, serial: number) => new Uint8Array(32).fill(serial) };

  it("is the root over (serial, keccak256(salt, number)), provable for each card", () => {
    const numbered = [{ serial: 1, physicalNumber: "A-1" }, { serial: 2 }, { serial: 3, physicalNumber: "编号-3" }];
    const root = commitmentRoot(numbered, COLLECTION, keys);
    const tree = commitmentTree(numbered, COLLECTION, keys);
    const leaf: [number, string] = [3, keccak256(concat([new Uint8Array(32).fill(3), toUtf8Bytes("编号-3")]))];
    expect(StandardMerkleTree.verify(root, ["uint256", "bytes32"], leaf, tree?.getProof(leaf) ?? [])).to.equal(true);
    expect([...(tree?.entries() ?? [])]).to.have.length(2);
    const changed = numbered.map((card) => (card.serial === 3 ? { ...card, physicalNumber: "编号-4" } : card));
    expect(commitmentRoot(changed, COLLECTION, keys)).not.to.equal(root);
    expect(commitmentRoot([...numbered].reverse(), COLLECTION, keys)).to.equal(root);
  });

  it("is zero where no card has a number", () => {
    expect(commitmentRoot([{ serial: 1 }, { serial: 2 }], COLLECTION, keys)).to.equal(ZeroHash);
  });
});

describe("decoding cards", () => {
  it("agrees with the library, and notices what is no list of cards", () => {
    const issued = [
      [HOLDER, 1_700_000_000n, 4_294_967_295n, 255n, 2n, 65_535n],
      [`0x${"0".repeat(40)}`, 0n, 0n, 0n, 0n, 0n],
    ];
    const result = membershipCollectionInterface.encodeFunctionResult("cardsOf", [issued]);
    expect(decodeCards(result, 41)).to.deep.equal([
      { serial: 41, holder: HOLDER, tier: 255, expiresAt: 4_294_967_295, status: "Suspended", generation: 65_535 },
      { serial: 42, holder: `0x${"0".repeat(40)}`, tier: 0, expiresAt: 0, status: "None", generation: 0 },
    ]);
    for (const wrong of ["0x", result.slice(0, -64), `${result}${"0".repeat(64)}`, `0x${"0".repeat(128)}`])
      expect(decodeCards(wrong, 1), wrong.slice(0, 20)).to.equal(undefined);
  });
});
