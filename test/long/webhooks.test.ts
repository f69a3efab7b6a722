// Ten thousand events, a receiver that does everything wrong that receivers do, and servers that are killed meanwhile. None is lost,
// every duplicate carries the same id, and every message verifies.
// A failure prints the seed: WEBHOOKS_SEED=<seed> npm test -- test/long/webhooks.test.ts

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Contract, encodeBytes32String } from "ethers";
import { createApiKey } from "../../server/accounts/api-keys.ts";
import { BRAND_ROLE, membershipCollectionInterface } from "../../server/chain/abi.ts";
import { openDatabase } from "../../server/database/client.ts";
import { type Received, type Receiver, startReceiver } from "../server/webhooks/receiver.ts";
import { startTestChain, type TestChain } from "../support/chain.ts";
import { describeOnEachDatabase, postgresql, type TestDatabase } from "../support/databases.ts";
import { randomNumbers, seedFrom } from "../support/random.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const CARDS = 2_500;
/** Issued, and changed three times. */
const EVENTS = 4 * CARDS;
const AT_ONCE = 500;
const KILLS = 3;
const DEATHS = 2;
const ADMIN = 1;
const ISSUER = 2;
const REASON = encodeBytes32String("lost");
/** So that nothing is given up, and nobody waits for hours. */
const RETRIES = Array(40).fill("0.5").join();

