// A chain with an admitted brand whose issuer key comes from a demo keystore, and the command line as a user runs it.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Contract, getAddress } from "ethers";
import { BRAND_ROLE, CARD_STATUS, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { writeDeployment } from "../../../server/chain/deployment.ts";
import { type BrandKeys, createKeystore, DEMO_PASSPHRASE } from "../../../server/issuance/keystore.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";

export interface CommandResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCommand {
  process: ChildProcess;
  /** What it has written to standard output so far. */
  output(): string;
  result: Promise<CommandResult>;
}

export interface Fixture {
  chain: TestChain;
  keys: BrandKeys;
  brandId: number;
  dataFolder: string;
  /** Writes a file and returns its path. */
  file(name: string, content: string | Uint8Array): string;
  /** Starts `npm run issue` without npm. */
  start(argv: readonly string[], environment?: Record<string, string>): RunningCommand;
  run(argv: readonly string[], environment?: Record<string, string>): Promise<CommandResult>;
  /** Every serial of a collection that was issued, as the chain says, as "holder tier expiresAt status". */
  state(collection: string): Promise<Map<number, string>>;
  /** How many `Transfer` events each serial of a collection has. */
  transfers(collection: string): Promise<Map<number, number>>;
  close(): Promise<void>;
}

const ROOT = resolve(import.meta.dirname, "../../..");

export async function createFixture(): Promise<Fixture> {
  const chain = await startTestChain();
  const dataFolder = mkdtempSync(join(tmpdir(), "mintmark-issue-"));
  writeDeployment(dataFolder, chain.deployment);
  const brandId = await chain.admitBrand();
  const keys = await createKeystore({
    file: join(dataFolder, "keys", "noirance.json"),
    label: "noirance",
    passphrase: DEMO_PASSPHRASE,
    demo: true,
  });
  await grantIssuer(chain, brandId, keys.issuer.address);

  function start(argv: readonly string[], environment: Record<string, string> = {}): RunningCommand {
    const child = spawn(process.execPath, ["scripts/issue.ts", ...argv], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"] ?? "", RPC_URL: chain.rpcUrl, DATA_DIR: dataFolder, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    const result = new Promise<CommandResult>((done) => {
      child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
    });
    return { process: child, output: () => stdout, result };
  }

  return {
    chain,
    keys,
    brandId,
    dataFolder,
    file(name, content) {
      const path = join(dataFolder, name);
      writeFileSync(path, content);
      return path;
    },
    start,
    run: async (argv, environment) => await start(argv, environment).result,
    async state(collection) {
      const contract = new Contract(collection, membershipCollectionInterface, chain.provider);
      const maxSupply = Number(await contract.getFunction("maxSupply")());
      const issued = new Map<number, string>();
      for (let first = 1; first <= maxSupply; first += 1000) {
        const count = Math.min(1000, maxSupply - first + 1);
        const data = membershipCollectionInterface.encodeFunctionData("cardsOf", [first, count]);
        // Two words, then six for each card. The library takes seconds for what is read here.
        const result = Buffer.from((await chain.provider.call({ to: collection, data })).slice(2), "hex");
        for (let index = 0; index < count; index++) {
          const word = (number: number) =>
            result.subarray((2 + index * 6 + number) * 32, (3 + index * 6 + number) * 32);
          const number = (of: number) => word(of).readUInt32BE(28);
          if (number(4) === 0) continue;
          const holder = getAddress(`0x${word(0).toString("hex", 12)}`);
          issued.set(first + index, `${holder} ${number(3)} ${number(2)} ${CARD_STATUS[number(4)]}`);
        }
      }
      return issued;
    },
    async transfers(collection) {
      const topic = membershipCollectionInterface.getEvent("Transfer")?.topicHash;
      const logs = await chain.rpc.call<{ topics: string[] }[]>("eth_getLogs", [
        { address: collection, fromBlock: "0x0", toBlock: "latest", topics: [topic] },
      ]);
      const counts = new Map<number, number>();
      for (const { topics } of logs) counts.set(Number(topics[3]), (counts.get(Number(topics[3])) ?? 0) + 1);
      return counts;
    },
    async close() {
      await chain.close();
      rmSync(dataFolder, { recursive: true });
    },
  };
}

/** Gives an account the brand's Issuer role, as its administrator. */
export async function grantIssuer(chain: TestChain, brandId: number, account: string): Promise<void> {
  const registry = chain.registry.connect(await chain.signer(1)) as Contract;
  const role = await registry.getFunction("roleId")(brandId, BRAND_ROLE.Issuer);
  const transaction = await registry.getFunction("grantRole")(role, account, { gasPrice: 0 });
  await transaction.wait();
}
