// Two tills, each at a server of its own, want the last use of a benefit at the same moment: each trial has one winner, whose redemption is
// on the chain, and one loser, who is told why. TILL_TRIALS=1000 npm test -- test/long/two-tills.test.ts tries so often.

import { randomUUID } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ZeroHash } from "ethers";
import { createApiKey } from "../../server/accounts/api-keys.ts";
import { membershipCollectionInterface } from "../../server/chain/abi.ts";
import { openDatabase } from "../../server/database/client.ts";
import { type SendingWorld, startSendingWorld } from "../server/issuance/sending/support.ts";
import { BENEFIT, createRedeemingBrand, type RedeemingBrand } from "../server/issuance/sending/tills.ts";
import { describeOnEachDatabase, type TestDatabase } from "../support/databases.ts";
import { until } from "../support/patience.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const TRIALS = Number(process.env["TILL_TRIALS"] ?? 300);
/** So many trials at a time. */
const AT_ONCE = 8;
const ISSUED_AT_ONCE = 250;

interface Answer {
  status: number;
  body: { data?: { id: string }; type?: string; reason?: string };
}

describeOnEachDatabase("two tills and the last use of a benefit", (kind) => {
  let world: SendingWorld;
  let brand: RedeemingBrand;
  let database: TestDatabase;
  let collection: string;
  let dataFolder: string;
  let servers: TestServer[] = [];
  let key: string;

  before(async () => {
    world = await startSendingWorld();
    brand = await createRedeemingBrand(world);
    collection = await brand.createCollection({ maxSupply: TRIALS });
    await brand.callAsAdmin(collection, "setBenefit", 1, BENEFIT, [1, 0, 0]);
    for (let first = 1; first <= TRIALS; first += ISSUED_AT_ONCE) {
      const length = Math.min(ISSUED_AT_ONCE, TRIALS - first + 1);
      const holders = Array.from({ length }, (_, index) => brand.keys.holderAddress(customerOf(first + index)));
      const terms = { tier: 1, expiresAt: 0 };
      await brand.call(collection, brand.hand, "issue", first, holders, terms, ZeroHash, ZeroHash);
    }

    database = await kind.create();
    dataFolder = mkdtempSync(join(tmpdir(), "mintmark-tills-"));
    mkdirSync(join(dataFolder, "keys"));
    copyFileSync(brand.keystore, join(dataFolder, "keys", "brand.json"));
    const connection = await openDatabase(database.url, { application: true });
    const options = {
      brandId: brand.id,
      role: "staff",
      name: "tills",
      createdBy: "command-line",
      now: Date.now(),
    } as const;
    key = (await createApiKey(connection, options)).key;
    await connection.$disconnect();
    const environment = {
      RPC_URL: world.rpcUrl,
      DATABASE_URL: database.url,
      REGISTRY_ADDRESS: world.deployment.registry,
      DATA_DIR: dataFolder,
      ISSUER_PRIVATE_KEYS: brand.key.privateKey,
      KEY_RATE_LIMIT_PER_MINUTE: "0",
    };
    servers = [await startTestServer(environment), await startTestServer(environment)];
    for (const server of servers) await server.untilReady();
  });
  after(async () => {
    for (const server of servers) await server.stop();
    rmSync(dataFolder, { recursive: true, force: true });
    await database.drop();
    brand.forget();
    await world.close();
  });

  const customerOf = (serial: number) => `customer ${serial}`;

  async function post(server: TestServer, path: string, body?: object): Promise<Answer> {
    const response = await server.get(path, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${key}`,
        "Idempotency-Key": randomUUID(),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  }

  /** What a till does for a customer who stands at it: `won`, or why not. */
  async function till(server: TestServer, serial: number): Promise<string> {
    const customer = customerOf(serial);
    const held = await post(server, "/v1/redemptions", { customer, collection, serial, benefit: BENEFIT });
    if (held.status !== 201) return `${held.status} ${held.body.type} ${held.body.reason}`;
    const confirmed = await post(server, `/v1/redemptions/${held.body.data?.id}/confirm`);
    return confirmed.status === 200 ? "won" : `${confirmed.status} ${confirmed.body.type} ${confirmed.body.reason}`;
  }

  it(`has one winner in each of ${TRIALS.toLocaleString("en")} trials, and as many redemptions on the chain`, async () => {
    const outcomes = new Map<number, string[]>();
    let next = 1;
    async function work(): Promise<void> {
      while (next <= TRIALS) {
        const serial = next++;
        outcomes.set(serial, await Promise.all(servers.map((server) => till(server, serial))));
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));

    const used = "409 /problems/benefit-refused used-up";
    const wrong = [...outcomes].filter(([, both]) => both.toSorted().join() !== [used, "won"].join());
    expect(wrong).to.deep.equal([]);
    expect(outcomes.size).to.equal(TRIALS);
    // Neither till is always the first.
    const firstTill = [...outcomes.values()].filter(([first]) => first === "won").length;
    expect(firstTill).to.be.within(1, TRIALS - 1);

    const topics = [membershipCollectionInterface.getEvent("BenefitRedeemed")?.topicHash ?? ""];
    const redeemed = () => world.provider.getLogs({ address: collection, topics, fromBlock: 0 });
    const waiting = async () => {
      const headers = { Authorization: `Bearer ${key}` };
      const [server] = servers;
      if (server === undefined) throw new Error("There is no server");
      const response = await server.get("/v1/redemptions?state=confirmed&limit=1", { headers });
      return ((await response.json()) as { data: unknown[] }).data.length;
    };
    await until(
      async () => (await waiting()) === 0,
      () => "Not everything that was granted was redeemed in time",
    );
    const serials = (await redeemed()).map((log) => Number(log.topics[1]));
    expect(serials.toSorted((one, other) => one - other)).to.deep.equal(
      Array.from({ length: TRIALS }, (_, index) => index + 1),
    );
  });
});
