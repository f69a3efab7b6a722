import { expect } from "chai";
import { columnNamed, findColumns } from "../../../server/issuance/columns.ts";
import { IssuanceError, problemLines, problemsCsv } from "../../../server/issuance/problems.ts";
import { readSpreadsheet } from "../../../server/issuance/spreadsheet.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

function utf16(text: string, bigEndian: boolean): Uint8Array {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return bigEndian ? bytes.swap16() : bytes;
}

/** Each record as [line, ...cells]. */
function records(bytes: Uint8Array): unknown[] {
  const { header, rows } = readSpreadsheet(bytes);
  return [header, ...rows].map(({ line, cells }) => [line, ...cells]);
}

describe("spreadsheet reader", () => {
  const table = "编号,客户编号,等级\n1,顾客-甲,2\n";
  const expected = [
    [1, "编号", "客户编号", "等级"],
    [2, "1", "顾客-甲", "2"],
  ];

  it("reads UTF-8 with and without a byte order mark", () => {
    for (const bytes of [utf8(table), utf8(`\ufeff${table}`)]) {
      expect(records(bytes)).to.deep.equal(expected);
      expect(readSpreadsheet(bytes).encoding).to.equal("UTF-8");
    }
  });

  it("reads what Excel calls Unicode text: UTF-16 and tabs", () => {
    for (const bigEndian of [false, true]) {
      const sheet = readSpreadsheet(utf16(table.replaceAll(",", "\t"), bigEndian));
      expect([sheet.encoding, sheet.delimiter]).to.deep.equal(["UTF-16", "\t"]);
      expect(sheet.rows[0]?.cells).to.deep.equal(["1", "顾客-甲", "2"]);
    }
  });

  it("reads what Excel writes on a Chinese Windows, and says that it assumed so", () => {
    // "编号,等级\r\n1,2\r\n" in GB 2312.
    const bytes = Buffer.concat([Buffer.from("b1e0bac52cb5c8bcb60d0a", "hex"), Buffer.from("1,2\r\n")]);
    expect(records(bytes)).to.deep.equal([
      [1, "编号", "等级"],
      [2, "1", "2"],
    ]);
    expect(readSpreadsheet(bytes).encoding).to.equal("GB18030");
  });

  it("does not take what Excel writes on a Western Windows for Chinese", () => {
    for (const name of ["Müller", "René", "Groß,Bär", "Ærø"])
      expect(() => readSpreadsheet(Buffer.from(`no,customer\n1,${name}\n`, "latin1")), name).to.throw(
        IssuanceError,
        "not text in UTF-8",
      );
  });

  it("finds the header row below a title, remarks and blank rows", () => {
    for (const delimiter of [",", ";", "\t"]) {
      const text = "Members, as of 2026-01-01\n\nby: Li, Wang||\nno|customer|tier|expiry\n1|A|1|\n";
      const { above, header, rows, delimiter: found } = readSpreadsheet(utf8(text.replaceAll("|", delimiter)));
      expect(found).to.equal(delimiter);
      expect(above.map(({ line }) => line)).to.deep.equal([1, 3]);
      expect([header.line, header.cells]).to.deep.equal([4, ["no", "customer", "tier", "expiry"]]);
      expect(rows.map(({ line }) => line)).to.deep.equal([5]);
    }
    // Without a header row that is known, the first row is the one to complain about.
    expect(readSpreadsheet(utf8("a,b\nno,tier\n")).header.line).to.equal(1);
  });

  it("does not lose the rows between two stray quotation marks", () => {
    const header = "no,customer,tier,expiry,remark\n";
    const { problems } = readSpreadsheet(utf8(`${header}1,A,1,,"tall\n2,B,1,,\n3,C,1,,"wide"\n4,D,1,,\n`));
    expect(problems.map(({ line }) => line)).to.deep.equal([2]);
    expect(problems[0]?.reason).to.contain("goes on to line 4");
    const harmless = readSpreadsheet(utf8(`${header}1,A,1,,"tall, thin\nand, all in all, pale"\n`));
    expect(harmless.problems).to.deep.equal([]);
  });

  it("finds the delimiter, also the one that the file announces", () => {
    for (const [text, line] of [
      ["no;tier;expiry\n1;2;\n", 2],
      ["no\ttier\texpiry\n1\t2\t\n", 2],
      ["no,tier,expiry\n1,2,\n", 2],
      ["sep=;\r\nno;tier;expiry\r\n1;2;\r\n", 3],
      ['"sep=,"\nno,tier,expiry\n1,2,\n', 3],
    ] as const)
      expect(records(utf8(text))[1], text).to.deep.equal([line, "1", "2", ""]);
    // More commas than semicolons, but only semicolons make sense of the header.
    expect(readSpreadsheet(utf8('no;tier;"a,b,c,d,e"\n')).delimiter).to.equal(";");
    expect(() => readSpreadsheet(utf8("sep=|\nno|tier\n"))).to.throw(IssuanceError, "separator");
  });

  it("counts lines as an editor does, over every kind of line end and inside quotation marks", () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      const text = ["", "no,tier", "", '1,"a', 'b"', ",", "2,", '"3 ""x""",y', ""].join(end);
      expect(records(utf8(text)), JSON.stringify(end)).to.deep.equal([
        [2, "no", "tier"],
        [4, "1", "a\nb"],
        [7, "2", ""],
        [8, '3 "x"', "y"],
      ]);
    }
  });

  it("takes an unclosed quotation mark for a problem of its line only", () => {
    const { rows, problems } = readSpreadsheet(utf8('no,tier\n1,a\n2,"b\n3,c\n4,d\n'));
    expect(problems).to.deep.equal([{ line: 3, reason: "a quotation mark is opened and never closed" }]);
    expect(rows.map(({ line, cells }) => [line, ...cells])).to.deep.equal([
      [2, "1", "a"],
      [4, "3", "c"],
      [5, "4", "d"],
    ]);
  });

  it("says what to do with a workbook, with other bytes and with nothing", () => {
    for (const [bytes, message] of [
      [Buffer.from("504b0304140006000800", "hex"), "Excel workbook"],
      [Buffer.from("d0cf11e0a1b11ae1", "hex"), "Excel workbook"],
      [Buffer.from([0x6e, 0x00, 0x6f, 0x00]), "zero byte on line 1"],
      [utf8(`no,tier\n${"1,1\n".repeat(5000)}2,\0`), "zero byte on line 5002"],
      [utf16("no\ttier\n", false).subarray(0, -1), "cut off"],
      [Buffer.from("%PDF-1.7\n1 0 obj\n"), "PDF"],
      [utf8('\ufeff<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table>'), "HTML"],
      [utf8('<?xml version="1.0"?><Workbook/>'), "XML"],
      [utf8('[{"no":1}]'), "JSON"],
      [Buffer.from("1f8b080000", "hex"), "compressed"],
      [Buffer.from([0x6e, 0xff, 0xff, 0x0a]), "not text"],
      [utf8(""), "empty"],
      [utf8("\ufeff\r\n,,\r\n"), "empty"],
    ] as const)
      expect(() => readSpreadsheet(bytes), message).to.throw(IssuanceError, message);
  });
});

