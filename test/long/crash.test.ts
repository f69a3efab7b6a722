// The server is killed at random moments while cards are being issued; in the end its mirror must equal the chain.
// A failure prints the seed: CRASH_SEED=<seed> npm test -- test/long/crash.test.ts

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { openDatabase } from "../../server/database/client.ts";
import { startTestChain, type TestChain } from "../support/chain.ts";
import { ROOT } from "../support/commands.ts";
import { describeOnEachDatabase, sqlite, type TestDatabase } from "../support/databases.ts";
import { cardsInMirror, cardsOnChain, freshMirrorRows, mirrorRows } from "../support/mirror.ts";
import { until } from "../support/patience.ts";
import { randomNumbers, seedFrom } from "../support/random.ts";
import { sharedDataFolder } from "../support/server.ts";

const MAX_SUPPLY = 10_000;
const MAX_CARDS_AT_ONCE = 60;
/** While nobody reads, the chain need not grow for longer than it is then compared. */
const REST_MS = 250;

describeOnEachDatabase("a server that is killed again and again", (kind) => {
  // A server of its own keeps PostgreSQL's files in order; what is tried there is how our transactions end.
  const kills = kind === sqlite ? 5 : 2;
  let chain: TestChain;
  let database: TestDatabase;
  let child: ChildProcess | undefined;

  before(async () => {
    chain = await startTestChain();
    database = await kind.createEmpty();
  });
  after(async () => {
    child?.kill("SIGKILL");
    await chain.close();
    await database.drop();
  });

  it("has a mirror that equals the chain", async () => {
    const seed = seedFrom("CRASH_SEED");
    const random = randomNumbers(seed);
    const port = await freePort();
    const { url } = database;
    const start = (): ChildProcess =>
      spawn(process.execPath, ["server/main.ts"], {
        cwd: ROOT,
        env: {
          ...process.env,
          PORT: String(port),
          RPC_URL: chain.rpcUrl,
          DATABASE_URL: url,
          DATA_DIR: sharedDataFolder(),
          REGISTRY_ADDRESS: chain.deployment.registry,
          LOG_LEVEL: "silent",
        },
        stdio: "ignore",
      });
    const indexedBlock = async (): Promise<number> =>
      await fetch(`http://127.0.0.1:${port}/v1/collections`)
        .then((response) => response.json())
        .then((body) => Number((body as { asOf?: { blockNumber: number } }).asOf?.blockNumber ?? -1))
        .catch(() => -1);

    const brandId = await chain.admitBrand();
    const collection = await chain.createCollection({ brandId, slug: "noirance-crash", maxSupply: MAX_SUPPLY });
    let issuing = true;
    let isRead = false;
    let serial = 1;
    const issuer = (async () => {
      while (issuing && serial + MAX_CARDS_AT_ONCE <= MAX_SUPPLY) {
        const count = 1 + Math.floor(random() * MAX_CARDS_AT_ONCE);
        await chain.issue({ collection, firstSerial: serial, holders: count, tier: Math.floor(random() * 5) });
        serial += count;
        if (!isRead) await sleep(REST_MS);
      }
    })();

    try {
      let seenBlock = -1;
      for (let kill = 0; kill < kills; kill++) {
        child = start();
        const exited = once(child, "exit");
        // At least once it must have read something new; then it is killed at any moment of its work.
        const before = seenBlock;
        const reached = await until(
          async () => {
            const block = await indexedBlock();
            isRead = block >= 0;
            return block > before ? { block } : undefined;
          },
          () => `The server reads nothing after block ${before}`,
        );
        seenBlock = reached.block;
        await sleep(random() * 300);
        child.kill("SIGKILL");
        await exited;
        isRead = false;
      }
      issuing = false;
      await issuer;

      child = start();
      const head = await chain.provider.getBlockNumber();
      await until(async () => (await indexedBlock()) >= head);
      const stopped = once(child, "exit");
      child.kill("SIGTERM");
      expect(await stopped).to.deep.equal([0, null]);

      const survivor = await openDatabase(url);
      try {
        expect(await cardsInMirror(survivor, collection)).to.deep.equal(await cardsOnChain(chain, collection));
        expect(await mirrorRows(survivor)).to.deep.equal(await freshMirrorRows(chain));
      } finally {
        await survivor.$disconnect();
      }
    } catch (error) {
      throw new Error(`with CRASH_SEED=${seed}`, { cause: error });
    } finally {
      issuing = false;
    }
  });
});
