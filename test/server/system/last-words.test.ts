// What nobody has caught: a process that ends because of it says what happened, and, of an error of the system, what to do.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { ROOT, watchCommand } from "../../support/commands.ts";

/** Code that runs in the process beside its own. */
const inject = (code: string) => `--import "data:text/javascript,${encodeURIComponent(code)}"`;
/** Once the process does its work: nobody is told of what is thrown from here. */
const later = (code: string) => `setTimeout(() => { ${code} }, Number(process.env.FAULT_MS))`;
const FULL =
  'Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write", errno: -28 })';

describe("a fault that nobody has caught", () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-fault-"));
    environment = {
      ...process.env,
      ...{ DATA_DIR: folder, PORT: String(await freePort()), RPC_URL: `http://127.0.0.1:${await freePort()}` },
    };
    for (const name of ["DATABASE_URL", "npm_lifecycle_event"]) delete environment[name];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function run(script: string, fault: string, extra: NodeJS.ProcessEnv = {}): Promise<string[]> {
    const env = { ...environment, FAULT_MS: "3000", NODE_OPTIONS: inject(later(fault)), ...extra };
    const child = spawn(process.execPath, script.split(" "), { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    const command = watchCommand(child);
    expect(await command.ended).to.equal(1);
    return command.output().trim().split("\n");
  }

  for (const [what, fault] of [
    ["an exception", `throw ${FULL}`],
    ["a rejected promise", `void Promise.reject(${FULL})`],
  ] as const) {
    it(`ends the server with a line of its log that says what to do: ${what}`, async () => {
      const record = JSON.parse((await run("server/main.ts", fault)).at(-1) ?? "") as Record<string, unknown>;
      expect(record).to.include({ level: 60, msg: "The disk is full. Make room on it, and run this again." });
    });
  }

  it("ends a server without a log with a line on its error output", async () => {
    const lines = await run("server/main.ts", `throw ${FULL}`, { LOG_LEVEL: "silent" });
    expect(lines.at(-1)).to.equal("The disk is full. Make room on it, and run this again.");
  });

  it("keeps the stack of what is no error of the system", async () => {
    const [first = "", second = ""] = await run("server/main.ts", "undefinedFunction()", { LOG_LEVEL: "silent" });
    expect(first).to.equal("ReferenceError: undefinedFunction is not defined");
    expect(second).to.match(/^ +at /);
  });

  it("ends a command with one sentence", async () => {
    const lines = await run("scripts/payment-simulator.ts", `throw ${FULL}`, { PAYMENT_SIMULATOR_PORT: "0" });
    expect(lines.at(-1)).to.equal("The disk is full. Make room on it, and run this again.");
  });

  it("ends npm start in order", async () => {
    const lines = await run("scripts/start.ts", `if (process.argv[1].endsWith("start.ts")) throw ${FULL}`);
    expect(lines.join("\n")).to.contain("The disk is full. Make room on it, and run this again.");
    expect(lines.join("\n")).to.not.match(/^ +at /m);
  });
});
