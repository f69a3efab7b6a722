import { createRequire } from "node:module";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatEthersChaiMatchers from "@nomicfoundation/hardhat-ethers-chai-matchers";
import hardhatIgnitionEthers from "@nomicfoundation/hardhat-ignition-ethers";
import hardhatMocha from "@nomicfoundation/hardhat-mocha";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatTypechain from "@nomicfoundation/hardhat-typechain";
import { defineConfig } from "hardhat/config";
import type { HardhatPlugin } from "hardhat/types/plugins";
import { TEST_PATIENCE_MS } from "./test/support/patience.ts";

const require = createRequire(import.meta.url);
const FUZZ_SEED = process.env["FUZZ_SEED"];

/** A chain as the consortium runs it: blocks as large as needed, nothing to pay. */
const zeroGas = {
  type: "edr-simulated",
  chainType: "l1",
  hardfork: "cancun",
  initialBaseFeePerGas: 0,
  gasPrice: 0,
  // The base fee rises after a block more than half full, so no block may become half full.
  blockGasLimit: 1_000_000_000,
} as const;

/** Hides the compiler's warnings about packages: nobody here can mend them, and they would bury those about ourselves. */
const quietPackages: HardhatPlugin = {
  id: "quiet-packages",
  hookHandlers: {
    solidity: async () => ({
      default: async () => ({
        getCompilationJobErrors: async (context, job, output, next) =>
          (await next(context, job, output)).filter(
            ({ severity, formattedMessage }) =>
              severity === "error" || !/^\s*--> \S*node_modules\//m.test(formattedMessage ?? ""),
          ),
      }),
    }),
  },
};

/**
 * How hard the Solidity tests try. A sequence is 100 calls; handlers are written so that no call may revert. The seed is
 * always the same, so that a failure comes back, unless `npm run fuzz -- --seed` says another.
 */
function solidityTests({ fuzzRuns, invariantRuns }: { fuzzRuns: number; invariantRuns: number }) {
  return {
    fuzz: { runs: fuzzRuns, ...(FUZZ_SEED === undefined ? {} : { seed: FUZZ_SEED }) },
    invariant: { runs: invariantRuns, depth: 100, failOnRevert: true },
  };
}

export default defineConfig({
  plugins: [
    quietPackages,
    hardhatEthers,
    hardhatEthersChaiMatchers,
    hardhatIgnitionEthers,
    hardhatMocha,
    hardhatNetworkHelpers,
    hardhatTypechain,
  ],
  solidity: {
    version: "0.8.37",
    // The compiler comes from npm, because the registry is the only place that builds may download from.
    path: require.resolve("solc/soljson.js"),
    // The Solidity tests are compiled when they are run, so that nobody else waits for them.
    splitTestsCompilation: true,
    npmFilesToBuild: ["@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol"],
    settings: {
      evmVersion: "cancun",
      // Many runs make a collection's code 4 KB larger than the 20 KB that it may have, and its acts no cheaper.
      optimizer: { enabled: true, runs: 100 },
    },
  },
  networks: {
    default: { ...zeroGas, chainId: 31337 },
    // What `hardhat node --network node`, the tests and `npm run dev` serve over HTTP.
    node: { ...zeroGas, chainId: 31337 },
    // Any running node; scripts set the URL.
    remote: { type: "http", url: "http://127.0.0.1:8545", gasPrice: 0n, ignition: { gasPrice: 0n } },
  },
  test: {
    mocha: { reporter: "./test/support/reporter.cjs", timeout: TEST_PATIENCE_MS },
    solidity: {
      profiles: {
        default: solidityTests({ fuzzRuns: 1_000, invariantRuns: 50 }),
        // As CI does, whose runs add up.
        slice: solidityTests({ fuzzRuns: 4_000, invariantRuns: 300 }),
        // hardhat test solidity --test-profile full
        full: solidityTests({ fuzzRuns: 10_000, invariantRuns: 1_000 }),
      },
    },
  },
  coverage: { skipFiles: ["test/contracts/peers/**"] },
  typechain: { outDir: "artifacts/types", tsNocheck: true },
  paths: {
    // The peers are what benchmarks and tests compare our contracts with, support is what tests call them through; none of
    // them is ever deployed to a real chain.
    sources: { solidity: ["contracts", "test/contracts/peers", "test/contracts/support"] },
    ignition: "scripts/ignition",
    tests: { mocha: "test/contracts", solidity: "test/contracts/solidity" },
  },
});
