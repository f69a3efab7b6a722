// Lists by cursor, and entity tags.

import { expect } from "chai";
import { Prisma } from "../../../server/database/generated/sqlite/client.ts";
import { issuedBatchOf } from "../../../server/database/snapshot.ts";
import { describeOnEachDatabase, sqlite } from "../../support/databases.ts";
import {
  addressOf,
  COLLECTIONS,
  COLLECTOR,
  createMirrorFixture,
  FIRST_EDITION_CARDS,
  type MirrorFixture,
  NOW,
} from "../../support/mirror-fixture.ts";
import { type RunningApp, startApp } from "./support.ts";

const { slug, address } = COLLECTIONS.firstEdition;

describeOnEachDatabase("lists and entity tags", (kind) => {
  let mirror: MirrorFixture;
  let app: RunningApp;

  beforeEach(async () => {
    mirror = await createMirrorFixture(kind);
    app = await startApp(mirror.database);
  });
  afterEach(async () => {
    await app.close();
    await mirror.close();
  });

  async function walk<Item>(path: string, limit: number, between?: () => Promise<void>): Promise<Item[]> {
    const items: Item[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${cursor}`;
      const response = await app.get(`${path}?limit=${limit}${query}`);
      expect(response.status).to.equal(200);
      const page = (await response.json()) as { data: Item[]; nextCursor: string | null };
      expect(page.data.length).to.be.at.most(limit);
      items.push(...page.data);
      cursor = page.nextCursor;
      await between?.();
    } while (cursor !== null);
    return items;
  }

  it("walk a collection's cards exactly once for any page size", async () => {
    const expected = Array.from({ length: FIRST_EDITION_CARDS }, (_, index) => index + 1);
    for (const limit of [1, 7, 65, 130, 200]) {
      const cards = await walk<{ serial: number }>(`/v1/collections/${slug}/cards`, limit);
      expect(cards.map(({ serial }) => serial)).to.deep.equal(expected);
    }
  });

  it("walk exactly once while cards are issued between the pages", async () => {
    let next = 200;
    const cards = await walk<{ serial: number }>(`/v1/collections/${slug}/cards`, 50, async () => {
      if (next > 204) return;
      await mirror.issue({ collection: address, firstSerial: next++, count: 1 });
    });
    const serials = cards.map(({ serial }) => serial);
    expect(new Set(serials).size).to.equal(serials.length);
    expect(serials.slice(0, FIRST_EDITION_CARDS)).to.deep.equal(
      Array.from({ length: FIRST_EDITION_CARDS }, (_, index) => index + 1),
    );
    expect(serials).to.deep.equal([...serials].sort((a, b) => a - b));
  });

  it("walk a holder's cards through all collections", async () => {
    for (const limit of [1, 3, 200]) {
      const cards = await walk<{ holder: string; serial: number; collection: { slug: string } }>(
        `/v1/holders/${COLLECTOR}/cards`,
        limit,
      );
      const keys = cards.map(({ collection, serial }) => `${collection.slug}/${serial}`);
      expect([...keys].sort()).to.deep.equal(
        [
          ...[2, 12, 22, 32, 42, 52, 62, 72, 82, 92, 102, 112].map((serial) => `${slug}/${serial}`),
          ...[1, 2, 3].map((serial) => `${COLLECTIONS.atelier.slug}/${serial}`),
          `${COLLECTIONS.tea.slug}/88003`,
        ].sort(),
      );
      expect(new Set(cards.map(({ holder }) => holder.toLowerCase()))).to.deep.equal(new Set([COLLECTOR]));
    }
  });

  it("walk the collections", async () => {
    const collections = await walk<{ slug: string; address: string }>("/v1/collections", 1);
    expect(collections.map(({ address }) => address.toLowerCase())).to.deep.equal(
      Object.values(COLLECTIONS)
        .map(({ address }) => address)
        .sort(),
    );
  });

  it("are empty for an address without cards", async () => {
    const response = await app.get(`/v1/holders/${addressOf("nobody")}/cards`);
    expect(await response.json()).to.deep.include({ data: [], nextCursor: null });
  });

  it("answer with what a card went through, oldest first, closed by its batch", async () => {
    const response = await app.get(`/v1/collections/${address}/cards/42`);
    const { data, asOf } = (await response.json()) as {
      data: { history: { name: string; logIndex: number; time: string; arguments: object }[]; batch: object };
      asOf: object;
    };
    expect(data.history.map(({ name, logIndex }) => [name, logIndex])).to.deep.equal([
      ["Transfer", 123],
      ["Locked", 124],
      ["Issued", 125],
      ["BatchIssued", 360],
    ]);
    expect(data.history[3]?.arguments).to.include({ firstSerial: 1, count: 120, tier: 1, expiresAt: null });
    expect(data.batch).to.include({ firstSerial: 1, count: 120 });
    expect(asOf).to.include({ chainId: 31337, blockNumber: 1024, state: "following", lagSeconds: 1 });
  });

  it("keep the tag while only the chain goes on, and change it with the resource", async () => {
    const paths = [`/v1/collections/${slug}/cards/42`, `/v1/verify/${slug}/42`, `/v1/collections/${slug}/cards`];
    const before = await Promise.all(paths.map(async (path) => (await app.get(path)).headers.get("etag")));
    await mirror.database.checkpoint.update({ where: { id: 1 }, data: { blockNumber: 2_000 } });
    for (const [index, path] of paths.entries()) {
      const response = await app.get(path, { headers: { "If-None-Match": before[index] ?? "" } });
      expect(response.status).to.equal(304);
    }
    await mirror.database.card.update({
      where: { collectionAddress_serial: { collectionAddress: address, serial: 42 } },
      data: { status: "Suspended" },
    });
    for (const [index, path] of paths.entries()) {
      const response = await app.get(path, { headers: { "If-None-Match": before[index] ?? "" } });
      expect(response.status).to.equal(200);
      expect(response.headers.get("etag")).to.not.equal(before[index]);
    }
  });

  it("change the tag of a verdict when the card expires", async () => {
    const path = `/v1/verify/${COLLECTIONS.tea.slug}/88001`;
    const first = await app.get(path);
    expect((await first.json()) as object).to.have.nested.property("data.verdict", "genuine");
    app.clock.now = NOW + 91 * 86_400;
    const second = await app.get(path, { headers: { "If-None-Match": first.headers.get("etag") ?? "" } });
    expect(second.status).to.equal(200);
    expect((await second.json()) as object).to.have.nested.property("data.verdict", "expired");
  });

  it("follow indexes from a card to the event of its batch", async () => {
    const card = { address: Prisma.sql`'0x'`, serial: Prisma.sql`1` };
    const statement = `SELECT "name" FROM "Event" WHERE ${issuedBatchOf(card).sql} LIMIT 1`;
    const explain = kind === sqlite ? "EXPLAIN QUERY PLAN" : "EXPLAIN";
    const steps = await mirror.database.$queryRawUnsafe<Record<string, unknown>[]>(`${explain} ${statement}`);
    const plan = steps.map((step) => String(step["detail"] ?? step["QUERY PLAN"])).join("\n");
    expect(plan)
      .to.match(/index/i)
      .and.not.to.match(kind === sqlite ? /SCAN/ : /Seq Scan/);
  });
});
