// Cards that are about to expire, and those that have: told once, in time, and of no date that was changed.

import { expect } from "chai";
import { ZeroHash } from "ethers";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createTestMirror, type TestMirror } from "../../support/mirror.ts";
import { type RunningApp, startApp } from "../http/support.ts";
import { createHandmadeChain, type HandmadeChain, holderOf } from "./handmade-chain.ts";
import { OWNER } from "./world.ts";

const DAY = 86_400;
const START = Date.UTC(2026, 0, 1) / 1000;
const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

describeOnEachDatabase("expiries", (kind) => {
  let mirror: TestMirror;
  let application: Database;
  let app: RunningApp;
  let chain: HandmadeChain;

  beforeEach(async () => {
    mirror = await createTestMirror(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application });
    app.clock.now = START;
    chain = await createHandmadeChain(mirror, START);
  });
  afterEach(async () => {
    await app.close();
    await application.$disconnect();
    await mirror.close();
  });

  const endpoint = () =>
    app.webhooks.endpoints.create(OWNER, {
      ...{ url: "http://127.0.0.1:9/", events: ["card.expiring", "card.expired"], description: "" },
    });

  /** What was told when it is `day` days later, and was not told before: type, serial, date. */
  async function toldOn(day: number): Promise<string[]> {
    app.clock.now = START + day * DAY;
    const before = new Set((await application.webhookEvent.findMany({ select: { id: true } })).map(({ id }) => id));
    await app.webhooks.follow();
    const events = await application.webhookEvent.findMany();
    expect(await application.webhookDelivery.count()).to.equal(
      events.length * (await application.webhookEndpoint.count()),
    );
    return events
      .filter(({ id }) => !before.has(id))
      .map(({ type, data, happenedAt }) => {
        const { card, change } = JSON.parse(data) as { card: { serial: number }; change: { expiresAt: string } };
        const days = (Date.parse(change.expiresAt) / 1000 - START) / DAY;
        return `${type} ${card.serial} of day ${days}, on day ${(Number(happenedAt) / 1000 - START) / DAY}`;
      })
      .sort();
  }

  it("are told thirty days before, and when the time has come, once each", async () => {
    await endpoint();
    await chain.issue(START + DAY, { firstSerial: 1, count: 3, expiresAt: START + 100 * DAY });
    await chain.issue(START + DAY, { firstSerial: 10, count: 1 });
    await chain.block(START + 2 * DAY, (emit) => {
      emit("CardSuspended", { serial: 2, reason: ZeroHash });
      emit("CardRevoked", { serial: 3, reason: ZeroHash });
    });
    expect(await toldOn(69.99)).to.deep.equal([]);
    expect(await toldOn(70)).to.deep.equal([
      "card.expiring 1 of day 100, on day 70",
      "card.expiring 2 of day 100, on day 70",
    ]);
    expect(await toldOn(99.99)).to.deep.equal([]);
    expect(await toldOn(100)).to.deep.equal([
      "card.expired 1 of day 100, on day 100",
      "card.expired 2 of day 100, on day 100",
    ]);
    expect(await toldOn(101)).to.deep.equal([]);
    expect(await application.expiryDate.count()).to.equal(0);
    const { data } = await application.webhookEvent.findFirstOrThrow({ where: { type: "card.expired" } });
    const { card, asOf } = JSON.parse(data);
    expect(card.holder.toLowerCase()).to.equal(holderOf(card.serial));
    const checkpoint = await mirror.database.checkpoint.findFirstOrThrow();
    expect(asOf).to.deep.equal({
      ...{ chainId: 31_337, blockNumber: 4, blockHash: checkpoint.blockHash, timestamp: iso(START + 2 * DAY) },
    });
  });

  it("are not told of a date that was changed, and told anew of the new one", async () => {
    await endpoint();
    await chain.issue(START, { firstSerial: 1, count: 2, expiresAt: START + 100 * DAY });
    expect(await toldOn(70)).to.have.length(2);
    await chain.block(START + 80 * DAY, (emit) => emit("CardRenewed", { serial: 1, expiresAt: START + 200 * DAY }));
    expect(await toldOn(100)).to.deep.equal(["card.expired 2 of day 100, on day 100"]);
    expect(await toldOn(170)).to.deep.equal(["card.expiring 1 of day 200, on day 170"]);
    expect(await toldOn(200)).to.deep.equal(["card.expired 1 of day 200, on day 200"]);
  });

  it("are told of the date before again when the chain takes the renewal back", async () => {
    await endpoint();
    await chain.issue(START, { firstSerial: 1, count: 1, expiresAt: START + 100 * DAY });
    await chain.block(START + 60 * DAY, (emit) => emit("CardRenewed", { serial: 1, expiresAt: START + 200 * DAY }));
    expect(await toldOn(70)).to.deep.equal([]);
    await chain.takeBack(1);
    expect((await toldOn(71)).map((line) => line.split(",")[0])).to.deep.equal(["card.expiring 1 of day 100"]);
    expect(await toldOn(100)).to.deep.equal(["card.expired 1 of day 100, on day 100"]);
    expect(await toldOn(201)).to.deep.equal([]);
  });

  it("are told after all when no server was there in time, but not that something will happen that has", async () => {
    await endpoint();
    await chain.issue(START, { firstSerial: 1, count: 1, expiresAt: START + 50 * DAY });
    await chain.issue(START, { firstSerial: 2, count: 1, expiresAt: START + 80 * DAY });
    expect(await toldOn(60)).to.deep.equal([
      "card.expired 1 of day 50, on day 50",
      "card.expiring 2 of day 80, on day 50",
    ]);
  });

  it("are told at once of cards that are issued for less", async () => {
    await endpoint();
    await chain.issue(START + 5 * DAY, { firstSerial: 1, count: 1, expiresAt: START + 12 * DAY });
    expect(await toldOn(5)).to.deep.equal(["card.expiring 1 of day 12, on day 5"]);
    expect(await toldOn(12)).to.deep.equal(["card.expired 1 of day 12, on day 12"]);
  });

  it("wait while the mirror lags behind the chain, where a renewal may be", async () => {
    await endpoint();
    await chain.issue(START, { firstSerial: 1, count: 1, expiresAt: START + 100 * DAY });
    const current = app.status;
    for (const behind of [{ state: "catching-up" as const }, { lagSeconds: 31 }, { lagSeconds: undefined }]) {
      app.status = { ...current, ...behind };
      expect(await toldOn(90), JSON.stringify(behind)).to.deep.equal([]);
    }
    app.status = current;
    await chain.block(START + 60 * DAY, (emit) => emit("CardRenewed", { serial: 1, expiresAt: START + 150 * DAY }));
    expect(await toldOn(100)).to.deep.equal([]);
    expect(await toldOn(120)).to.deep.equal(["card.expiring 1 of day 150, on day 120"]);
  });

  it("are not told to an endpoint that was made after the time had come, and are to one that was made before", async () => {
    // Nobody was there to be told when these cards were issued.
    await chain.issue(START, { firstSerial: 1, count: 1, expiresAt: START + 50 * DAY });
    await chain.issue(START, { firstSerial: 2, count: 1, expiresAt: START + 80 * DAY });
    app.clock.now = START + 40 * DAY;
    await endpoint();
    expect(await toldOn(41)).to.deep.equal([]);
    expect(await toldOn(50)).to.deep.equal([
      "card.expired 1 of day 50, on day 50",
      "card.expiring 2 of day 80, on day 50",
    ]);
  });

  it("of a large batch are told portion by portion, each card once", async () => {
    await endpoint();
    await chain.issue(START, { firstSerial: 1, count: 1_201, expiresAt: START + 100 * DAY });
    const told = await toldOn(75);
    expect(new Set(told).size).to.equal(1_201);
    expect(told).to.have.length(1_201);
    expect(await toldOn(76)).to.deep.equal([]);
  });
});
