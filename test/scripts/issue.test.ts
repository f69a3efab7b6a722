// npm run issue, from the outside in: real processes against a real chain, interrupted, killed and run side by side.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "chai";
import { Contract, ZeroHash } from "ethers";
import { membershipCollectionInterface } from "../../server/chain/abi.ts";
import { commitmentRoot } from "../../server/issuance/commitment.ts";
import { createFixture, type Fixture } from "../server/issuance/fixture.ts";
import { until } from "../support/patience.ts";

const EXAMPLES = resolve(import.meta.dirname, "../../examples");
const BLACK = `${EXAMPLES}/noirance-black.csv`;
/** Midnight in Shanghai after the day, as the examples' expiry dates mean it. */
const END_OF = {
  "2028-12-31": Date.UTC(2028, 11, 31, 16) / 1000,
  "2029-12-31": Date.UTC(2029, 11, 31, 16) / 1000,
  "2031-12-31": Date.UTC(2031, 11, 31, 16) / 1000,
} as Record<string, number>;

describe("npm run issue", () => {
  let fixture: Fixture;
  let slugs = 0;

  before(async () => {
    fixture = await createFixture();
  });
  after(async () => await fixture.close());

  async function collection(
    maxSupply = 5000,
    declared: { highestTier?: number; longestTerm?: number } = {},
  ): Promise<{ slug: string; address: string }> {
    const slug = `noirance-edition-${++slugs}`;
    const address = await fixture.chain.createCollection({ brandId: fixture.brandId, slug, maxSupply, ...declared });
    return { slug, address };
  }

  /** What the chain must say once the example is issued, read from the file by other code than the one under test. */
  function blackCards(file = BLACK): Map<number, string> {
    const [, ...lines] = readFileSync(file, "utf8").trim().split("\n");
    const addresses = new Map<string, string>();
    return new Map(
      lines.map((line) => {
        const [serial = "", customer = "", tier = "", expiry = ""] = line.split(",");
        if (!addresses.has(customer)) addresses.set(customer, fixture.keys.holderWallet(customer).address);
        return [Number(serial), `${addresses.get(customer)} ${tier} ${END_OF[expiry]} Active`];
      }),
    );
  }

  async function expectIssuedOnce(address: string, expected: Map<number, string>): Promise<void> {
    expect(await fixture.state(address)).to.deep.equal(expected);
    expect([...(await fixture.transfers(address)).values()].every((count) => count === 1)).to.equal(true);
    expect((await fixture.transfers(address)).size).to.equal(expected.size);
  }

  it("issues 5,000 cards although it is interrupted, killed and run again, each card once", async () => {
    const { slug, address } = await collection();
    const argv = ["--collection", slug, "--csv", BLACK];
    const issuedSoFar = async () => (await fixture.transfers(address)).size;

    const first = fixture.start(argv);
    await until(() => /Issued 1,\d\d\d of 5,000/.test(first.output()));
    first.process.kill("SIGINT");
    const interrupted = await first.result;
    expect(interrupted.code, interrupted.stderr).to.equal(130);
    const afterInterrupt = await issuedSoFar();
    expect(afterInterrupt).to.be.within(1000, 3000);
    expect(interrupted.stdout).to.contain(
      `Interrupted: ${afterInterrupt.toLocaleString("en")} of 5,000 cards are issued. Run the same command again to go on.`,
    );

    const second = fixture.start(argv);
    await until(() => /Issued 3,\d\d\d of 5,000/.test(second.output()));
    second.process.kill("SIGKILL");
    expect((await second.result).signal).to.equal("SIGKILL");
    const afterKill = await issuedSoFar();
    expect(afterKill).to.be.within(afterInterrupt + 1, 4999);

    const third = await fixture.run(argv);
    expect(third.code, third.stderr).to.equal(0);
    expect(third.stdout).to.contain("All 5,000 cards of the file are issued");
    expect(third.stdout).to.contain("these are demo keys");
    await expectIssuedOnce(address, blackCards());

    const nonce = await fixture.chain.provider.getTransactionCount(fixture.keys.issuer.address);
    const fourth = await fixture.run(argv);
    expect(fourth.code).to.equal(0);
    expect(fourth.stdout).to.contain("nothing to do");
    expect(await fixture.chain.provider.getTransactionCount(fixture.keys.issuer.address)).to.equal(nonce);
  });

  it("issues each card once when two processes issue the same file at the same time", async () => {
    const { slug, address } = await collection();
    // Enough for many batches of each, which meet all the way.
    const file = fixture.file("thousand.csv", readFileSync(BLACK, "utf8").split("\n").slice(0, 1_001).join("\n"));
    const argv = ["--collection", slug, "--csv", file];
    const results = await Promise.all([
      fixture.run([...argv, "--batch-size", "50"]),
      fixture.run([...argv, "--batch-size", "30"]),
    ]);
    for (const { code, stdout, stderr } of results) {
      expect(code, stderr).to.equal(0);
      expect(stdout).to.contain("All 1,000 cards of the file are issued");
    }
    await expectIssuedOnce(address, blackCards(file));
  });

  it("binds the physical cards of each batch by a root that can be made again, and shows no physical number", async () => {
    const { address } = await collection(300);
    const lines = readFileSync(BLACK, "utf8").split("\n").slice(0, 301);
    const csv = fixture.file("three-hundred.csv", lines.join("\n"));
    expect((await fixture.run(["--collection", address, "--csv", csv])).code).to.equal(0);

    const numbers = lines.slice(1).map((line) => line.split(",")[4] ?? "");
    const cards = numbers.map((physicalNumber, index) => ({ serial: index + 1, physicalNumber }));
    const contract = new Contract(address, membershipCollectionInterface, fixture.chain.provider);
    // Tier 3 ends at 50; a transaction takes 200 cards.
    for (const [from, to] of [
      [1, 50],
      [51, 200],
      [201, 300],
    ] as const) {
      const expected = commitmentRoot(cards.slice(from - 1, to), address, fixture.keys);
      expect(expected).not.to.equal(ZeroHash);
      expect([...(await contract.getFunction("batchOf")(to))]).to.deep.equal([BigInt(from), expected]);
    }
    const logs = await fixture.chain.rpc.call("eth_getLogs", [{ address, fromBlock: "0x0", toBlock: "latest" }]);
    const head = Number(await fixture.chain.rpc.call("eth_blockNumber"));
    const blocks = await Promise.all(
      Array.from({ length: 3 }, (_, back) =>
        fixture.chain.rpc.call("eth_getBlockByNumber", [`0x${(head - back).toString(16)}`, true]),
      ),
    );
    const published = JSON.stringify([logs, blocks]).toLowerCase();
    expect(published).to.contain(address.slice(2));
    for (const number of numbers.slice(0, 50)) expect(published).not.to.contain(Buffer.from(number).toString("hex"));
  });

  it("goes on to its end although nobody reads what it prints", async () => {
    const { slug, address } = await collection(1000);
    const running = fixture.start(["--collection", slug, "--csv", `${EXAMPLES}/lanting-garden.csv`]);
    await until(() => running.output() !== "");
    running.process.stdout?.destroy();
    running.process.stderr?.destroy();
    expect((await running.result).code).to.equal(0);
    expect((await fixture.state(address)).size).to.equal(1000);
  });

  it("ends at once when it is interrupted before it sends anything", async () => {
    const { slug, address } = await collection();
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const running = fixture.start(["--collection", slug, "--csv", BLACK]);
      await until(() => running.output().includes("demo keys"));
      running.process.kill(signal);
      const result = await running.result;
      expect(result.code).to.equal(code);
      expect(result.stderr).to.contain("Nothing was issued");
    }
    expect(await fixture.state(address)).to.deep.equal(new Map());
  });

  it("takes two signals of one key press, as npm passes them on, for one", async () => {
    const { slug, address } = await collection();
    const running = fixture.start(["--collection", slug, "--csv", BLACK, "--batch-size", "50"]);
    await until(() => running.output().includes("Issued 100 of"));
    running.process.kill("SIGINT");
    setTimeout(() => running.process.kill("SIGINT"), 30);
    const { code, stdout } = await running.result;
    expect(code).to.equal(130);
    expect(stdout).to.contain(`Interrupted: ${(await fixture.state(address)).size} of 5,000 cards are issued.`);
  });

  it("reports every bad line with its number and issues nothing", async () => {
    const { slug, address } = await collection();
    const errors = `${fixture.dataFolder}/errors.csv`;
    const { code, stdout, stderr } = await fixture.run([
      ...["--collection", slug, "--csv", `${EXAMPLES}/bad-lines.csv`, "--errors", errors],
    ]);
    expect(code).to.equal(1);
    const problems = stderr
      .split("\n")
      .flatMap((line) => /^ {2}line (\d+): (.*)$/.exec(line)?.slice(1, 3).join(" ") ?? []);
    expect(problems).to.deep.equal(BAD_LINES);
    expect(new Set(problems.map((problem) => problem.split(" ")[0])).size).to.be.above(20);
    expect(stderr).to.contain("Nothing was issued");
    expect(stderr).to.contain('The column "Remark" is not known');
    expect(stdout).not.to.contain("Issued");
    expect(await fixture.state(address)).to.deep.equal(new Map());
    const written = readFileSync(errors, "utf8");
    expect(written.startsWith("\ufeffline,reason\r\n3,")).to.equal(true);
    expect(written.trim().split("\r\n")).to.have.length(problems.length + 1);
  });

  it("refuses tiers and terms that the collection has not declared, and issues nothing", async () => {
    const { slug, address } = await collection(100, { highestTier: 2, longestTerm: 400 * 86_400 });
    const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const lines = [`1,A,2,${day(300)}`, `2,B,3,${day(300)}`, `3,C,1,${day(500)}`, "4,D,0,", `5,E,9,${day(500)}`];
    const file = fixture.file("undeclared.csv", `编号,客户编号,等级,到期日\n${lines.join("\n")}\n`);
    const { code, stderr } = await fixture.run(["--collection", slug, "--csv", file]);
    expect(code).to.equal(1);
    const problems = stderr.split("\n").flatMap((line) => /^ {2}(line \d+: .*)$/.exec(line)?.[1] ?? []);
    const tooLate =
      /the expiry "[\d-]+" is too late: a card of this collection is valid for at most 400 days, now until/;
    expect(problems).to.have.length(5);
    expect(problems[0]).to.equal(
      "line 3: the tier 3 is not a tier of this collection, whose cards have the tiers 0 to 2",
    );
    expect(problems[1]).to.match(new RegExp(`^line 4: ${tooLate.source}`));
    expect(problems[2]).to.match(/^line 5: the expiry has no end: /);
    expect(problems[3]).to.match(/^line 6: the tier 9 is not a tier/);
    expect(problems[4]).to.match(new RegExp(`^line 6: ${tooLate.source}`));
    expect(await fixture.state(address)).to.deep.equal(new Map());
  });

  it("refuses a file that disagrees with what is issued, and issues nothing of it", async () => {
    const { slug, address } = await collection(100);
    const header = "编号,客户编号,等级,到期日\n";
    const before = fixture.file("before.csv", `${header}1,A,1,2028-12-31\n2,B,1,\n`);
    expect((await fixture.run(["--collection", slug, "--csv", before])).code).to.equal(0);
    const state = await fixture.state(address);
    expect(state.size).to.equal(2);

    const after = fixture.file("after.csv", `${header}1,A,1,2028-12-31\n2,C,2,2028-12-31\n3,D,1,\n`);
    const { code, stderr } = await fixture.run(["--collection", slug, "--csv", after]);
    expect(code).to.equal(1);
    expect(stderr).to.contain("1 problem on 1 line.");
    expect(stderr).to.contain(
      `line 3: card 2 was already issued to another holder (${fixture.keys.holderAddress("B")}) and with tier 1 instead of 2 and with the expiry never instead of 2028-12-31T16:00:00Z`,
    );
    expect(await fixture.state(address)).to.deep.equal(state);
  });

  it("sends nothing in a dry run, and says what it would do", async () => {
    const { slug, address } = await collection(1000);
    const { code, stdout } = await fixture.run([
      ...["--collection", slug, "--csv", `${EXAMPLES}/lanting-garden.csv`, "--dry-run"],
    ]);
    expect(code).to.equal(0);
    const facts = stdout.replace(/ {2,}/g, " ");
    for (const fact of [
      "To issue 1,000 in 6 batches, 5 transactions",
      "Already issued 0",
      "Tier 1 900 cards",
      "Tier 2 100 cards",
      "Never expires 900 cards",
      "Valid through 2030-12-31 100 cards",
      "Physical cards none bound",
      "Dry run: nothing was sent.",
    ])
      expect(facts).to.contain(fact);
    expect(await fixture.state(address)).to.deep.equal(new Map());
  });

  it("issues the file that Excel exports, and the one with citizens' own wallets", async () => {
    for (const name of ["lanting-river", "lanting-garden"]) {
      const { slug, address } = await collection(1000);
      const { code, stderr } = await fixture.run(["--collection", slug, "--csv", `${EXAMPLES}/${name}.csv`]);
      expect(code, stderr).to.equal(0);
      const rows = readFileSync(`${EXAMPLES}/${name}.csv`, "utf8").trim().split(/\r?\n/).slice(1);
      const expected = rows.map((row) => {
        const cells = row.split(",");
        return name === "lanting-river"
          ? `${fixture.keys.holderAddress(cells[1] ?? "")} 1 ${END_OF["2029-12-31"]} Active`
          : `${cells[1] || fixture.keys.holderAddress(cells[2] ?? "")} ${cells[3]} ${cells[4] ? Date.UTC(2030, 11, 31, 16) / 1000 : 0} Active`;
      });
      expect(await fixture.state(address)).to.deep.equal(new Map(expected.map((card, index) => [index + 1, card])));
    }
  });

  describe("says in one sentence what is wrong", () => {
    const csv = ["--csv", BLACK];

    async function failure(argv: string[], environment?: Record<string, string>) {
      const { code, stdout, stderr } = await fixture.run(argv, environment);
      expect(stdout + stderr).not.to.match(/\n\s+at /);
      return { code, stderr };
    }

    it("on the command line", async () => {
      for (const argv of [
        ["--collection", "x"],
        csv,
        ["--collection", "x", ...csv, "--bogus"],
        ["--collection", "x", ...csv, "extra"],
        ["--collection", "x", ...csv, "--batch-size", "0"],
        ["--collection", "x", ...csv, "--batch-size", "1e9"],
        ["--collection", "x", ...csv, "--batch-size", ""],
        ["--collection", "x", ...csv, ...csv],
        ["--collection", "x", "--csv", "-"],
        ["--collection", "x", ...csv, "--errors", BLACK],
        ["--collection", "x", ...csv, "--time-zone", "Mars/Olympus"],
      ]) {
        const { code, stderr } = await failure(argv);
        expect(code, argv.join(" ")).to.equal(2);
        expect(stderr).to.contain("npm run issue -- --collection");
      }
      const help = await fixture.run(["--help"]);
      expect([help.code, help.stderr]).to.deep.equal([0, ""]);
      expect(help.stdout).to.contain("--dry-run");
    });

    it("when the chain is not there", async () => {
      const { code, stderr } = await failure(["--collection", "x", ...csv], { RPC_URL: "http://127.0.0.1:9" });
      expect(code).to.equal(1);
      expect(stderr).to.match(/^The chain's node at http:\/\/127\.0\.0\.1:9 cannot be reached.*\n$/);
    });

    it("when the collection, the registry or the file is not there", async () => {
      expect((await failure(["--collection", "nowhere", ...csv])).stderr).to.contain('no collection "nowhere"');
      const stranger = ["--collection", "0x00000000000000000000000000000000000000aa", ...csv];
      expect((await failure(stranger)).stderr).to.contain("no collection");
      const { slug } = await collection();
      expect((await failure(["--collection", slug, "--csv", "none.csv"])).stderr).to.contain("no file none.csv");
      expect((await failure(["--collection", slug, "--csv", EXAMPLES])).stderr).to.contain("is a folder");
      const bad = ["--collection", slug, "--csv", `${EXAMPLES}/bad-lines.csv`, "--errors", `${EXAMPLES}/none/x.csv`];
      expect((await failure(bad)).stderr).to.contain("cannot be written (ENOENT)");
      const elsewhere = { DATA_DIR: `${fixture.dataFolder}/empty` };
      expect((await failure(["--collection", slug, ...csv], elsewhere)).stderr).to.contain("REGISTRY_ADDRESS");
      const wrong = { REGISTRY_ADDRESS: "0x00000000000000000000000000000000000000aa" };
      expect((await failure(["--collection", slug, ...csv], wrong)).stderr).to.contain("is not what it should be");
    });

    it("when no keystore may issue, or its passphrase is wrong", async () => {
      const { slug } = await collection();
      const argv = ["--collection", slug, ...csv];
      const away = { DATA_DIR: `${fixture.dataFolder}/empty`, REGISTRY_ADDRESS: fixture.chain.deployment.registry };
      expect((await failure(argv, away)).stderr).to.contain("None of the keystores");
      const { stderr } = await failure(argv, { KEYSTORE_PASSPHRASE: "open sesame" });
      expect(stderr).to.contain("passphrase does not open");
      expect(stderr).not.to.contain("sesame");
    });
  });
});