describeOnEachDatabase("ten thousand webhooks", (kind) => {
  let chain: TestChain;
  let database: TestDatabase;
  let receiver: Receiver;
  let trap: Receiver;
  const servers: TestServer[] = [];

  before(async () => {
    chain = await startTestChain();
    database = await kind.createEmpty();
    receiver = await startReceiver();
    trap = await startReceiver();
  });
  after(async () => {
    for (const { process } of servers) process.kill("SIGKILL");
    await receiver.close();
    await trap.close();
    await chain.close();
    await database.drop();
  });

  const start = () =>
    startTestServer({
      ...{ RPC_URL: chain.rpcUrl, DATABASE_URL: database.url, REGISTRY_ADDRESS: chain.deployment.registry },
      ...{ WEBHOOK_TIMEOUT_SECONDS: "1", WEBHOOK_RETRY_SECONDS: RETRIES },
    });

  it("all arrive", async () => {
    const seed = seedFrom("WEBHOOKS_SEED");
    const random = randomNumbers(seed);
    try {
      await deliver(random);
    } catch (error) {
      throw new Error(`with WEBHOOKS_SEED=${seed}`, { cause: error });
    }
  });

  async function deliver(random: () => number): Promise<void> {
    const brandId = await chain.admitBrand();
    const issuer = await (await chain.signer(ISSUER)).getAddress();
    const roleId = await chain.registry.getFunction("roleId")(brandId, BRAND_ROLE.Steward);
    await chain.call(chain.registry, ADMIN, "grantRole", roleId, issuer);
    const collection = await chain.createCollection({ brandId, slug: "noirance-thousands", maxSupply: CARDS });
    const contract = new Contract(collection, membershipCollectionInterface, chain.provider);

    // On PostgreSQL two servers share the work.
    for (let count = 0; count < (kind === postgresql ? 2 : 1); count++) servers.push(await start());
    await servers[0]?.untilReady();
    const api = await endpointApi(brandId);
    const { id: endpoint, secret } = await api("POST", "", { url: receiver.url, events: ["*"] });
    receiver.secrets.push(String(secret));

    const accepted = new Set<string>();
    const faults: Record<string, number> = {};
    let pausedUntil = 0;
    let early = 0;
    let turns = 0;
    const answer = (message: Received, response: ServerResponse) => {
      const turn = ++turns;
      const fault = turn % ASKS_TO_WAIT_EVERY === 0 ? "asks to wait" : faultAt(random());
      if (performance.now() < pausedUntil) early++;
      faults[fault] = (faults[fault] ?? 0) + 1;
      switch (fault) {
        case "none":
          accepted.add(message.id);
          response.writeHead(204).end();
          break;
        case "fails":
          response.writeHead(500).end("out of order");
          break;
        case "stalls":
          break;
        case "stalls after taking it":
          accepted.add(message.id);
          break;
        case "redirects":
          response.writeHead(308, { Location: trap.url }).end();
          break;
        case "cuts the connection":
          response.destroy();
          break;
        case "asks to wait":
          pausedUntil = performance.now() + 950;
          response.writeHead(429, { "Retry-After": "1" }).end();
          break;
      }
    };
    receiver.answer = answer;
    const all: Received[] = [];

    let alive = true;
    const killer = (async () => {
      for (let kill = 0; kill < KILLS && alive; kill++) {
        const seen = all.length + receiver.received.length;
        while (alive && all.length + receiver.received.length < seen + 800) await sleep(20);
        await sleep(random() * 500);
        const victim = servers.splice(Math.floor(random() * servers.length), 1)[0];
        if (victim === undefined) return;
        const exited = once(victim.process, "exit");
        victim.process.kill("SIGKILL");
        await exited;
        servers.push(await start());
      }
    })();
    const mortal = (async () => {
      for (let death = 0; death < DEATHS && alive; death++) {
        while (alive && all.length + receiver.received.length < (death + 1) * 3_000) await sleep(20);
        const { secrets, wrong, received } = receiver;
        const port = Number(new URL(receiver.url).port);
        await receiver.close();
        all.push(...received);
        await sleep(1_000);
        receiver = await startReceiver(port);
        Object.assign(receiver, { secrets, answer, wrong });
      }
    })();

    for (let first = 1; first <= CARDS; first += AT_ONCE)
      await chain.issue({ collection, firstSerial: first, holders: AT_ONCE });
    for (let first = 1; first <= CARDS; first += AT_ONCE) {
      const serials = Array.from({ length: AT_ONCE }, (_, index) => first + index);
      await chain.call(contract, ISSUER, "setTier", serials, 7);
      await chain.call(contract, ISSUER, "suspend", serials, REASON);
      await chain.call(contract, ISSUER, "reinstate", serials);
    }
    while (accepted.size < EVENTS) await sleep(50);
    await Promise.all([killer, mortal]);
    // Whatever was taken without an answer comes again.
    const left = async () =>
      (await api("GET", `/${endpoint}/deliveries?state=pending&limit=1`)) as unknown as unknown[];
    while ((await left()).length > 0) await sleep(100);
    alive = false;
    all.push(...receiver.received);

    expect(receiver.wrong).to.deep.equal([]);
    expect(trap.received.length + trap.wrong.length).to.equal(0);
    expect(((await api("GET", `/${endpoint}/deliveries?state=failed`)) as unknown as unknown[]).length).to.equal(0);
    // What the chain did, said without the server: each card and type is one message, whatever it was sent as.
    const expected = new Set<string>();
    for (let serial = 1; serial <= CARDS; serial++) {
      expected.add(`card.issued ${serial}`);
      for (const type of ["card.tier_changed", "card.suspended", "card.reinstated"]) expected.add(`${type} ${serial}`);
    }
    const ids = new Map<string, Set<string>>();
    const bodies = new Map<string, string>();
    for (const { id, type, data, body } of all) {
      const what = `${type} ${data.card.serial}`;
      ids.set(what, (ids.get(what) ?? new Set()).add(id));
      if ((bodies.get(id) ?? body) !== body) throw new Error(`${id} has two bodies`);
      bodies.set(id, body);
    }
    expect([...ids.keys()].sort()).to.deep.equal([...expected].sort());
    expect([...ids].filter(([, known]) => known.size !== 1)).to.deep.equal([]);
    expect([...ids.values()].flatMap((known) => [...known]).filter((id) => !accepted.has(id))).to.deep.equal([]);
    // The receiver did all of it, or this test would show nothing.
    for (const { name } of [...FAULTS, { name: "asks to wait" }]) expect(faults[name], name).to.be.greaterThan(0);
    expect(all.length).to.be.greaterThan(EVENTS);
    expect(early, "came while the receiver had asked to wait").to.be.lessThan(200);
  }

  /** Requests to the API with a key of the brand, to whichever server is there. */
  async function endpointApi(brandId: number) {
    const application = await openDatabase(database.url, { application: true });
    const { key } = await createApiKey(application, { brandId, role: "owner", name: "o", createdBy: "test", now: 0 });
    await application.$disconnect();
    return async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
      for (;;) {
        const response = await servers
          .at(-1)
          ?.get(`/v1/webhook-endpoints${path}`, {
            method,
            headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          })
          .catch(() => undefined);
        if (response?.ok) return ((await response.json()) as { data: Record<string, unknown> }).data;
        await sleep(100);
      }
    };
  }
});

/** What a receiver does, and how often. */
const FAULTS = [
  { name: "fails", share: 0.03 },
  { name: "redirects", share: 0.02 },
  { name: "cuts the connection", share: 0.02 },
  { name: "stalls", share: 0.001 },
  { name: "stalls after taking it", share: 0.001 },
] as const;

const ASKS_TO_WAIT_EVERY = 2_400;

function faultAt(dice: number): (typeof FAULTS)[number]["name"] | "none" {
  let sum = 0;
  for (const { name, share } of FAULTS) {
    sum += share;
    if (dice < sum) return name;
  }
  return "none";
}
