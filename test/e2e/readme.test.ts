// What a new user does: every command of the README in its order, then a look at the outcome, a crash, and another start.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { findBrowser, launchBrowser } from "../support/browser.ts";
import { ROOT, type RunningCommand, runCommand, startCommand } from "../support/commands.ts";
import { sendCurl } from "../support/curl.ts";
import { until } from "../support/patience.ts";

const READY = /Mintmark is ready[\s\S]*Ctrl-C/;

function readmeCommands(): string[] {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "");
  return blocks
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/\s+#.*$/, ""))
    .filter((line) => line !== "");
}

describe("the README, followed by a new user", () => {
  let folder: string;
  let settings: Record<string, string>;
  let server: string;
  let system: RunningCommand | undefined;
  const followed: string[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-readme-"));
    const port = await freePort();
    server = `http://127.0.0.1:${port}`;
    settings = await surroundings(folder, port);
  });

  after(async () => {
    if (system !== undefined) await stop(system);
    rmSync(folder, { recursive: true, force: true });
  });

  async function surroundings(dataFolder: string, port: number): Promise<Record<string, string>> {
    const unset = { DATABASE_URL: "", PUBLIC_URL: "", REGISTRY_ADDRESS: "", KEYSTORE_FILE: "", HOST: "" };
    const rpc = `http://127.0.0.1:${await freePort()}`;
    return { ...unset, DATA_DIR: dataFolder, PORT: String(port), RPC_URL: rpc, RATE_LIMIT_PER_MINUTE: "0" };
  }

  /** Ctrl-C: the terminal sends it to every process of the foreground group. */
  async function stop({ child, ended }: RunningCommand): Promise<void> {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGINT");
    await ended;
  }

  /** Takes a command from the README, so that a command nobody follows makes the last test fail. */
  function follow(command: string): string {
    expect(readmeCommands(), "the README's commands").to.include(command);
    followed.push(command);
    return command;
  }

  /** Over a connection of its own: the server may have been killed since the last question. */
  const ask = (path: string) => fetch(`${server}${path}`, { headers: { connection: "close" } });

  async function json(path: string): Promise<{ data: never; nextCursor?: string | null }> {
    const response = await ask(path);
    expect(response.status, path).to.equal(200);
    return (await response.json()) as never;
  }

  /** The serials that the API lists for a collection, page by page. */
  async function listedSerials(slug: string): Promise<number[]> {
    const serials: number[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await json(`/v1/collections/${slug}/cards?limit=200${cursor ? `&cursor=${cursor}` : ""}`);
      serials.push(...(page.data as { serial: number }[]).map((card) => card.serial));
      cursor = page.nextCursor;
    } while (cursor);
    return serials;
  }

  async function untilMirrored(slug: string, count: number): Promise<void> {
    let issued = 0;
    await until(
      async () => {
        issued = ((await json(`/v1/collections/${slug}`)).data as { issuedCount: number }).issuedCount;
        return issued === count;
      },
      () => `The mirror has ${issued} cards of ${slug}, not ${count}`,
    );
  }

  it("starts the whole system with one command, and every address that it prints answers", async () => {
    system = startCommand(follow("npm start"), settings);
    await system.prints(READY);
    const printed = [...system.output().matchAll(/ (http:\S+)/g)].map((match) => match[1] ?? "");
    expect(printed)
      .to.include(`${server}/`)
      .and.include(settings["RPC_URL"] ?? "");
    for (const url of printed.filter((url) => url !== settings["RPC_URL"])) {
      expect((await fetch(url)).status, url).to.equal(200);
    }
  });

  it("shows what an import would do, and every bad line, without issuing anything", async () => {
    const dry = await runCommand(
      follow("npm run issue -- --collection noirance-black --csv examples/noirance-black.csv --dry-run"),
      settings,
    );
    expect(dry.code, dry.output).to.equal(0);
    expect(dry.output).to.match(/5,?000/);
    const bad = await runCommand(
      follow("npm run issue -- --collection noirance-black --csv examples/bad-lines.csv"),
      settings,
    );
    expect(bad.code, bad.output).to.equal(1);
    expect(bad.output.match(/\bline \d+/gi)?.length).to.be.greaterThan(9);
    expect(await listedSerials("noirance-black")).to.deep.equal([]);
  });

  it("issues 5,000 cards, each of which is genuine", async () => {
    const issue = follow("npm run issue -- --collection noirance-black --csv examples/noirance-black.csv");
    const first = await runCommand(issue, settings);
    expect(first.code, first.output).to.equal(0);
    await untilMirrored("noirance-black", 5_000);
    const again = await runCommand(issue, settings);
    expect(again.code, again.output).to.equal(0);
    await allGenuine();
  });

  async function allGenuine(): Promise<void> {
    expect(await listedSerials("noirance-black")).to.deep.equal(Array.from({ length: 5_000 }, (_, index) => index + 1));
    const serials = Array.from({ length: 5_000 }, (_, index) => index + 1);
    const verdicts = new Map<string, number>();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let serial = serials.pop(); serial !== undefined; serial = serials.pop()) {
          const { verdict } = (await json(`/v1/verify/noirance-black/${serial}`)).data as { verdict: string };
          verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        }
      }),
    );
    expect(Object.fromEntries(verdicts)).to.deep.equal({ genuine: 5_000 });
  }

  it("answers the shop's calls, and issues what it orders", async () => {
    const made = await runCommand(follow("npm run accounts -- key --brand 1 --role manager --name shop"), settings);
    const MINTMARK_KEY = /^mm_\S+$/m.exec(made.output)?.[0] ?? "";
    const calls = readmeCommands().filter((command) => command.startsWith("curl "));
    expect(calls.length).to.be.greaterThan(4);
    for (const call of calls) {
      const response = await sendCurl(follow(call), { server, environment: { MINTMARK_KEY } });
      expect(response.ok, `${call}: ${response.status}`).to.equal(true);
      expect(await response.json()).to.have.property("data");
    }
    await untilMirrored("noirance-preview", 13);
  });

  it("shows a customer the verdict, from the code on the card", async function () {
    if (findBrowser() === undefined) return this.skip();
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage({ locale: "zh-CN", javaScriptEnabled: false });
      await page.goto(`${server}/v/noirance-black/42`);
      expect(await page.locator("h1").first().textContent()).to.contain("验真通过");
      expect(await page.locator("body").textContent()).to.match(/42\s*\/\s*5,000/);
      await page.goto(`${server}/`);
      await page.locator("[name=collection]").selectOption("noirance-black");
      await page.locator("[name=serial]").fill("4999");
      await page.locator("form [type=submit]").click();
      expect(new URL(page.url()).pathname).to.equal("/v/noirance-black/4999");
    } finally {
      await browser.close();
    }
  });

  it("gives the same answers after the server was killed", async () => {
    const { children } = JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
    process.kill(children.server.pid, "SIGKILL");
    await system?.prints(/server[\s\S]*again/i);
    await until(
      () =>
        ask("/ready").then(
          (response) => response.ok,
          () => false,
        ),
      () => "The server did not come back",
    );
    await allGenuine();
  });

  it("gives the same answers after everything was killed and started again", async () => {
    // Nothing was issued within the last second, so nothing may be lost.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const { supervisor, children } = JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
    for (const { pid } of [supervisor, ...(Object.values(children) as { pid: number }[])]) process.kill(pid, "SIGKILL");
    await system?.ended;
    system = startCommand("npm start", settings);
    await system.prints(READY);
    expect(system.output()).not.to.contain("lost");
    await allGenuine();
  });

  it("reads the chain again after its mirror was emptied", async () => {
    if (system !== undefined) await stop(system);
    const reset = await runCommand(follow("npm run reset-mirror"), settings);
    expect(reset.code, reset.output).to.equal(0);
    system = startCommand("npm start", settings);
    await system.prints(READY);
    await untilMirrored("noirance-black", 5_000);
  });

  it("says in one sentence what to do when the chain is another than the mirror's", async () => {
    if (system !== undefined) await stop(system);
    rmSync(join(folder, "chain"), { recursive: true });
    const refused = await runCommand("npm start", settings);
    expect(refused.code).to.equal(1);
    const sentences = refused.output.split("\n").filter((line) => line.includes("npm run reset-mirror"));
    expect(sentences, refused.output).to.have.length(1);
    expect(refused.output).not.to.match(/^\s+at /m);

    expect((await runCommand("npm run reset-mirror", settings)).code).to.equal(0);
    system = startCommand("npm start", settings);
    await system.prints(READY);
    expect(await listedSerials("noirance-black")).to.deep.equal([]);
    await stop(system);
    system = undefined;
    for (const url of [server, settings["RPC_URL"] ?? ""]) {
      expect(
        await fetch(url).then(
          () => "still there",
          () => "gone",
        ),
        url,
      ).to.equal("gone");
    }
  });

  it("shows a member how the consortium decides, with nothing running", async () => {
    const { code, output } = await runCommand(follow("npm run consortium"), { ...settings, RPC_URL: "" });
    expect(code, output).to.equal(0);
  });

  it("shows a member what to do when a key is lost or stolen, with nothing running", async () => {
    for (const command of [follow("npm run recovery"), follow("npm run recovery -- brand-stolen")]) {
      const { code, output } = await runCommand(command, settings);
      expect(code, output).to.equal(0);
    }
  });

  it("gives a developer what it promises", async () => {
    const other = await surroundings(join(folder, "dev"), await freePort());
    const dev = startCommand(follow("npm run dev"), other);
    try {
      await dev.prints(/ready/i);
    } finally {
      await stop(dev);
    }
    for (const command of [
      follow("npm test -- test/server/indexer/fold.test.ts"),
      `${follow("npm run bench")} -- gas`,
    ]) {
      const { code, output } = await runCommand(command, settings);
      expect(code, output).to.equal(0);
    }
  });

  it("leaves no command untried", () => {
    // The one that runs this test.
    follow("npm test");
    expect([...new Set(readmeCommands())].sort()).to.deep.equal([...new Set(followed)].sort());
  });
});
