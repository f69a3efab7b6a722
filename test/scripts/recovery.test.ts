// npm run recovery: every drill, from the outside in, and that the guide and the command know the same ones.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type Chain, openChain, ShowError } from "../../scripts/consortium/chain.ts";
import { DRILLS } from "../../scripts/consortium/recovery/drills.ts";
import { ACCOUNT_COUNT, BRAND_IS, setStage } from "../../scripts/consortium/recovery/world.ts";
import { ROOT, runCommand } from "../support/commands.ts";

const COMMAND = "npm run recovery";
const NAMES = DRILLS.map(({ name }) => name);

/** What a drill must have shown, in this order. */
const STORIES: Record<string, (string | RegExp)[]> = {
  "seat-stolen": [
    "Defeated: 1 yes, 0 no, 0 abstained, of 3 seats",
    /governor\.propose.*reverted \(GovernorRestrictedProposer\)/,
    "Executed: 2 yes, 1 no",
    /governor\.propose.*reverted \(GovernorInsufficientProposerVotes\)/,
  ],
  "seat-lost": ["✓ Two votes decide, and two are left", "✓ The new account has a seat"],
  "guardian-stolen": [
    /reinstateBrand.*reverted \(AccessControlUnauthorizedAccount\)/,
    "✓ The brand is active",
    /suspendBrand.*reverted \(AccessControlUnauthorizedAccount\)/,
    "✓ The brand issues again",
  ],
  "guardian-lost": ["✓ The new key is the guardian's", "✓ The new guardian suspends at once"],
  "brand-stolen": [
    /grantRole.*reverted \(BrandNotActive\)/,
    "· registry.replaceBrandKeys(brandId: 1, admin: the new administrator)",
    "· registry.reinstateBrand(brandId: 1, suspension: 1)",
    /grantRole.*of the new keys.*reverted \(AccessControlUnauthorizedAccount\)/,
    /collection\.claim\(.*reverted \(BrandRoleMissing\)/,
    /claimAllowlisted.*reverted \(AppointmentEnded\)/,
    /executeReissue.*reverted \(BrandRoleMissing\)/,
    /carryOut\(act: 2 \(WindDown\)\).*reverted \(BrandRoleMissing\)/,
    /executeReissue.*reverted \(ReissueNotPending\)/,
    /carryOut.*reverted \(FinalActNotAnnounced\)/,
  ],
  "admin-lost": ["✓ The lost key has it no more", "✓ The issuer issues"],
  "issuer-stolen": [
    /reverted \(DailyCapExceeded\)/,
    /collection\.claim\(.*reverted \(BrandRoleMissing\)/,
    /claimAllowlisted.*reverted \(AppointmentEnded\)/,
    "✓ The card that was renewed too far is corrected",
    /collection\.claim\(.*reverted \(AppointmentEnded\)/,
  ],
  "steward-stolen": ["✓ The shortened card is as it was", /executeReissue.*reverted \(BrandRoleMissing\)/],
  "till-stolen": [
    /reverted \(StaffMismatch\)/,
    "✓ The customer can use it again",
    /redeem.*reverted \(BrandRoleMissing\)/,
  ],
  "staff-lost": [/collection\.issue.*reverted \(BrandRoleMissing\)/, "✓ The new issuer issues"],
  "holder-lost": [
    /executeReissue.*reverted \(ReissueNotReady\)/,
    "✓ The card is at the new address",
    /redeem.*reverted \(GenerationMismatch\)/,
  ],
  "holder-stolen": [
    "signs collection.vetoReissue(serial: 1)",
    "✓ The thief's card is dead",
    /requestReissue.*reverted \(BurnNotAuthorized\)/,
  ],
};

function expectStory(output: string, story: (string | RegExp)[]): void {
  let from = 0;
  for (const part of story) {
    const rest = output.slice(from);
    const found = typeof part === "string" ? rest.indexOf(part) : rest.search(part);
    expect(found, `${part} in what follows of\n${output}`).to.be.greaterThan(-1);
    from += found;
  }
}

describe("npm run recovery", () => {
  it("plays every drill to its end", async () => {
    const { code, output } = await runCommand(`${COMMAND} -- all`);
    expect(code, output).to.equal(0);
    expect(Object.keys(STORIES)).to.deep.equal(NAMES);
    const chapters = output.split(/^═+$/m).slice(1);
    expect(chapters).to.have.lengthOf(NAMES.length);
    for (const [place, name] of NAMES.entries()) {
      const chapter = chapters[place] ?? "";
      expect(chapter).to.match(new RegExp(`^\\s*${name}: `));
      expectStory(chapter, [...(STORIES[name] ?? []), `Played to its end: ${name}`]);
    }
  });

  it("lists the drills, and says which there are where there is none", async () => {
    const [listed, unknown] = await Promise.all([runCommand(COMMAND), runCommand(`${COMMAND} -- all-keys`)]);
    expect([listed.code, unknown.code]).to.deep.equal([0, 2]);
    expect(unknown.output).to.contain('There is no drill "all-keys"');
    for (const { output } of [listed, unknown])
      for (const name of NAMES) expect(output).to.match(new RegExp(`^ +${name} `, "m"));
  });

  it("has the drills that docs/consortium.md names, and no others", () => {
    const guide = readFileSync(join(ROOT, "docs", "consortium.md"), "utf8");
    const [, section = ""] = guide.split("## When something is wrong");
    const named = [...section.matchAll(/^\|.*`npm run recovery -- ([\w-]+)`/gm)].map(([, name]) => name);
    expect(named).to.deep.equal(NAMES);
    for (const file of ["docs/consortium.md", "docs/contracts.md", "README.md"])
      for (const [, name] of readFileSync(join(ROOT, file), "utf8").matchAll(/npm run recovery -- ([\w-]+)/g))
        expect(NAMES, file).to.contain(name);
  });
});

describe("a drill", () => {
  let chain: Chain;
  before(async () => {
    chain = await openChain(undefined, ACCOUNT_COUNT);
  });
  after(() => chain.close());

  it("ends with a sentence where the chain does not say what it should", async () => {
    const lines: string[] = [];
    const { registry, collection, people, tell } = (await setStage(chain, (line) => lines.push(line))).forDrill();
    const failures = [
      tell.reads(registry, "brandStatus", [1], BRAND_IS.suspended, "the brand is suspended"),
      tell.reads(collection, "cardOf", [1], { tier: 1, status: 3 }, "the card is revoked"),
    ];
    const sentences = await Promise.all(failures.map((failing) => failing.then(String, (error) => error)));
    expect(sentences.every((error) => error instanceof ShowError)).to.equal(true);
    expect(sentences.map(({ message }) => message)).to.deep.equal([
      "It is not so that the brand is suspended: registry.brandStatus(brandId: 1) is 1, not 2",
      "It is not so that the card is revoked: collection.cardOf(serial: 1) is {status: 1}, not 3",
    ]);
    expect(lines).to.deep.equal([]);

    const outcomes: [Promise<void>, RegExp][] = [
      [
        tell.fails(people.guardian, registry, "suspendBrand", [1, `0x${"00".repeat(32)}`], "BrandNotActive"),
        /would have done/,
      ],
      [
        tell.fails(people.thief, registry, "brandOf", [7], "BrandNotActive"),
        /reverts with BrandNotFound, not with BrandNotActive/,
      ],
      [
        tell.signs(people.thief, registry, "suspendBrand", [1, `0x${"00".repeat(32)}`]),
        /AccessControlUnauthorizedAccount/,
      ],
    ];
    for (const [outcome, sentence] of outcomes) {
      const failure = await outcome.then(String, (error) => error);
      expect(failure).to.be.instanceOf(ShowError);
      expect(failure.message).to.match(sentence);
    }
    expect(await registry.brandStatus(1)).to.equal(BigInt(BRAND_IS.active));
  });
});
