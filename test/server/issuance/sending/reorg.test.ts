// What the chain takes back is sent again, and an order says so meanwhile.

import { expect } from "chai";
import { giveUpBlocks } from "../../../../scripts/lifecycle/given-up-blocks.ts";
import { createMirror } from "../../../../server/indexer/mirror.ts";
import { planResumption } from "../../../../server/indexer/resume.ts";
import type { IdentifiedCall } from "../../../support/faulty-rpc.ts";
import { until } from "../../../support/patience.ts";
import {
  createIssuingDatabase,
  faultOf,
  type IssuingDatabase,
  type SendingWorld,
  startSendingWorld,
  type TestBrand,
} from "./support.ts";

/** After so many blocks nothing is taken back any more, unless an operator says so. */
const FINALITY = 64;

describe("sending on a chain that takes blocks back", () => {
  let world: SendingWorld;
  let brand: TestBrand;
  let collection: string;
  let office: IssuingDatabase;
  before(async () => {
    world = await startSendingWorld();
  });
  after(() => world.close());
  beforeEach(async () => {
    brand = await world.createBrand();
    collection = await brand.createCollection();
    // No more is taken back than what a test does.
    for (let count = 0; count < 3; count++) await world.seal();
    office = await createIssuingDatabase(world);
  });
  afterEach(() => office.close());

  /** Replaces the newest blocks by others that are empty. */
  const takeBack = (depth: number) => world.rpc.call("anvil_reorg", [depth, []]);

  it("sends a card again whose block is gone", async () => {
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection, quantity: 2 });
    await office.untilOrder(id, "issued");
    const resume = await world.stopSealing();
    try {
      await takeBack(1);
      await office.untilOrder(id, "sent");
      expect(await office.cards(id)).to.deep.equal(["1 sent", "2 sent"]);
      await until(() => server.log.some(({ msg }) => msg.startsWith("the chain has taken blocks back")));
    } finally {
      await resume();
    }
    await office.untilOrder(id, "issued");
    // The same transaction, in another block.
    expect(await office.database.transactionAttempt.count()).to.equal(1);
    await office.expectExact(collection, brand.key);
  });

  it("sends several transactions again in their order", async () => {
    const server = await office.start({ keys: [brand.key] });
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) {
      const id = await server.order({ brand, collection, quantity: 2 });
      await office.untilOrder(id, "issued");
      ids.push(id);
    }
    await takeBack(3);
    await until(() => server.log.some(({ msg }) => msg.startsWith("the chain has taken blocks back")));
    for (const id of ids) await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
  });

  it("notices what was taken back while no server ran", async () => {
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection, quantity: 2 });
    await office.untilOrder(id, "issued");
    await server.stop();
    await takeBack(1);
    await world.seal();
    const again = await office.start({ keys: [brand.key] });
    await until(() => again.log.some(({ msg }) => msg.startsWith("the chain has taken blocks back")));
    await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
  });

  it("issues anew what was in blocks that an operator goes on without, final or not", async () => {
    const kept = Number(await world.rpc.call("eth_blockNumber"));
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection, quantity: 2 });
    await office.untilOrder(id, "issued");
    await world.rpc.call("anvil_mine", [`0x${FINALITY.toString(16)}`]);
    await until(async () => (await office.database.chainTransaction.count({ where: { final: true } })) === 1);
    await server.stop();
    const head = Number(await world.rpc.call("eth_blockNumber"));
    await takeBack(head - kept);

    const mirror = createMirror({ database: office.database });
    const { from, to } = await planResumption({ rpc: world.rpc, mirror });
    expect(to.number).to.be.at.most(kept);
    await giveUpBlocks({ databaseUrl: office.url, mirror, from, to });
    expect(await office.cards(id)).to.deep.equal(["1 sent", "2 sent"]);
    await office.start({ keys: [brand.key] });
    await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
  });

  it("takes a refund back with its block, and carries it out again", async () => {
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection });
    await office.untilOrder(id, "issued");
    await office.refund(id);
    await office.untilOrder(id, "refunded");
    const resume = await world.stopSealing();
    try {
      await takeBack(1);
      await office.untilOrder(id, "refunding");
    } finally {
      await resume();
    }
    await office.untilOrder(id, "refunded");
  });

  it("uses a nonce again whose filler is gone, so that the next card does not wait for ever", async () => {
    const server = await office.start({ keys: [brand.key] });
    await office.untilOrder(await server.order({ brand, collection }), "issued");
    let refused: string | undefined;
    server.node.fault = faultOf("eth_sendRawTransaction", ([call]) => {
      refused ??= call?.params[0];
      if (refused !== call?.params[0]) return undefined;
      const { id } = call as IdentifiedCall;
      const error = { code: -32_000, message: "blocked by policy" };
      return { kind: "answer", status: 200, body: JSON.stringify({ jsonrpc: "2.0", id, error }) };
    });
    const id = await server.order({ brand, collection });
    await until(() => refused !== undefined);
    office.clock.ahead += 16_000;
    await office.untilOrder(id, "issued");
    // Its card, and the filler before it.
    await takeBack(2);
    await office.untilOrder(id, "sent", "queued");
    await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
  });
});
