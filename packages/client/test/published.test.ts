// The package as others get it: packed, unpacked into a project that has nothing of ours, imported by Node, and checked by compilers with
// their strictest settings.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "chai";
import { type RunningApp, startApp } from "../../../test/server/http/support.ts";
import { sqlite } from "../../../test/support/databases.ts";
import { COLLECTIONS, createMirrorFixture, type MirrorFixture } from "../../../test/support/mirror-fixture.ts";

const PACKAGE = resolve(import.meta.dirname, "..");
const ROOT = resolve(PACKAGE, "../..");
/** What npm would install besides, and the types of Node, which a project on Node has. */
const DEPENDENCIES = ["openapi-fetch", "openapi-typescript-helpers", "standardwebhooks", "@types/node"];
const COMPILERS: [string, string][] = [
  ["TypeScript 7", join(ROOT, "node_modules/.bin/tsc")],
  ["TypeScript 5", join(PACKAGE, "node_modules/.bin/tsc")],
];

describe("published client", () => {
  let folder: string;
  let files: string[];
  let mirror: MirrorFixture;
  let app: RunningApp;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-client-"));
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
        cwd: PACKAGE,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as [{ filename: string; files: { path: string }[] }];
    files = packed.files.map(({ path }) => path);
    const modules = join(folder, "node_modules");
    const installed = join(modules, "@mintmark/client");
    mkdirSync(installed, { recursive: true });
    execFileSync("tar", ["-xzf", join(folder, packed.filename), "-C", installed, "--strip-components=1"]);
    for (const name of DEPENDENCIES) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    }
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    mirror = await createMirrorFixture(sqlite);
    app = await startApp(mirror.database);
  });
  after(async () => {
    await app?.close();
    await mirror?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a program in the other project. */
  async function run(file: string, args: string[]): Promise<{ code: number | null; output: string }> {
    const child = spawn(file, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    return await new Promise((done) => child.once("close", (code) => done({ code, output })));
  }

  it("holds what is needed to use it, and no sources", () => {
    expect(files).to.include.members(["README.md", "package.json", "openapi.json", "dist/index.js", "dist/index.d.ts"]);
    const outside = files.filter((path) => !path.startsWith("dist/"));
    expect(outside.toSorted()).to.deep.equal(["README.md", "openapi.json", "package.json"]);
    expect(readdirSync(join(folder, "node_modules/@mintmark/client")).toSorted()).to.deep.equal([
      "README.md",
      "dist",
      "openapi.json",
      "package.json",
    ]);
  });

  it("is imported by plain Node and asks a server", async () => {
    writeFileSync(
      join(folder, "use.js"),
      `import { createMintmarkClient, MintmarkError, unwrap, Webhook } from "@mintmark/client";
       import document from "@mintmark/client/openapi.json" with { type: "json" };
       const client = createMintmarkClient({ baseUrl: process.argv[2] });
       const { data } = await unwrap(client.GET("/v1/collections"));
       const missing = client.GET("/v1/collections/{collection}", { params: { path: { collection: "none-such" } } });
       const error = await unwrap(missing).catch((error) => error);
       console.log(JSON.stringify({
         slugs: data.map(({ slug }) => slug),
         problem: error instanceof MintmarkError && error.type,
         signs: typeof new Webhook("c2VjcmV0").sign,
         openapi: document.openapi,
       }));`,
    );
    const { code, output } = await run(process.execPath, ["--no-warnings", "use.js", app.url]);
    expect(code, output).to.equal(0);
    const { slugs, ...rest } = JSON.parse(output);
    expect(slugs).to.have.members(Object.values(COLLECTIONS).map(({ slug }) => slug));
    expect(rest).to.deep.equal({ problem: "/problems/not-found", signs: "function", openapi: "3.1.0" });
  });

  const right = `import { createMintmarkClient, unwrap } from "@mintmark/client";
    const client = createMintmarkClient({ baseUrl: "http://127.0.0.1:3000", apiKey: "mm_" });
    const { data } = await unwrap(client.POST("/v1/orders", {
      body: { customer: { reference: "CRM-1" }, items: [{ collection: "noirance-preview", tier: 1 }] },
    }));
    const serials: (number | null)[] = data.cards.map((card) => card.serial);
    const checked = await unwrap(client.POST("/v1/entitlements/check", {
      body: { customer: "CRM-1", lines: [{ id: "1", product: "SKU-1", unitPrice: 100 }] },
    }));
    const total: number = checked.data.total;
    console.log(serials, total);`;
  const wrong: [string, string, string][] = [
    ["a path that there is none of", '"/v1/orders"', '"/v1/order"'],
    ["a body that lacks something", "unitPrice: 100", ""],
    ["a body with another type", "tier: 1", 'tier: "gold"'],
    ["an answer that is taken for another", "total: number", "total: string"],
  ];
  for (const [compiler, binary] of COMPILERS) {
    const options = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--types", "node"];

    it(`has types that ${compiler} accepts`, async () => {
      writeFileSync(join(folder, "right.ts"), right);
      const { code, output } = await run(binary, [...options, "right.ts"]);
      expect(code, output).to.equal(0);
    });

    it(`has types by which ${compiler} refuses what the API would`, async () => {
      const names = wrong.map(([, from, to], index) => {
        const name = `wrong-${index}.ts`;
        writeFileSync(join(folder, name), right.replace(from, to));
        return name;
      });
      const { output } = await run(binary, [...options, ...names]);
      for (const [index, [what]] of wrong.entries())
        expect(output, what).to.match(new RegExp(`wrong-${index}\\.ts\\(\\d+,\\d+\\): error`));
    });
  }
});
