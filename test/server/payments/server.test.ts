// The whole way, with a server as it is run: an order is paid through the simulator, its card is issued on a chain, and refunded.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { seedDemo } from "../../../scripts/demo.ts";
import { simulatorKeys } from "../../../scripts/payment-simulator/keys.ts";
import { type PaymentSimulator, startPaymentSimulator } from "../../../scripts/payment-simulator/simulator.ts";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { writeDeployment } from "../../../server/chain/deployment.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { until } from "../../support/patience.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";

describe("an order that is paid", () => {
  let dataFolder: string;
  let chain: TestChain;
  let simulator: PaymentSimulator;
  let server: TestServer;

  before(async () => {
    dataFolder = mkdtempSync(join(tmpdir(), "mintmark-paid-"));
    chain = await startTestChain();
    writeDeployment(dataFolder, chain.deployment);
    const { rpcUrl, deployment } = chain;
    await seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI: "http://127.0.0.1:3000/metadata/" });
    const keys = simulatorKeys(dataFolder);
    simulator = await startPaymentSimulator({
      ...{ keys, port: 0, retryDelaysMs: [100, 500] },
      webhookUrl: () => `${server.url}/v1/payments/pingpp/callback`,
    });
    server = await startTestServer({
      ...{ RPC_URL: rpcUrl, DATA_DIR: dataFolder, FINALITY_DEPTH: "0" },
      ...{ PINGPP_API_URL: simulator.url, PINGPP_APP_ID: keys.appId, PINGPP_API_KEY: keys.apiKey },
      PINGPP_PRIVATE_KEY_FILE: keys.files.merchantPrivateKey,
      PINGPP_PUBLIC_KEY_FILE: keys.files.aggregatorPublicKey,
    });
    await server.untilReady();
  });
  after(async () => {
    await server?.stop();
    await simulator?.close();
    await chain?.close();
    rmSync(dataFolder, { recursive: true, force: true });
  });

  it("becomes a card, and no card any more once it is refunded", async () => {
    const database = await openDatabase(`file:${join(dataFolder, "mintmark.db")}`);
    const { key } = await createApiKey(database, {
      brandId: 1,
      role: "owner",
      name: "shop",
      createdBy: "test",
      now: 0,
    });
    await database.$disconnect();
    const post = async (path: string, body?: object) => {
      const response = await server.get(path, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json", "Idempotency-Key": "order-1" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as { data: { id: string; payUrl: string } };
      expect(response.status, JSON.stringify(answer)).to.be.within(200, 202);
      return answer.data;
    };
    const stateOf = async (id: string) => {
      const response = await server.get(`/v1/orders/${id}`, { headers: { Authorization: `Bearer ${key}` } });
      return ((await response.json()) as { data: { state: string } }).data.state;
    };
    const verdict = async () => {
      const response = await server.get("/v1/verify/noirance-black/1");
      return ((await response.json()) as { data: { verdict: string } }).data.verdict;
    };

    const order = await post("/v1/orders", {
      ...{ customer: { reference: "CRM-1" }, items: [{ collection: "noirance-black", tier: 1, term: "P1Y" }] },
      ...{ paid: { amount: 12_800, currency: "CNY" }, payment: "pingpp" },
    });
    expect(await stateOf(order.id)).to.equal("accepted");
    const { payUrl } = await post(`/v1/orders/${order.id}/payment`);
    expect(await verdict()).to.equal("not-found");
    await fetch(payUrl, { method: "POST" });
    await until(async () => (await stateOf(order.id)) === "issued");
    expect(await verdict()).to.equal("genuine");
    await post(`/v1/orders/${order.id}/refund`, { reason: "returned" });
    await until(async () => (await stateOf(order.id)) === "refunded");
    expect(await verdict()).to.equal("revoked");
    const [charge] = simulator.charges.list();
    await until(() => charge?.amount_refunded === 12_800);
  });
});
