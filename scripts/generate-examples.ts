// npm run examples: writes the spreadsheets in examples/. The same seed gives the same bytes, and a test compares them with
// what is committed. All data is made up; there is no personal data in it.

import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { getAddress, id } from "ethers";

/** A seeded sequence of numbers from 0 (included) to 1: xorshift32. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as Item, result[last] as Item];
  }
  return result;
}

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/**
 * 5,000 black cards of a perfume brand. The first 50 are the founders' (tier 3), the next 450 the inner circle's (tier 2),
 * and 60 members of the rest have been raised to tier 2. Some customers have two cards. Each card has an engraved object.
 */
function noiranceBlack(): string {
  const random = createRandom(20_260_501);
  const customers = shuffled(range(9_800), random);
  const raised = new Set(
    shuffled(range(4_500), random)
      .slice(0, 60)
      .map((number) => number + 500),
  );
  const engravings = new Set<string>();
  while (engravings.size < 5_000) {
    const letters = Array.from({ length: 3 }, () => "ABCDEFGHJKLMNPQRSTUVWXYZ"[Math.floor(random() * 24)]).join("");
    engravings.add(`NB-${letters}-${padded(Math.floor(random() * 1_000_000), 6)}`);
  }
  const engraved = [...engravings];
  const expiry = { 1: "2028-12-31", 2: "2029-12-31", 3: "2031-12-31" } as const;
  const rows = range(5_000).map((serial) => {
    const tier = serial <= 50 ? 3 : serial <= 500 || raised.has(serial) ? 2 : 1;
    // Every fortieth card goes to a customer who has one already.
    const customer = customers[serial % 40 === 0 ? serial - 40 : serial - 1];
    return [padded(serial, 4), `NR-2026-${padded(customer ?? 0, 6)}`, tier, expiry[tier], engraved[serial - 1]];
  });
  return csv([["Card number", "Customer reference", "Tier", "Expiry", "Physical card number"], ...rows], "\n");
}

/** A city's first free edition, as Excel exports it: byte order mark and CRLF. */
function lantingRiver(): string {
  const random = createRandom(20_260_901);
  const citizens = shuffled(range(99_999), random);
  const rows = range(1_000).map((serial) => [serial, `LT-R-${padded(citizens[serial - 1] ?? 0, 6)}`, 1, "2029/12/31"]);
  return `\ufeff${csv([["编号", "客户编号", "等级", "到期日"], ...rows], "\r\n")}`;
}

/** Its second one: every fourth citizen brings a wallet of their own; the cards never expire, except for 100 guests'. */
function lantingGarden(): string {
  const random = createRandom(20_260_902);
  const citizens = shuffled(range(99_999), random);
  const rows = range(1_000).map((serial) => {
    const ownWallet = random() < 0.25;
    const guest = serial > 900;
    return [
      `${padded(serial, 4)}/1000`,
      // Nobody has the keys of these addresses.
      ownWallet ? getAddress(id(`lanting-garden ${serial}`).slice(0, 42)) : "",
      ownWallet ? "" : `LT-G-${padded(citizens[serial - 1] ?? 0, 6)}`,
      guest ? 2 : 1,
      guest ? "2030年12月31日" : "",
    ];
  });
  return csv([["卡号", "持有人地址", "客户编号", "等级", "有效期至"], ...rows], "\n");
}

/** What goes wrong in real spreadsheets, for the collection noirance-black. The remarks are a column that is not known. */
function badLines(): string {
  const good = "NR-2026-000001";
  const wallet = getAddress(id("bad-lines").slice(0, 42));
  const swapped = wallet.replace(/[a-f]/, (letter) => letter.toUpperCase());
  return csv(
    [
      ["Card number", "Holder address", "Customer reference", "Tier", "Expiry", "Physical card number", "Remark"],
      ["0001", "", good, 1, "2028-12-31", "NB-AAA-000001", "a good line"],
      ["5001", "", "NR-2026-000002", 1, "2028-12-31", "", "beyond the edition of 5,000"],
      ["0", "", "NR-2026-000003", 1, "2028-12-31", "", "serials begin at 1"],
      ["0001", "", "NR-2026-000004", 1, "2028-12-31", "", "the number of line 2 again"],
      ["0005/4000", "", "NR-2026-000005", 1, "2028-12-31", "", "of another edition"],
      ["six", "", "NR-2026-000006", 1, "2028-12-31", "", "not a number"],
      ["", "", "NR-2026-000007", 1, "2028-12-31", "", "no card number"],
      ["0008", wallet, "NR-2026-000008", 1, "2028-12-31", "", "both an address and a reference"],
      ["0009", "", "", 1, "2028-12-31", "", "neither of them"],
      ["0010", swapped, "", 1, "2028-12-31", "", "one letter of the address is mistyped"],
      ["0011", wallet.slice(0, 40), "", 1, "2028-12-31", "", "the address was cut off"],
      ["0012", `0x${"0".repeat(40)}`, "", 1, "2028-12-31", "", "the zero address"],
      ["0013", "", "NR-2026-000013", 256, "2028-12-31", "", "tiers end at 255"],
      ["0014", "", "NR-2026-000014", "Gold", "2028-12-31", "", "a tier is a number"],
      ["0015", "", "NR-2026-000015", "", "2028-12-31", "", "no tier"],
      ["0016", "", "NR-2026-000016", 1, "03/04/2028", "", "March or April?"],
      ["0017", "", "NR-2026-000017", 1, "2028-02-30", "", "a day that does not exist"],
      ["0018", "", "NR-2026-000018", 1, "2020-12-31", "", "expired already"],
      ["0019", "", "NR-2026-000019", 1, "2028-12-31 18:00", "", "a time without a time zone"],
      ["0020", "", "2.026E+13", 1, "2028-12-31", "", "Excel has cut the reference's digits off"],
      ["0021", "", "#N/A", 1, "2028-12-31", "", "a formula that failed"],
      ["0022", "", "NR-2026-000022", 1, "########", "", "the column was too narrow"],
      ["22-Jan", "", "NR-2026-000023", 1, "2028-12-31", "", "Excel has made a date of it"],
      ["0024", "", "NR-2026-000024", 1, "2028-12-31", "NB-AAA-000001", "the engraving of line 2 again"],
      ["0025", "", "NR-2026-\n000025", 1, "2028-12-31", "", "a line break inside the reference"],
      ["0026", "", "NR-2026-000026", 1, "2028-12-31", "", "two, values", "more", "than columns"],
      ["twenty-seven", "", "", -1, "soon", "", "everything wrong at once"],
      ["0028", "", "NR-2026-000028", 2, "", "", "a good line: never expires"],
    ],
    "\n",
  );
}

function csv(rows: readonly (readonly unknown[])[], lineEnd: string): string {
  const cell = (value: unknown) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",") + lineEnd).join("");
}

/** The examples' files by name. */
export function exampleFiles(): Record<string, string> {
  return {
    "noirance-black.csv": noiranceBlack(),
    "lanting-river.csv": lantingRiver(),
    "lanting-garden.csv": lantingGarden(),
    "bad-lines.csv": badLines(),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const folder = resolve(import.meta.dirname, "..", "examples");
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(exampleFiles())) {
    writeFileSync(join(folder, name), content);
    console.log(`examples/${name}: ${content.split("\n").length - 2} lines below the header`);
  }
}
