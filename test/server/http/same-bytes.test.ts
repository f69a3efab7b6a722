// The same chain in both databases: the same rows, and from every route the same bytes.

import { expect } from "chai";
import { Contract } from "ethers";
import { BRAND_ROLE, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { cardAt, readSnapshot } from "../../../server/database/snapshot.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { type DatabaseKind, describeOnPostgresql, postgresql, sqlite } from "../../support/databases.ts";
import { createTestMirror, mirrorRows, startAndCatchUp, type TestMirror } from "../../support/mirror.ts";
import { type RunningApp, startApp } from "./support.ts";

const PUBLIC_URL = "https://cards.example";
const REASON = `0x${"52".repeat(32)}`;
const ADMIN = 1;
const ISSUER = 2;

const OF_A_BRAND = new Set(["accounts", "imports", "webhooks"]);

describeOnPostgresql("SQLite and PostgreSQL", () => {
  let chain: TestChain;
  let holder: string;
  const slugs: string[] = [];
  const addresses: string[] = [];
  const sides: { kind: DatabaseKind; mirror: TestMirror; app: RunningApp }[] = [];

  before(async () => {
    chain = await startTestChain();
    await issueHistory();
    for (const kind of [sqlite, postgresql]) {
      const mirror = await createTestMirror(kind);
      const indexer = mirror.indexer(chain);
      await startAndCatchUp(indexer);
      await indexer.stop();
      sides.push({ kind, mirror, app: await startApp(mirror.database, { publicUrl: PUBLIC_URL }) });
    }
  });
  after(async () => {
    for (const { mirror, app } of sides) {
      await app.close();
      await mirror.close();
    }
    await chain.close();
  });

  /** Names in several scripts, collections whose order by slug and by address differ, and cards in every state. */
  async function issueHistory(): Promise<void> {
    holder = (await (await chain.signer(3)).getAddress()).toLowerCase();
    const issuer = await (await chain.signer(ISSUER)).getAddress();
    const expiresAt = ((await chain.provider.getBlock("latest"))?.timestamp ?? 0) + 86_400;
    const names = { noirance: "Noirance", yunxiu: "云岫茶舍 🍵", zero: 'zero\0and "quotes" \\ ünïcödé \u2028' };
    for (const [index, [handle, name]] of Object.entries(names).entries()) {
      const brandId = await chain.admitBrand({ name, handle });
      const roleId = await chain.registry.getFunction("roleId")(brandId, BRAND_ROLE.Steward);
      await chain.call(chain.registry, ADMIN, "grantRole", roleId, issuer);
      for (const edition of ["b", "a-2", "a1", "z9"]) {
        const slug = `${handle}-${edition}-${index}`;
        const address = await chain.createCollection({ brandId, slug, name: `${name} ${edition}`, maxSupply: 1_000 });
        slugs.push(slug);
        addresses.push(address);
        const holders = [holder, holder, ...Array.from({ length: 5 }, (_, at) => `0x${String(at + 1).repeat(40)}`)];
        await chain.issue({ collection: address, firstSerial: 11, holders, tier: 2, expiresAt });
        await chain.issue({ collection: address, firstSerial: 1, holders: [holder], commitmentRoot: REASON });
      }
    }
    const collection = new Contract(addresses[0] ?? "", membershipCollectionInterface, chain.provider);
    const act = (method: string, ...args: unknown[]) => chain.call(collection, ISSUER, method, ...args);
    await act("suspend", [11, 12], REASON);
    await act("reinstate", [12]);
    await act("revoke", [13], REASON);
    await act("setTier", [14], 7);
    await act("renew", [15], expiresAt, 86_400);
    await act("requestReissue", 16, holder, REASON);
    await act("requestReissue", 11, addresses[1], REASON);
    await chain.call(collection, ADMIN, "setContent", "ipfs://名", REASON);
    await chain.doFinally(String(collection.target), "FreezeContent");
  }

  it("have the same rows", async () => {
    const [first, second] = await Promise.all(sides.map(({ mirror }) => mirrorRows(mirror.database)));
    expect(first?.["Card"]).to.have.length(8 * addresses.length);
    expect(second).to.deep.equal(first);
  });

  it("read as many parts of a snapshot as are asked for", async () => {
    const parts = Object.fromEntries(
      Array.from({ length: 120 }, (_, index) => [`part${index}`, cardAt(addresses[index % 12] ?? "", 11)]),
    );
    const [first, second] = await Promise.all(sides.map(({ mirror }) => readSnapshot(mirror.database, parts)));
    expect(Object.keys(first ?? {})).to.deep.equal(Object.keys(parts));
    expect(second).to.deep.equal(first);
    expect(first?.["part119"]).to.include({ serial: 11, collectionAddress: addresses[11] });
  });

  /** What both answer, after it was seen to be the same. */
  async function same(target: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
    const answers = await Promise.all(
      sides.map(async ({ app }) => {
        const response = await app.get(target, { headers });
        const kept = [...response.headers].filter(([name]) => !["date", "x-request-id"].includes(name));
        const text = await response.text();
        // A problem document repeats the request's own id.
        const requestId = response.headers.get("x-request-id") ?? "";
        return { status: response.status, headers: Object.fromEntries(kept), text: text.replaceAll(requestId, "…") };
      }),
    );
    const [first, second] = answers as [(typeof answers)[0], (typeof answers)[0]];
    expect(second, target).to.deep.equal(first);
    return first;
  }

  /** Walks a list page by page on both. */
  async function walk(path: string, limit: number, query = ""): Promise<number> {
    let count = 0;
    for (let cursor = ""; ; ) {
      const { status, text } = await same(`${path}?limit=${limit}${query}${cursor}`);
      expect(status, text).to.equal(200);
      const page = JSON.parse(text) as { data: unknown[]; nextCursor: string | null };
      count += page.data.length;
      if (page.nextCursor === null) return count;
      cursor = `&cursor=${page.nextCursor}`;
    }
  }

  it("answer with the same bytes on every route of the API", async () => {
    const document = JSON.parse((await same("/openapi.json")).text) as {
      paths: Record<string, { get?: { security: unknown[]; tags: string[] } }>;
    };
    const serials = [1, 11, 12, 13, 14, 15, 16];
    const found = async (target: string) => expect((await same(target)).status, target).to.equal(200);
    const targets: Record<string, () => Promise<unknown>> = {
      "/v1/collections": async () => expect(await walk("/v1/collections", 5)).to.equal(12),
      "/v1/collections/{collection}": async () => {
        for (const name of [...slugs, ...addresses]) await found(`/v1/collections/${name}`);
        await same("/v1/collections/none-such");
      },
      "/v1/collections/{collection}/cards": async () => {
        for (const limit of [1, 3, 200]) expect(await walk(`/v1/collections/${slugs[0]}/cards`, limit)).to.equal(8);
      },
      "/v1/collections/{collection}/cards/{serial}": async () => {
        for (const serial of serials) await found(`/v1/collections/${slugs[0]}/cards/${serial}`);
        await same(`/v1/collections/${slugs[0]}/cards/999`);
      },
      "/v1/collections/{collection}/offer": async () => {
        const times = { opensAt: 1_760_000_000_000, closesAt: null, updatedAt: 0 };
        const offer = { brandId: 1, free: true, tier: 2, term: "P1Y", giftable: false, ...times };
        for (const { mirror } of sides)
          await mirror.database.offer.create({ data: { collectionAddress: addresses[0] ?? "", ...offer } });
        await found(`/v1/collections/${slugs[0]}/offer`);
        expect((await same(`/v1/collections/${slugs[1]}/offer`)).status).to.equal(404);
      },
      "/v1/collections/{collection}/benefits": async () => {
        for (const slug of slugs) await found(`/v1/collections/${slug}/benefits`);
      },
      "/v1/holders/{address}/entitlements": () => found(`/v1/holders/${holder}/entitlements`),
      "/v1/holders/{address}/cards": async () => {
        for (const limit of [1, 7, 200]) expect(await walk(`/v1/holders/${holder}/cards`, limit)).to.equal(36);
      },
      "/v1/verify/{collection}/{serial}": async () => {
        for (const slug of slugs) for (const serial of [...serials, 999]) await found(`/v1/verify/${slug}/${serial}`);
      },
      "/metadata/{address}": async () => {
        for (const address of addresses) await found(`/metadata/${address}`);
      },
      "/metadata/{address}/{serial}": async () => {
        for (const serial of serials) await found(`/metadata/${addresses[0]}/${serial}`);
      },
      "/health": () => found("/health"),
      "/ready": () => found("/ready"),
      // Measures the process, not the mirror.
      "/metrics": async () => undefined,
    };
    // What is read of the mirror. Of what belongs to a brand the identifiers are made by chance.
    const open = Object.entries(document.paths).filter(
      ([, { get }]) => get !== undefined && get.security.length === 0 && !OF_A_BRAND.has(get.tags[0] ?? ""),
    );
    expect(Object.keys(targets).sort()).to.deep.equal(open.map(([path]) => path).sort());
    for (const check of Object.values(targets)) await check();
  });

  it("answer with the same bytes of the past", async () => {
    const head = await chain.provider.getBlockNumber();
    const lists = ["/v1/collections", `/v1/collections/${slugs[0]}/cards`, `/v1/holders/${holder}/cards`];
    for (let number = 0; number <= head + 1; number++) {
      const at = `atBlock=${number}`;
      for (const path of lists.slice(0, number <= head ? 1 : 0)) await walk(path, 5, `&${at}`);
      for (const path of [`/v1/collections/${slugs[0]}`, ...lists]) await same(`${path}?${at}`);
      for (const serial of [11, 13, 16, 999]) {
        await same(`/v1/collections/${slugs[0]}/cards/${serial}?${at}`);
        await same(`/v1/verify/${slugs[0]}/${serial}?${at}`);
      }
    }
  });

  it("answer with the same pages", async () => {
    for (const language of ["en", "zh-CN"]) {
      const headers = { Accept: "text/html", "Accept-Language": language };
      // The form lists the collections by slug.
      expect((await same("/", headers)).text).to.contain(slugs[0]);
      for (const slug of slugs) for (const serial of [1, 11, 999]) await same(`/v/${slug}/${serial}`, headers);
    }
  });
});
