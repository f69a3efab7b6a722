// The contract tests, run many times in one process, each time on other code: the tests are loaded once, the chains are set
// back to their beginning, and what the artifacts say is replaced in memory. Nothing is written anywhere.

import { globSync } from "node:fs";
import { basename, join } from "node:path";
import hre from "hardhat";
import type { NetworkConfigOverride } from "hardhat/types/config";
import type { NetworkConnection } from "hardhat/types/network";
import Mocha from "mocha";
import type { Code } from "./compiler.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** A test that takes longer than this hangs. */
const TEST_TIMEOUT_MS = 20_000;
/** What the tests need and not much more: a chain remembers each step of an endless loop, which soon is a GB. */
const BLOCK_GAS_LIMIT = 30_000_000n;

export interface TestRun {
  passed: number;
  /** The full title of each test that failed, with what it said. */
  failures: { title: string; message: string }[];
  /** A test was given up and may still be running: what it does then would be taken for the next run's. */
  hangs: boolean;
}

/** The contract tests of this process. There can be one only: modules are loaded once. */
export interface ContractTests {
  /** The names of the test files. */
  files: string[];
  /**
   * Runs the tests as if `code` were what the artifacts hold.
   *
   * @param first The test file to begin with, by its name without the ending.
   * @param only The full titles of the tests to run; all, if it is left out.
   * @param files Which test files to run, by absolute path; all, if it is left out.
   * @param bail Whether the first failure ends the run.
   */
  run(
    code: Code,
    options: { first?: string; only?: readonly string[]; files?: (path: string) => boolean; bail: boolean },
  ): Promise<TestRun>;
}

/**
 * Loads the contract tests.
 *
 * @param files Test files by absolute path.
 */
export async function loadContractTests(files: readonly string[]): Promise<ContractTests> {
  let code: Code = new Map();
  replaceArtifacts(() => code);
  const chains = await recordChains();

  const mocha = new Mocha({ reporter: Silent, timeout: TEST_TIMEOUT_MS });
  mocha.cleanReferencesAfterRun(false);
  for (const file of files) mocha.addFile(file);
  await mocha.loadFilesAsync();
  const suites = [...mocha.suite.suites];
  // Code that is wrong can break a test off while a promise of it is open.
  process.on("unhandledRejection", () => {});

  return {
    files: files.map((file) => basename(file)),
    async run(next, { first, only, files: chosen = () => true, bail }) {
      code = next;
      await chains.reset();
      const isFirst = (suite: Mocha.Suite) => (basename(suite.file ?? "").startsWith(`${first}.`) ? 0 : 1);
      mocha.suite.suites = suites
        .filter((suite) => chosen(suite.file ?? ""))
        .sort((left, right) => isFirst(left) - isFirst(right));
      mocha.grep(only === undefined ? /(?:)/ : new RegExp(`^(?:${only.map(escaped).join("|")})$`));
      mocha.suite.bail(bail);
      for (const suite of allSuites(mocha.suite)) suite.bail(bail);
      const failures: TestRun["failures"] = [];
      let passed = 0;
      let hangs = false;
      await new Promise<void>((done) => {
        const runner = mocha.run(() => done());
        runner.on("pass", () => {
          passed++;
        });
        runner.on("fail", (test, error: Error & { code?: string }) => {
          failures.push({ title: test.fullTitle(), message: error.message });
          if (error.code === "ERR_MOCHA_TIMEOUT") hangs = true;
        });
      });
      return { passed, failures, hangs };
    },
  };
}

/** Tests that look at the code itself, its size, its gas, its layout, and not at what it does: any other code fails them. */
const ABOUT_CODE = ["contract-size.test.ts", "docs.test.ts", "gas.test.ts", "osaka.test.ts", "storage-layout.test.ts"];

/** The test files that say what the contracts do. */
export function contractTestFiles(): string[] {
  return globSync("test/contracts/**/*.test.ts", { cwd: ROOT })
    .filter((file) => !ABOUT_CODE.includes(basename(file)))
    .map((file) => join(ROOT, file))
    .sort();
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Says nothing; the outcome is read from the runner's events. */
class Silent extends Mocha.reporters.Base {}

function* allSuites(suite: Mocha.Suite): Generator<Mocha.Suite> {
  for (const child of suite.suites) {
    yield child;
    yield* allSuites(child);
  }
}

/** From now on artifacts are read as if `current()` were their code. */
function replaceArtifacts(current: () => Code): void {
  const read = hre.artifacts.readArtifact.bind(hre.artifacts);
  hre.artifacts.readArtifact = (async (name: string) => {
    const artifact = await read(name);
    return { ...artifact, ...current().get(`${artifact.inputSourceName}:${artifact.contractName}`) };
  }) as typeof hre.artifacts.readArtifact;
  // A chain that knows the contracts' sources explains a revert in words that hang on the code being exactly the built one.
  hre.artifacts.getAllBuildInfoIds = async () => new Set();
}

/** From now on remembers every chain that a test file makes while it is loaded, so that it can be set back. */
async function recordChains(): Promise<{ reset(): Promise<void> }> {
  const chains: { connection: NetworkConnection; snapshot: unknown }[] = [];
  const create = hre.network.create.bind(hre.network);
  let recording = true;
  hre.network.create = (async (choice: Parameters<typeof create>[0]) => {
    const options = typeof choice === "string" ? { network: choice } : choice;
    // Code that is not optimized, or reports its coverage, is larger than a contract may be.
    const limits = { blockGasLimit: BLOCK_GAS_LIMIT, allowUnlimitedContractSize: true };
    const override = { ...limits, ...options?.override } as NetworkConfigOverride;
    const connection = (await create({ ...options, override })) as NetworkConnection;
    // A chain that a test makes for itself is new each time anyhow.
    if (recording) chains.push({ connection, snapshot: await snapshotOf(connection) });
    return connection;
  }) as typeof hre.network.create;
  return {
    async reset() {
      recording = false;
      for (const chain of chains) {
        await chain.connection.provider.request({ method: "evm_revert", params: [chain.snapshot] });
        chain.snapshot = await snapshotOf(chain.connection);
        chain.connection.networkHelpers.clearSnapshots();
      }
    },
  };
}

async function snapshotOf(connection: NetworkConnection): Promise<unknown> {
  return await connection.provider.request({ method: "evm_snapshot" });
}
