// The package as others get it: packed, unpacked into a project that has nothing of ours, and used there against a chain, without a server.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "chai";
import { startTestChain, type TestChain } from "../../../test/support/chain.ts";

const PACKAGE = resolve(import.meta.dirname, "..");
const ROOT = resolve(PACKAGE, "../..");
const require = createRequire(import.meta.url);
/** What npm would install besides, with what that needs itself. */
const DEPENDENCIES = ["ethers", "@noble/hashes", "@noble/curves", "@adraffy/ens-normalize", "aes-js", "tslib", "ws"];
const UNKNOWN = { chainId: 4_711, registry: "0x00000000000000000000000000000000000000aa" };

describe("published contracts package", () => {
  let folder: string;
  let chain: TestChain;
  let files: string[];
  let holder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-contracts-"));
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
        cwd: PACKAGE,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as [{ filename: string; files: { path: string }[] }];
    files = packed.files.map(({ path }) => path);
    const modules = join(folder, "node_modules");
    const installed = join(modules, "@mintmark/contracts");
    mkdirSync(installed, { recursive: true });
    execFileSync("tar", ["-xzf", join(folder, packed.filename), "-C", installed, "--strip-components=1"]);
    for (const name of DEPENDENCIES) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    }
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    chain = await startTestChain({ cardBaseURI: "https://cards.example/" });
    const brandId = await chain.admitBrand();
    const collection = await chain.createCollection({ brandId, slug: "noirance-black" });
    [holder = ""] = await chain.issue({ collection, firstSerial: 1, holders: 3, tier: 2 });
  });
  after(async () => {
    await chain?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a program in the other project; `provider` asks the chain. */
  async function use(program: string): Promise<unknown> {
    writeFileSync(
      join(folder, "use.js"),
      `import * as mintmark from "@mintmark/contracts";
       const provider = { async request({ method, params = [] }) {
         const answer = await fetch(process.argv[2], { method: "POST", headers: { "content-type": "application/json" },
           body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
         const { result, error } = await answer.json();
         if (error) throw new Error(error.message);
         return result;
       } };
       const here = { name: "test", registry: process.argv[3], deployedAtBlock: 0 };
       const print = (value) => console.log(JSON.stringify(value));
       ${program}`,
    );
    const args = ["--no-warnings", "use.js", chain.rpcUrl, chain.deployment.registry];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    const code = await new Promise((done) => child.once("close", done));
    expect(code, output).to.equal(0);
    return JSON.parse(output);
  }

  it("holds what is needed to use it, and no sources", () => {
    expect(files).to.include.members([
      "README.md",
      "dist/index.js",
      "dist/index.d.ts",
      "interfaces/collection/IMembershipCollection.sol",
      "interfaces/registry/IBrandRegistry.sol",
    ]);
    expect(files.filter((path) => !/^(dist|interfaces)\/|^(README\.md|package\.json)$/.test(path))).to.deep.equal([]);
  });

  it("reads a card, its brand and where its metadata is, from the chain alone", async () => {
    const answer = await use(`
      const { brandOfHandle, collection: find } = await mintmark.connect(31337, provider, here);
      const collection = await find("noirance-black");
      print({ brand: await brandOfHandle("noirance"), card: await collection.card(1), verified: await collection.verify(3),
        uri: await collection.metadataUri(1), none: await collection.card(9), terms: await collection.terms(),
        same: (await find(collection.address)).address === collection.address, other: await find("noirance-none") ?? null });`);
    const { brand, card, verified, uri, none, terms, same, other } = answer as Record<string, Record<string, unknown>>;
    expect(brand).to.include({ brandId: 1, status: "Active", handle: "noirance" });
    expect(card).to.include({ serial: 1, status: "Active", tier: 2, generation: 0 });
    expect(String(card?.["holder"]).toLowerCase()).to.equal(holder);
    expect(verified).to.include({ status: "Active", brandStatus: "Active", batchFirstSerial: 1 });
    expect(String(uri)).to.match(/^https:\/\/cards\.example\/0x[0-9a-f]{40}\/1$/);
    expect(none).to.include({ serial: 9, status: "None" });
    expect(none).not.to.have.property("holder");
    expect(terms).to.include({ brandId: 1, maxSupply: 5_000 });
    expect(same).to.equal(true);
    expect(other).to.equal(null);
  });

  it("says what is wrong: another chain, none that it knows, no registry there", async () => {
    const said = (call: string) => use(`print(await mintmark.connect(${call}).catch((error) => error.message));`);
    expect(await said("1, provider, here")).to.match(/of chain 31337, not 1/);
    expect(await said(`${UNKNOWN.chainId}, provider`)).to.match(/No deployment is known on chain 4711/);
    expect(await said(`31337, provider, { ...here, registry: "${UNKNOWN.registry}" }`)).to.match(/no contract at/);
  });

  it("has interfaces that compile by themselves", async () => {
    const solc = require("solc") as { compile(input: string, callbacks: object): string };
    const root = join(folder, "node_modules");
    const source = `// SPDX-License-Identifier: MIT
      pragma solidity ^0.8.28;
      import {IMembershipCollection} from "@mintmark/contracts/interfaces/collection/IMembershipCollection.sol";
      import {Card} from "@mintmark/contracts/interfaces/collection/CardRecord.sol";
      contract Reader { function tierOf(IMembershipCollection c, uint256 s) external view returns (uint8) { return c.cardOf(s).tier; } }`;
    const input = {
      language: "Solidity",
      sources: { "Reader.sol": { content: source } },
      settings: { evmVersion: "cancun", outputSelection: { "*": { "*": ["abi"] } } },
    };
    const find = (path: string) => {
      for (const base of [root, join(ROOT, "node_modules")])
        try {
          return { contents: readFileSync(join(base, path), "utf8") };
        } catch {}
      return { error: `no ${path}` };
    };
    const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find })) as {
      errors?: { severity: string; formattedMessage: string }[];
    };
    expect((output.errors ?? []).filter(({ severity }) => severity === "error")).to.deep.equal([]);
  });
});
