import { expect } from "chai";
import { getAddress } from "ethers";
import { checkTimeZone, parseExpiry } from "../../../server/issuance/expiry.ts";
import { IssuanceError, type Problem } from "../../../server/issuance/problems.ts";
import { type ParsedRow, parseRow } from "../../../server/issuance/rows.ts";

const WALLET = getAddress("0x5fbdb2315678afecb367f032d93f642f64180aa3");

/** Parses a line of the columns serial, holder, customer, tier, expiry, physical. */
function parse(cells: Partial<Record<"serial" | "holder" | "customer" | "tier" | "expiry" | "physical", string>>) {
  const { serial = "1", holder = "", tier = "1", expiry = "", physical = "" } = cells;
  const customer = cells.customer ?? (holder === "" ? "A" : "");
  const problems: Problem[] = [];
  const row: ParsedRow = parseRow(
    { line: 7, lastLine: 7, cells: [serial, holder, customer, tier, expiry, physical] },
    {
      columns: { serial: 0, holder: 1, customer: 2, tier: 3, expiry: 4, physical: 5 },
      width: 6,
      maxSupply: 5000,
      timeZone: "Asia/Shanghai",
    },
    problems,
  );
  expect(row.sound).to.equal(problems.length === 0);
  expect(problems.every(({ line }) => line === 7)).to.equal(true);
  return { row, reasons: problems.map(({ reason }) => reason) };
}

