// What an operator and a shop see of a real server whose keystore does not open because the process that opens it is killed, and that
// all is well again by itself.

import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type IssuingWorld, startIssuingWorld } from "../../../scripts/bench/world/issuing.ts";
import { randomAddress } from "../../support/chain.ts";
import { sqlite, type TestDatabase } from "../../support/databases.ts";
import { killDescendants } from "../../support/killer.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";

interface Order {
  data: { id: string; state: string; failure: { name: string; detail: string } | null };
}

/** In which a fault has to be told, and after which all has to be well once its cause is gone. */
const BOUND_MS = 30_000;

describe("a server whose key-deriving process is killed", () => {
  let world: IssuingWorld;
  let database: TestDatabase;
  let server: TestServer;
  let apiKey: string;

  before(async () => {
    world = await startIssuingWorld();
    await world.createCollection("noirance-edition", 1_000);
    database = await sqlite.create();
    apiKey = await world.apiKey(database.url);
  });
  after(async () => {
    await server?.stop();
    await database?.drop();
    await world?.stop();
  });

  async function order(
    number: number,
    holder?: string,
  ): Promise<{ status: number; body: Order & { reason?: string } }> {
    const response = await server.get("/v1/orders", {
      method: "POST",
      headers: {
        Authorization: `Bearer ${apiKey}`,
        "Content-Type": "application/json",
        "Idempotency-Key": `order-${number}`,
      },
      body: JSON.stringify({
        customer: { reference: `customer-${number}`, ...(holder === undefined ? {} : { holder }) },
        items: [{ collection: "noirance-edition", tier: 1, term: "P1Y" }],
      }),
    });
    return { status: response.status, body: (await response.json()) as Order };
  }
  const signing = async () =>
    (
      (await (await server.get("/ready")).json()) as {
        signing: { state: string; problems: { signer: string; fault: string; detail: string }[] };
      }
    ).signing;
  const orderOf = async (id: string) =>
    (await (await server.get(`/v1/orders/${id}`, { headers: { Authorization: `Bearer ${apiKey}` } })).json()) as Order;
  async function within(ms: number, what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + ms; !(await holds()); await sleep(50))
      if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
  }

  it("says so, keeps answering, loses no order, and issues by itself once it lives", async () => {
    // Only now is there a keystore, so that its process meets what kills it from the first time on.
    const [file, away] = [join(world.dataFolder, "keys", "brand.json"), join(world.dataFolder, "away.json")];
    renameSync(file, away);
    server = await startTestServer({
      RPC_URL: world.rpcUrl,
      REGISTRY_ADDRESS: world.deployment.registry,
      DATABASE_URL: database.url,
      DATA_DIR: world.dataFolder,
      FINALITY_DEPTH: "0",
    });
    await server.untilReady();
    expect(await signing()).to.deep.equal({ state: "working", problems: [] });
    const killer = killDescendants(server.process.pid ?? 0, "scrypt-process.mjs");
    let placed: { status: number; body: Order };
    try {
      mkdirSync(join(world.dataFolder, "keys"), { recursive: true });
      renameSync(away, file);
      await within(BOUND_MS, "/ready says so", async () => (await signing()).problems[0]?.fault === "process");
      const { state, problems } = await signing();
      expect(state).to.equal("impaired");
      expect(problems.map(({ signer, detail }) => `${signer}: ${detail}`)).to.deep.equal([
        "keystore brand.json: The process that opens it fails, and is started again. Is memory short?",
      ]);
      expect((await server.readiness()).status).to.equal(200);
      expect(await server.metric('mintmark_keystores_closed{reason="process"}')).to.equal(1);
      expect(await server.metric('mintmark_child_process_deaths_total{process="keys"}')).to.be.greaterThan(0);
      expect((await server.get("/v1/collections/noirance-edition")).status).to.equal(200);

      // An address cannot be made: the shop is told to try again, and may.
      const refused = await order(1);
      expect([refused.status, refused.body.reason]).to.deep.equal([503, "keystore-closed"]);
      placed = await order(2, randomAddress());
      expect(placed.status).to.equal(201);
      await within(BOUND_MS, "the order says why it waits", async () => {
        const { state, failure } = (await orderOf(placed.body.data.id)).data;
        return state === "queued" && failure?.name === "keystore-closed";
      });
    } finally {
      await killer.stop();
    }
    await within(BOUND_MS, "all is well", async () => (await signing()).state === "working");
    await within(
      BOUND_MS,
      "the order is issued",
      async () => (await orderOf(placed.body.data.id)).data.state === "issued",
    );
    const again = await order(1);
    expect(again.status).to.equal(201);
    await within(BOUND_MS, "and the other", async () => (await orderOf(again.body.data.id)).data.state === "issued");
    expect(await server.metric("mintmark_keystores_closed")).to.equal(0);
  });
});