describe("columns", () => {
  it("knows headers in English and Chinese, however they are written", () => {
    for (const [name, headers] of Object.entries({
      serial: [
        "Card number",
        "CARD_NO.",
        "serial",
        "No.",
        "№",
        "编号",
        "卡号",
        "会员卡号",
        " 编 号 ",
        "Card number / 卡号",
        "卡号 Card No.",
        "Card No.：卡号",
      ],
      holder: ["Holder", "holder-address", "Wallet Address", "持有人", "持有人地址", "地址", "钱包地址"],
      customer: ["customer", "Customer reference", "Customer_ID", "member id", "顾客", "客户编号", "Customer (CRM)"],
      tier: ["Tier", "LEVEL", "等级", "会员等级", "ｔｉｅｒ", "Tier (0-255)"],
      expiry: ["Expiry", "expires", "Valid until", "到期日", "有效期至", "有效期（至）", "Expiry date\n到期日"],
      physical: ["Physical card number", "实体卡号", "physical_card_number"],
    })) {
      for (const header of headers) expect(columnNamed(header), header).to.equal(name);
    }
    for (const header of ["", "Remark", "备注", "Card number / Tier", "卡号 Tier", "有效期 Start", "name", "电话"])
      expect(columnNamed(header), header).to.equal(undefined);
  });

  it("lists only so many columns of a file that is something else", () => {
    const header = Array.from({ length: 5000 }, (_, index) => `c${index}`);
    expect(() => findColumns(header)).to.throw(IssuanceError, '"c29" and 4970 more');
  });

  it("reports unknown columns, and refuses missing and doubled ones", () => {
    expect(findColumns(["备注", "卡号", "", "客户编号", "等级", "有效期至"])).to.deep.equal({
      columns: { serial: 1, customer: 3, tier: 4, expiry: 5 },
      unknown: ["备注"],
    });
    expect(() => findColumns(["卡号", "编号", "客户编号", "等级", "到期日"])).to.throw(
      IssuanceError,
      '"卡号" and "编号"',
    );
    expect(() => findColumns(["card number", "tier"])).to.throw(
      IssuanceError,
      'no column "expiry / 到期日", no column "holder address / 持有人地址" or "customer reference / 客户编号"',
    );
    expect(() => findColumns(["a", "b"])).to.throw(IssuanceError, '"card number / 编号"');
  });
});

describe("problems", () => {
  const problems = [1, 2, 3].map((line) => ({ line, reason: `reason ${line}` }));

  it("are shown up to a limit, without letting the file write to the terminal", () => {
    expect(problemLines(problems, 3)).to.deep.equal(["line 1: reason 1", "line 2: reason 2", "line 3: reason 3"]);
    expect(problemLines(problems, 1)).to.deep.equal([
      "line 1: reason 1",
      "and 2 more; write them all to a file with --errors <file>",
    ]);
    expect(problemLines([{ line: 1, reason: "a\u001b[2Jb\nc" }], 9)).to.deep.equal(["line 1: a\\u001b[2Jb⏎c"]);
  });

  it("are written as CSV that no spreadsheet program runs", () => {
    const reasons = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", 'say "a", b', "plain"];
    expect(problemsCsv(reasons.map((reason, index) => ({ line: index + 1, reason })))).to.equal(
      '\ufeffline,reason\r\n1,\'=1+1\r\n2,\'+1\r\n3,\'-1\r\n4,\'@SUM(A1)\r\n5,"\'\t=1"\r\n6,"say ""a"", b"\r\n7,plain\r\n',
    );
  });
});