describe("a line of a spreadsheet", () => {
  it("gives a card", () => {
    const { row } = parse({ serial: "No. 0042", tier: "3", expiry: "2027-12-31", physical: " NB-１ " });
    expect(row).to.deep.equal({
      line: 7,
      sound: true,
      serial: 42,
      customer: "A",
      tier: 3,
      expiresAt: Date.UTC(2027, 11, 31, 16) / 1000,
      expiryText: "2027-12-31",
      physicalNumber: "NB-1",
    });
  });

  it("takes card numbers as brands write them", () => {
    for (const [text, serial] of Object.entries({
      "42": 42,
      "0042": 42,
      "No. 0042": 42,
      "№0042": 42,
      "#42": 42,
      "0042/5000": 42,
      "No.42 / 5,000": 42,
      "1,042": 1042,
      "42.0": 42,
      "４２": 42,
      第42号: 42,
      "'0042": 42,
      '="0042"': 42,
      "\u200b42\u00a0": 42,
      "5000": 5000,
    }))
      expect(parse({ serial: text }).row.serial, text).to.equal(serial);
  });

  it("refuses other card numbers with a reason", () => {
    for (const [text, reason] of Object.entries({
      "": "no card number",
      "0": "not within 1 to 5000",
      "5001": "not within 1 to 5000",
      "99999999999999999999": "not within 1 to 5000",
      "-1": "not a number",
      "1.5": "not a number",
      "0x2a": "not a number",
      "1,2": "not a number",
      "1.000": "1 or 1 thousand",
      "12.000": "12 or 12 thousand",
      "1e3": "not a number",
      "42/4000": "edition of 4000",
      "1.0E+03": "scientific notation",
      "12-Jan": "turned into a date",
      "1月12日": "turned into a date",
      "#REF!": "error of the spreadsheet program",
    })) {
      const { row, reasons } = parse({ serial: text });
      expect(reasons, text).to.have.length(1);
      expect(reasons[0], text).to.contain(reason);
      expect(row.serial, text).to.equal(undefined);
    }
  });

  it("takes addresses with a right checksum or with none", () => {
    for (const holder of [WALLET, WALLET.toLowerCase(), `0x${WALLET.slice(2).toUpperCase()}`, ` ${WALLET}\u202c`])
      expect(parse({ holder }).row.holder, holder).to.equal(WALLET);
  });

  it("refuses other addresses with a reason", () => {
    for (const [holder, reason] of [
      [WALLET.replace("F", "f"), "wrong checksum"],
      [WALLET.slice(2), "lacks the 0x"],
      [WALLET.slice(0, -1), "39 digits"],
      [`${WALLET}0`, "41 digits"],
      [WALLET.replace("5", "g"), "not an address"],
      ["XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "not an address"],
      [`0x${"0".repeat(40)}`, "zero address"],
      ["#N/A", "error of the spreadsheet program"],
    ] as const) {
      const { row, reasons } = parse({ holder });
      expect(reasons, holder).to.have.length(1);
      expect(reasons[0], holder).to.contain(reason);
      expect(row.holder).to.equal(undefined);
    }
  });

  it("wants either a holder address or a customer reference, in its column", () => {
    expect(parse({ holder: WALLET, customer: "A" }).reasons[0]).to.contain("both");
    expect(parse({ customer: " " }).reasons[0]).to.contain("neither");
    expect(parse({ customer: WALLET }).reasons[0]).to.contain("belongs in the column for holder addresses");
    for (const customer of ["1.38E+10", "#VALUE!", "Jan-26", "####", "A\nB", "A\u200bB", "\ufffd\ufffd1", "??-1"])
      expect(parse({ customer }).reasons, customer).to.have.length(1);
    expect(parse({ customer: "A\u200bB" }).reasons[0]).to.contain('"A\\u200bB" contains an invisible character');
    expect(parse({ customer: "??-1" }).reasons[0]).to.contain("lost in saving");
    expect(parse({ customer: "why?" }).row.customer).to.equal("why?");
    expect(parse({ customer: "1E5" }).row.customer).to.equal("1E5");
  });

  it("takes tiers from 0 to 255", () => {
    for (const [tier, number] of Object.entries({ "0": 0, "255": 255, "２": 2, "3.00": 3, "007": 7 }))
      expect(parse({ tier }).row.tier, tier).to.equal(number);
    for (const tier of ["256", "-1", "1.5", "Gold", "", "1e1"]) expect(parse({ tier }).reasons, tier).to.have.length(1);
  });

  it("reports everything that is wrong", () => {
    expect(parse({ serial: "x", customer: "", tier: "x", expiry: "x", physical: "####" }).reasons).to.have.length(5);
  });
});

describe("expiry", () => {
  const shanghai = (text: string) => parseExpiry(text, "Asia/Shanghai");

  it("of a day is the end of that day in the time zone", () => {
    const end = Date.UTC(2027, 11, 31, 16) / 1000;
    for (const text of [
      "2027-12-31",
      "2027/12/31",
      "2027.12.31",
      "2027年12月31日",
      "2027 年 12 月 31 日",
      "2027年12月31日 00:00:00",
      "20271231",
      "2027/12/31 0:00",
      "2027-12-31 00:00:00",
      "２０２７－１２－３１",
    ])
      expect(shanghai(text), text).to.deep.equal({ kind: "at", expiresAt: end });
    expect(shanghai("2027-1-5")).to.deep.equal({ kind: "at", expiresAt: Date.UTC(2027, 0, 5, 16) / 1000 });
    expect(parseExpiry("2027-12-31", "UTC")).to.deep.equal({ kind: "at", expiresAt: Date.UTC(2028, 0, 1) / 1000 });
    // The clocks change in the night after the day.
    expect(parseExpiry("2027-03-27", "Europe/Berlin")).to.deep.equal({
      kind: "at",
      expiresAt: Date.UTC(2027, 2, 27, 23) / 1000,
    });
    expect(parseExpiry("2027-03-28", "Europe/Berlin")).to.deep.equal({
      kind: "at",
      expiresAt: Date.UTC(2027, 2, 28, 22) / 1000,
    });
    expect(parseExpiry("2028-02-29", "America/New_York")).to.deep.equal({
      kind: "at",
      expiresAt: Date.UTC(2028, 2, 1, 5) / 1000,
    });
  });

  it("ends the day where the clocks skip midnight or show it twice", () => {
    for (const [day, timeZone, end] of [
      ["2027-09-04", "America/Santiago", "2027-09-05T04:00:00Z"],
      ["2027-04-03", "America/Santiago", "2027-04-04T04:00:00Z"],
      ["2027-03-27", "Asia/Beirut", "2027-03-27T22:00:00Z"],
      ["2027-10-30", "Asia/Beirut", "2027-10-30T22:00:00Z"],
      ["2027-03-13", "America/Havana", "2027-03-14T05:00:00Z"],
    ] as const)
      expect(parseExpiry(day, timeZone), `${day} ${timeZone}`).to.deep.equal({
        kind: "at",
        expiresAt: Date.parse(end) / 1000,
      });
  });

  it("of a moment is that moment", () => {
    for (const text of [
      "2027-12-31T18:00:00+08:00",
      "2027-12-31 18:00+0800",
      "2027-12-31T18:00:00 +08:00",
      "2027-12-31T10:00:00.500Z",
      "2027-12-31T10:00z",
    ])
      expect(shanghai(text), text).to.deep.equal({ kind: "at", expiresAt: Date.UTC(2027, 11, 31, 10) / 1000 });
  });

  it("may be never, or a spreadsheet program's number of a day", () => {
    for (const text of ["", " ", "never", "永久", "长期有效"]) expect(shanghai(text)).to.deep.equal({ kind: "never" });
    // Excel shows 46752 as 2027-12-31.
    expect(shanghai("46752")).to.deep.equal({
      kind: "at",
      expiresAt: Date.UTC(2027, 11, 31, 16) / 1000,
      dayNumber: true,
    });
  });

  it("is refused where it is not certain", () => {
    for (const [text, reason] of Object.entries({
      "03/04/2027": "more than one way",
      "31/12/2027": "does not begin with the year",
      "31.12.2027": "does not begin with the year",
      "46752.75": "a day and a time",
      "46752,75": "a day and a time",
      "27-12-31": "more than one way",
      "31-Dec-27": "more than one way",
      "2027-02-29": "does not exist",
      "2027-13-01": "does not exist",
      "2027-02-30T00:00:00Z": "does not exist",
      "2027-12-31T25:00:00Z": "not a time",
      "2027-12-31 18:00": "without a time zone",
      "2107-01-01": "too far away",
      "2027年12月": "not a date",
      "99999": "not a date",
      "2027": "not a date",
      soon: "not a date",
    })) {
      const expiry = shanghai(text);
      expect(expiry.kind === "unclear" ? expiry.reason : expiry, text).to.contain(reason);
    }
  });

  it("in the distant past is past, not never", () => {
    expect(shanghai("1960-01-01")).to.deep.equal({ kind: "at", expiresAt: 1 });
  });

  it("knows which time zones there are", () => {
    checkTimeZone("Asia/Shanghai");
    expect(() => checkTimeZone("Mars/Olympus")).to.throw(IssuanceError);
  });
});
