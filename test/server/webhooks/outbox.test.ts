// What is told of the outbox, whatever happens to the chain and the mirror meanwhile: what a shop has heard must be what the chain
// says in the end.
// A failure of the random part prints its seed: WEBHOOKS_SEED=<seed> npm test -- test/server/webhooks/outbox.test.ts

import { expect } from "chai";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { entriesAfter } from "../../../server/indexer/outbox.ts";
import { createOutboxFollower } from "../../../server/webhooks/outbox-follower.ts";
import { StalePreparationError } from "../../../server/webhooks/telling.ts";
import { isToldEvent, TYPE_OF_EVENT } from "../../../server/webhooks/types.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createTestMirror, type TestMirror } from "../../support/mirror.ts";
import { randomNumbers, seedFrom } from "../../support/random.ts";
import {
  blocksBetween,
  commonBlock,
  createSyntheticChain,
  type SyntheticBlock,
} from "../../support/synthetic-chain.ts";
import { type RunningApp, startApp } from "../http/support.ts";
import { OWNER } from "./world.ts";

describeOnEachDatabase("what is told of the outbox", (kind) => {
  let mirror: TestMirror;
  let application: Database;
  let app: RunningApp;

  beforeEach(async () => {
    mirror = await createTestMirror(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application });
  });
  afterEach(async () => {
    await app.close();
    await application.$disconnect();
    await mirror.close();
  });

  it("is what stands in the end, whatever forks, resets and servers there are", async () => {
    const seed = seedFrom("WEBHOOKS_SEED");
    try {
      await live(randomNumbers(seed));
    } catch (error) {
      throw new Error(`with WEBHOOKS_SEED=${seed}`, { cause: error });
    }
  });

  async function live(random: () => number): Promise<void> {
    const chain = createSyntheticChain(random);
    const begin = () => mirror.mirror.begin(chain.identity, chain.genesis.position);
    await begin();
    await app.webhooks.endpoints.create(OWNER, { url: "http://127.0.0.1:9/", events: ["*"], description: "" });
    // Two servers that follow at the same time, in portions of all sizes.
    const other = await openDatabase(mirror.url, { application: true });
    const followers = [application, other].map((connection, index) =>
      createOutboxFollower({
        ...{ database: mirror.database, application: connection, now: () => app.clock.now * 1000 },
        portion: index === 0 ? 3 : 50,
      }),
    );
    const step = async (server: number): Promise<boolean> => {
      try {
        return (await followers[server]?.step()) ?? false;
      } catch (error) {
        if (error instanceof StalePreparationError) return true;
        throw error;
      }
    };
    try {
      let at = chain.genesis;
      const heads: SyntheticBlock[] = [chain.genesis];
      let tip = chain.genesis;
      for (let turn = 0; turn < 120; turn++) {
        const dice = random();
        if (dice < 0.4) {
          tip = chain.extend(tip);
          heads.push(tip);
        } else if (dice < 0.5) {
          tip = heads[Math.floor(random() * heads.length)] ?? tip;
        } else if (dice < 0.75) {
          // The mirror goes where the chain is.
          const common = commonBlock(at, tip);
          if (common !== at) await mirror.mirror.rollBack(at.position, common.position);
          const events = blocksBetween(common, tip).flatMap((block) => block.events);
          if (common !== tip) await mirror.mirror.commit(common.position, tip.position, events);
          at = tip;
        } else if (dice < 0.78) {
          await mirror.mirror.clear();
          await step(0);
          await begin();
          at = chain.genesis;
          await step(1);
        } else if (dice < 0.85) await Promise.all([step(0), step(1)]);
        else await step(random() < 0.5 ? 0 : 1);
      }
      for (let more = 0; more < 3; more++) tip = chain.extend(tip);
      const common = commonBlock(at, tip);
      if (common !== at) await mirror.mirror.rollBack(at.position, common.position);
      const events = blocksBetween(common, tip).flatMap((block) => block.events);
      await mirror.mirror.commit(common.position, tip.position, events);
      while ((await step(0)) || (await step(1)));
      await expectTruth();
    } finally {
      await other.$disconnect();
    }
  }

  /** What has been heard and not taken back is what stands in the outbox, card by card; what was taken back was heard before. */
  async function expectTruth(): Promise<void> {
    const events = await application.webhookEvent.findMany();
    const byId = new Map(events.map((event) => [event.id, event]));
    const heard: string[] = [];
    const takenBack = new Set(events.flatMap(({ reverts }) => reverts ?? []));
    for (const { id, type, entry, reverts, data } of events) {
      if (reverts !== null) {
        expect(`${byId.get(reverts)?.type}.reverted`).to.equal(type);
      } else if (!takenBack.has(id)) {
        const { card } = JSON.parse(data) as { card?: { serial: number } };
        heard.push(`${entry} ${type} ${card?.serial ?? ""}`);
      }
    }
    expect(takenBack.size).to.equal(events.filter(({ reverts }) => reverts !== null).length);
    const entries = await entriesAfter(mirror.database, 0, 1_000_000);
    const retracted = new Set(entries.flatMap(({ retracts }) => retracts ?? []));
    const standing = entries.flatMap(({ id, event, retracts }) => {
      if (retracts !== null || retracted.has(id) || !isToldEvent(event.name)) return [];
      if (event.name === "BatchIssued") {
        const { firstSerial, count } = event.args;
        return Array.from({ length: count }, (_, index) => `${id} card.issued ${firstSerial + index}`);
      }
      const serial = "serial" in event.args ? event.args.serial : "";
      return [`${id} ${TYPE_OF_EVENT[event.name]} ${serial}`];
    });
    expect(heard.sort()).to.deep.equal(standing.sort());
    expect(standing).not.to.be.empty;
    // Each is a message to the one endpoint that there is.
    expect(await application.webhookDelivery.count()).to.equal(events.length);
  }
});
