// The guide for shops, followed from its first call to its last against the demo; and both of its languages, which must have the same calls.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { ROOT, type RunningCommand, runCommand, startCommand, watchCommand } from "../support/commands.ts";
import { sendCurl } from "../support/curl.ts";
import { until } from "../support/patience.ts";

const READY = /Mintmark is ready[\s\S]*Ctrl-C/;
// biome-ignore lint/suspicious/noExplicitAny: an answer, which its schema describes
type Answer = any;

function blocksOf(page: string, language: string): string[] {
  const text = readFileSync(join(ROOT, "docs", page), "utf8");
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? "");
}

describe("the guide for shops", () => {
  let folder: string;
  let server: string;
  let receiverPort: number;
  let settings: Record<string, string>;
  let system: RunningCommand | undefined;
  let receiver: ChildProcess | undefined;
  let received: RunningCommand | undefined;
  /** What the reader keeps. */
  const kept: Record<string, string> = {};
  const answers = new Map<string, Answer>();

  before(async () => {
    // Below the packages, where the receiver finds its library, as it would in a shop's own folder.
    folder = mkdtempSync(join(ROOT, "node_modules", ".shop-guide-"));
    const [port, chainPort] = [await freePort(), await freePort()];
    receiverPort = await freePort();
    server = `http://127.0.0.1:${port}`;
    const unset = { DATABASE_URL: "", PUBLIC_URL: "", REGISTRY_ADDRESS: "", KEYSTORE_FILE: "", HOST: "" };
    const data = mkdtempSync(join(tmpdir(), "mintmark-shop-guide-"));
    const rpc = `http://127.0.0.1:${chainPort}`;
    settings = { ...unset, DATA_DIR: data, PORT: String(port), RPC_URL: rpc, RATE_LIMIT_PER_MINUTE: "0" };
    system = startCommand("npm start", settings);
    await system.prints(READY);
  });
  after(async () => {
    receiver?.kill();
    const { child, ended } = system ?? {};
    if (child?.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGINT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
    rmSync(settings["DATA_DIR"] ?? "", { recursive: true, force: true });
  });

  it("has the same calls in both languages", () => {
    for (const language of ["sh", "js"]) {
      expect(blocksOf("shop-guide.zh-CN.md", language)).to.deep.equal(blocksOf("shop-guide.md", language));
    }
  });

  it("works as it stands, call by call", async () => {
    for (const line of blocksOf("shop-guide.md", "sh").flatMap((block) => block.trim().split("\n"))) {
      const [, command = "", keep = ""] = /^(.*?)(?:\s+# (.*))?$/.exec(line) ?? [];
      if (!command.startsWith("curl ")) {
        const { output } = await runCommand(command, settings);
        kept["MINTMARK_KEY"] = /^mm_\S+$/m.exec(output)?.[0] ?? "";
        continue;
      }
      if (command.includes("/test ")) startReceiver();
      if (command.includes("/refund")) await untilOrder("issued");
      if (command.includes("/entitlements/check")) await untilOrder("issued");
      const replace = { "127.0.0.1:4000": `127.0.0.1:${receiverPort}` };
      const response = await sendCurl(command, { server, environment: kept, replace });
      const answer: Answer = await response.json();
      expect(response.ok, `${command}\n${JSON.stringify(answer)}`).to.equal(true);
      answers.set(command, answer);
      for (const [, name = "", path = ""] of keep.matchAll(/(\w+)=(\S+)/g)) {
        kept[name] = String(path.split(".").reduce((value, member) => value[member], answer));
      }
      if (command.includes("/confirm")) await untilRedemption("redeemed");
    }
  });

  it("gets the answers that it promises", async () => {
    const find = (part: string) => [...answers].find(([command]) => command.includes(part))?.[1].data;
    const basket = find("/entitlements/check");
    expect(basket).to.deep.include({ member: true, subtotal: 38_400, discountTotal: 1_440 + 420, total: 36_540 });
    expect(basket.lines.map(({ locked }: Answer) => locked)).to.deep.equal([false, false, false]);
    expect(basket.usable).to.have.length(1);
    expect(basket.usable[0].left).to.equal(2);
    const [card] = find("/CRM-1001/entitlements").cards;
    expect(card.benefits.map(({ id, left }: Answer) => [id, left])).to.deep.equal([
      [1, null],
      [2, null],
      [3, 2],
    ]);
    await untilRedemption("undone");
    await untilOrder("refunded");
  });

  it("brings the messages that it promises", async () => {
    for (const type of ["webhook.test", "benefit.redeemed", "card.revoked", "order.refunded"])
      await received?.prints(new RegExp(`^${type.replace(".", "\\.")} `, "m"));
  });

  function startReceiver(): void {
    const [program = ""] = blocksOf("shop-guide.md", "js");
    writeFileSync(join(folder, "receiver.mjs"), program);
    const environment = { ...process.env, ...kept, RECEIVER_PORT: String(receiverPort) };
    receiver = spawn(process.execPath, [join(folder, "receiver.mjs")], { env: environment, stdio: "pipe" });
    received = watchCommand(receiver);
  }

  const untilOrder = (state: string) => untilState(`/v1/orders/${kept["ORDER"]}`, state);
  const untilRedemption = (state: string) => untilState(`/v1/redemptions/${kept["REDEMPTION"]}`, state);

  async function untilState(path: string, wanted: string): Promise<void> {
    let seen: Answer;
    const headers = { Authorization: `Bearer ${kept["MINTMARK_KEY"]}` };
    await until(
      async () => {
        seen = ((await (await fetch(`${server}${path}`, { headers })).json()) as Answer).data;
        return seen?.state === wanted;
      },
      () => `${path} is ${JSON.stringify(seen)} and not ${wanted}`,
    );
  }
});
