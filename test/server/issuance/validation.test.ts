import { expect } from "chai";
import { getAddress, Mnemonic } from "ethers";
import { UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import type { CardOnChain, CollectionOnChain } from "../../../server/issuance/chain.ts";
import { createHolderDerivation } from "../../../server/issuance/holder-derivation.ts";
import { readSpreadsheet } from "../../../server/issuance/spreadsheet.ts";
import { validateSpreadsheet } from "../../../server/issuance/validation.ts";

const COLLECTION: CollectionOnChain = {
  address: getAddress("0x5fbdb2315678afecb367f032d93f642f64180aa3"),
  name: "Black",
  maxSupply: 100,
  highestTier: 255,
  longestTerm: UNLIMITED_TERM,
  brandId: 1,
  brandName: "Noirance",
  brandStatus: "Active",
};
const REGISTRY = getAddress("0x00000000000000000000000000000000000000aa");
const NOW = Date.UTC(2026, 4, 1) / 1000;
const HEADER = "no,holder,customer,tier,expiry,physical card number";
const holders = createHolderDerivation(
  Mnemonic.fromPhrase("test test test test test test test test test test test junk"),
);

async function validate(lines: readonly string[], onChain: CardOnChain[] = [], clock = NOW) {
  const asked: number[] = [];
  const outcome = await validateSpreadsheet({
    spreadsheet: readSpreadsheet(new TextEncoder().encode([HEADER, ...lines].join("\n"))),
    collection: COLLECTION,
    chain: {
      registry: REGISTRY,
      head: async () => ({ number: 1, timestamp: clock, gasLimit: 30_000_000, baseFee: 0n }),
      cards: async (_, serials) => {
        asked.push(...serials);
        return new Map(onChain.filter(({ serial }) => serials.includes(serial)).map((card) => [card.serial, card]));
      },
    },
    keys: { holderAddress: holders.address },
    timeZone: "Asia/Shanghai",
    now: NOW,
  });
  return { ...outcome, asked, problems: outcome.problems.map(({ line, reason }) => `${line}: ${reason}`) };
}

const card = (serial: number, changes: Partial<CardOnChain> = {}): CardOnChain => ({
  serial,
  holder: holders.address("A"),
  tier: 1,
  expiresAt: 0,
  status: "Active",
  generation: 0,
  ...changes,
});

describe("validation", () => {
  it("gives the cards, and which of them are on chain already", async () => {
    const { cards, outstanding, custodial, problems, warnings } = await validate(
      ["1,,A,1,,", "2,0x00000000000000000000000000000000000000ab,,2,2027-12-31,X-1", "3,,A,1,,"],
      [card(1)],
    );
    expect(problems).to.deep.equal([]);
    expect(warnings).to.deep.equal([]);
    expect(cards).to.deep.equal([
      { line: 2, serial: 1, holder: holders.address("A"), tier: 1, expiresAt: 0 },
      {
        line: 3,
        serial: 2,
        holder: getAddress("0x00000000000000000000000000000000000000ab"),
        tier: 2,
        expiresAt: Date.UTC(2027, 11, 31, 16) / 1000,
        physicalNumber: "X-1",
      },
      { line: 4, serial: 3, holder: holders.address("A"), tier: 1, expiresAt: 0 },
    ]);
    expect(outstanding.map(({ serial }) => serial)).to.deep.equal([2, 3]);
    expect(custodial).to.equal(2);
  });

  it("names both lines of a serial or physical number that stands twice", async () => {
    const { problems } = await validate(["7,,A,1,,P", "0007/100,,B,1,,", "8,,C,1,,Ｐ", "No. 7,,A,x,,"]);
    expect(problems).to.deep.equal([
      "3: card 7 is on line 2 already; each card has one line",
      '4: the physical card number "P" is on line 2 already',
      '5: the tier "x" is not a whole number from 0 to 255',
      "5: card 7 is on line 2 already; each card has one line",
    ]);
  });

  it("compares with what is issued: the same is no problem, anything else is", async () => {
    const other = getAddress("0x00000000000000000000000000000000000000bb");
    const lines = ["1,,A,1,,", "2,,A,1,,", "3,,A,1,,", "4,,A,1,,", "5,,A,1,,", "6,,A,1,2020-01-01,"];
    const { problems, asked } = await validate(lines, [
      card(1),
      card(2, { holder: other, status: "Revoked" }),
      card(3, { tier: 9 }),
      card(4, { expiresAt: NOW }),
      // Passed on since, which the file cannot know.
      card(5, { holder: other, generation: 1 }),
      // Issued long ago, expired since: still no problem.
      card(6, { expiresAt: Date.UTC(2020, 0, 1, 16) / 1000, status: "Suspended" }),
    ]);
    const ending = "; a serial is issued only once, so correct or remove the line";
    expect(problems).to.deep.equal([
      `3: card 2 was already issued to another holder (${other})${ending}`,
      `4: card 3 was already issued with tier 9 instead of 1${ending}`,
      `5: card 4 was already issued with the expiry 2026-05-01T00:00:00Z instead of never${ending}`,
    ]);
    expect(asked).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it("wants the expiry in the future of the chain's clock, and of the wall clock where the chain's newest block is old", async () => {
    const line = ["1,,A,1,2026-06-01,"];
    expect((await validate(line)).problems).to.have.length(0);
    expect((await validate(line, [], NOW + 40 * 86_400)).problems[0]).to.contain("has passed");
    expect((await validate(["1,,A,1,2026-04-01,"], [], 1)).problems[0]).to.contain("has passed");
  });

  it("refuses the collection and the registry as holders", async () => {
    const { problems } = await validate([`1,${COLLECTION.address},,1,,`, `2,${REGISTRY},,1,,`]);
    expect(problems).to.have.length(2);
    expect(problems[0]).to.contain("own");
  });

  it("finds long numbers that were rounded, but leaves single numbers that end in zeros alone", async () => {
    const rounded = await validate(["1,,622202100011234000,1,,", "2,,622202100011235000,1,,"]);
    expect(rounded.problems).to.have.length(2);
    expect(rounded.problems[0]).to.contain("rounded");
    for (const lines of [["1,,6222021000112340,1,,"], ["1,,622202100011234000,1,,", "2,,622202100011235001,1,,"]])
      expect((await validate(lines)).problems).to.deep.equal([]);
  });

  it("names every line of a large file that is wrong throughout", async () => {
    const { problems } = await validate(Array.from({ length: 100_000 }, () => "7,,A,1,2027-12-31,P"));
    expect(problems).to.have.length(2 * 99_999);
  });

  it("warns of references that a program has made decimal", async () => {
    const { warnings } = await validate(["1,,10001.0,1,,", "2,,10002.0,1,,"]);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain('On 2 lines, the first of them line 2, a reference or number ends with ".0"');
  });

  it("warns of what is odd", async () => {
    const { warnings, problems } = await validate(["1,,nr-1,1,46752,", "2,,NR-1,1,,"]);
    expect(problems).to.deep.equal([]);
    expect(warnings).to.have.length(2);
    expect(warnings[0]).to.contain("46752");
    expect(warnings[1]).to.contain('"NR-1" on line 3 differs from the one on line 2');
  });
});