const BAD_LINES = [
  '3 the card number "5001" is not within 1 to 5000, the size of the edition',
  '4 the card number "0" is not within 1 to 5000, the size of the edition',
  "5 card 1 is on line 2 already; each card has one line",
  '6 the card number "0005/4000" is of an edition of 4000, but this edition has 5000 cards',
  '7 the card number "six" is not a number; write it like 42, 0042, No. 0042 or 0042/5000',
  "8 has no card number",
  "9 has both a holder address and a customer reference; give one of them",
  "10 has neither a holder address nor a customer reference",
  '11 the holder address "0x198712A055A0F95fbED491F5C425eB1d94D52F08" has a wrong checksum: at least one character is mistyped; copy it again from its source',
  '12 the holder address "0x198712a055A0F95fbED491F5C425eB1d94D52F" has 38 digits after 0x instead of 40; it was cut off or is something else',
  '13 the holder address "0x0000000000000000000000000000000000000000" is the zero address, which nobody holds',
  '14 the tier "256" is not a whole number from 0 to 255',
  '15 the tier "Gold" is not a whole number from 0 to 255',
  "16 has no tier",
  '17 the expiry "03/04/2028" can be read in more than one way (which is the day, which the month or the year?); write the date as year-month-day, for example 2027-12-31',
  '18 the expiry "2028-02-30" is a day that does not exist',
  '19 the expiry "2020-12-31" has passed; a card cannot be issued expired',
  '20 the expiry "2028-12-31 18:00" has a time without a time zone; write the date alone, or for example 2027-12-31T18:00:00+08:00',
  '21 the customer reference "2.026E+13" was changed to scientific notation by the spreadsheet program, and digits are lost; format the column as text and enter the value again',
  '22 the customer reference "#N/A" is an error of the spreadsheet program; correct the formula behind it',
  '23 the expiry "########" was cut off by the spreadsheet program; widen the column and export again',
  '24 the card number "22-Jan" was turned into a date by the spreadsheet program; format the column as text and enter the value again',
  '25 the physical card number "NB-AAA-000001" is on line 2 already',
  '26 the customer reference "NR-2026-⏎000025" contains a line break; is a quotation mark missing? (the record goes from line 26 to line 27)',
  "28 has 9 values for 7 columns; a value that contains the separator must stand in quotation marks",
  '29 the card number "twenty-seven" is not a number; write it like 42, 0042, No. 0042 or 0042/5000',
  "29 has neither a holder address nor a customer reference",
  '29 the tier "-1" is not a whole number from 0 to 255',
  '29 the expiry "soon" is not a date; write the date as year-month-day, for example 2027-12-31',
];
