// Answers of the past. The chain grows block by block and every answer is kept as the mirror gives it there; afterwards the
// same request with `atBlock` must give the same answer, whatever has happened since.

import { expect } from "chai";
import { Contract, type JsonRpcSigner, ZeroHash } from "ethers";
import { BRAND_ROLE, FINAL_ACT, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { EVENT_TOPICS } from "../../../server/chain/events.ts";
import type { CardPlace, History, HistoryOptions } from "../../../server/history/history.ts";
import { createHistory } from "../../../server/history/history.ts";
import type { Indexer } from "../../../server/indexer/indexer.ts";
import { ANY_STAFF, authorisationToSign } from "../../../server/issuance/redemptions/typed-data.ts";
import { FINAL_ACT_NOTICE, startTestChain, type TestChain } from "../../support/chain.ts";
import { describeOnEachDatabase, sqlite } from "../../support/databases.ts";
import { createTestMirror, startAndCatchUp, type TestMirror } from "../../support/mirror.ts";
import { type RunningApp, startApp } from "./support.ts";

const DAY = 86_400;
const REASON = `0x${"52".repeat(32)}`;
const PROFILE = { legalName: "N", domain: "n.example", filingNumber: "1", profileURI: "u", profileHash: REASON };
const NO_TERMS = { quota: 0, period: DAY, startsAt: 1_700_000_000 };
/** Hardhat's accounts by what they do here. */
const CONSORTIUM = 0;
const ADMIN = 1;
const ISSUER = 2;
const HOLDER = 3;
const OTHER = 4;

const SLOW = "noirance-slow";
const QUICK = "noirance-quick";
/** Cards that are issued one day, one that never is, and one beyond every edition. */
const SERIALS = { [SLOW]: [1, 2, 3, 5, 6, 7, 8, 10, 20, 33, 41, "9".repeat(30)], [QUICK]: [1, 2, 3] };

// biome-ignore lint/suspicious/noExplicitAny: the answers are held against their schemas in contract.test.ts
type Json = any;
interface Answer {
  status: number;
  body: Json;
  tag: string | null;
}
/** The answers at one block, by their path. */
interface Kept {
  blockNumber: number;
  timestamp: number;
  answers: Map<string, Answer[]>;
}

describeOnEachDatabase("answers as of a block", (kind) => {
  let chain: TestChain;
  let mirror: TestMirror;
  let indexer: Indexer;
  let app: RunningApp;
  let slow: Contract;
  let quick: Contract;
  let holder: JsonRpcSigner;
  let other: string;
  let expiresAt: number;
  const kept: Kept[] = [];
  /** The blocks without events in the middle of which a card expired. */
  const unsure: number[] = [];
  let fork: { snapshot: string; blockNumber: number };

  before(async () => {
    chain = await startTestChain();
    mirror = await createTestMirror(kind);
    indexer = mirror.indexer(chain, { behindGraceMs: 50 });
    await startAndCatchUp(indexer);
    app = await startApp(mirror.database);
    holder = await chain.signer(HOLDER);
    other = await (await chain.signer(OTHER)).getAddress();
    await live();
  });
  after(async () => {
    await indexer.stop();
    await app.close();
    await mirror.close();
    await chain.close();
  });

  async function get(path: string): Promise<Answer> {
    const response = await app.get(path);
    const { asOf: _, requestId: __, ...body } = (await response.json()) as Json;
    return { status: response.status, body, tag: response.headers.get("etag") };
  }

  /** An answer; of a list all pages of it. */
  async function pagesOf(path: string, query: string): Promise<Answer[]> {
    const isList = /(collections|cards)$/.test(path);
    if (!isList) return [await get(`${path}${query === "" ? "" : `?${query}`}`)];
    const pages: Answer[] = [];
    for (let cursor = ""; ; ) {
      const page = await get(`${path}?limit=3&${query}${cursor}`);
      pages.push(page);
      if (page.status !== 200 || page.body.nextCursor === null) return pages;
      cursor = `&cursor=${page.body.nextCursor}`;
    }
  }

  function paths(): string[] {
    return [
      "/v1/collections",
      ...[holder.address, other, chain.deployment.registry].map((address) => `/v1/holders/${address}/cards`),
      ...Object.entries(SERIALS).flatMap(([slug, serials]) => [
        `/v1/collections/${slug}`,
        `/v1/collections/${slug}/cards`,
        ...serials.flatMap((serial) => [`/v1/collections/${slug}/cards/${serial}`, `/v1/verify/${slug}/${serial}`]),
      ]),
    ];
  }

  /** Waits for the mirror to be at the head of the chain and keeps what it says, by the clock of that block. */
  async function keep(): Promise<void> {
    const head = await chain.provider.getBlock("latest");
    while (indexer.status().indexed?.hash !== head?.hash) await new Promise((resolve) => setTimeout(resolve, 5));
    const { number: blockNumber, timestamp } = indexer.status().indexed ?? { number: 0, timestamp: 0 };
    app.clock.now = timestamp;
    const answers = new Map<string, Answer[]>();
    for (const path of paths()) answers.set(path, await pagesOf(path, ""));
    kept.push({ blockNumber, timestamp, answers });
  }

  async function act(contract: Contract, account: number, method: string, ...args: unknown[]): Promise<void> {
    await chain.call(contract, account, method, ...args);
    await keep();
  }

  async function mineEmpty(seconds: number): Promise<number> {
    await chain.provider.send("evm_increaseTime", [seconds]);
    await chain.provider.send("evm_mine", []);
    await keep();
    return await chain.provider.getBlockNumber();
  }

  async function issue(contract: Contract, firstSerial: number, holders: string[], expiry = 0): Promise<void> {
    await act(contract, ISSUER, "issue", firstSerial, holders, { tier: 1, expiresAt: expiry }, ZeroHash, ZeroHash);
  }

  async function redeem(serial: number, number: number): Promise<void> {
    const redemption = { serial, benefitId: 9, number, generation: 0, staff: ANY_STAFF, deadline: expiresAt };
    const { domain, types } = authorisationToSign(await slow.getAddress(), chain.deployment.chainId, redemption);
    const signature = await holder.signTypedData(domain, types, redemption);
    await act(slow, ISSUER, "redeem", redemption, signature);
  }

  /** Several transactions in one block; each from an account of its own. */
  async function inOneBlock(calls: [Contract, number, string, ...unknown[]][]): Promise<void> {
    await chain.provider.send("evm_setAutomine", [false]);
    const done = calls.map(([contract, account, method, ...args]) => chain.call(contract, account, method, ...args));
    for (let waiting = 0; waiting < calls.length; ) {
      waiting = (await chain.provider.send("eth_getBlockByNumber", ["pending", false])).transactions.length;
    }
    await chain.provider.send("evm_mine", []);
    await chain.provider.send("evm_setAutomine", [true]);
    await Promise.all(done);
    await keep();
  }

  /** Everything that can happen, a block each. */
  async function live(): Promise<void> {
    await keep();
    const brandId = await chain.admitBrand();
    await keep();
    const issuer = await (await chain.signer(ISSUER)).getAddress();
    for (const role of [BRAND_ROLE.Steward, BRAND_ROLE.Staff]) {
      const roleId = await chain.registry.getFunction("roleId")(brandId, role);
      await act(chain.registry, ADMIN, "grantRole", roleId, issuer);
    }
    const collectionAt = async (slug: string, reissueDelay: number) => {
      const address = await chain.createCollection({ brandId, slug, maxSupply: 50, reissueDelay });
      await keep();
      return new Contract(address, membershipCollectionInterface, chain.provider);
    };
    slow = await collectionAt(SLOW, DAY);
    expiresAt = ((await chain.provider.getBlock("latest"))?.timestamp ?? 0) + 100 * DAY;
    const own = (count: number) => Array.from({ length: count }, () => holder.address);
    // Out of order, so that early pages have cards that came late.
    await issue(slow, 41, own(3));
    await issue(slow, 1, own(10), expiresAt);
    quick = await collectionAt(QUICK, 0);
    await issue(quick, 1, own(2));

    await act(slow, ISSUER, "renew", [1, 2], expiresAt, DAY);
    await act(slow, ISSUER, "setTier", [2, 3], 4);
    await act(slow, ISSUER, "correct", [2, 3, expiresAt, 0, 0], REASON, "0x");
    await act(slow, ISSUER, "suspend", [3, 4], REASON);
    await act(slow, ISSUER, "reinstate", [4]);
    await act(slow, ISSUER, "revoke", [5], REASON);
    await act(slow, HOLDER, "surrender", 6);
    await act(slow, ISSUER, "requestReissue", 7, other, REASON);
    await act(slow, ISSUER, "requestReissue", 8, other, REASON);
    await act(slow, HOLDER, "vetoReissue", 8);
    await act(slow, ADMIN, "setBenefit", 1, 9, { quota: 2, period: DAY, startsAt: 1_700_000_000 });
    await redeem(1, 1);
    await redeem(1, 2);
    await act(slow, ISSUER, "undoRedemption", 1, 9, 2, REASON);
    await act(slow, ISSUER, "openAllowlist", REASON, 20, 5, expiresAt);
    await act(slow, ISSUER, "closeAllowlist", REASON);
    await act(slow, ADMIN, "setContent", "https://noirance.example/black", REASON);
    await act(chain.registry, CONSORTIUM, "setBrandProfile", brandId, { ...PROFILE, name: "Noirance Atelier" });
    await act(chain.registry, ADMIN, "setDailyCap", brandId, issuer, 1_000);
    await act(chain.registry, ADMIN, "setDailyCap", brandId, other, 1);
    await act(chain.registry, ADMIN, "liftDailyCap", brandId, other);
    await act(slow, ADMIN, "announce", FINAL_ACT.WindDown);
    await act(slow, ADMIN, "cancelAnnounced", FINAL_ACT.WindDown);
    await act(chain.registry, CONSORTIUM, "setCardBaseURI", "https://cards.example/");
    await inOneBlock([
      [slow, ISSUER, "issue", 33, [other], { tier: 2, expiresAt: 0 }, REASON, ZeroHash],
      [slow, ADMIN, "setContent", "https://noirance.example/again", REASON],
      [chain.registry, CONSORTIUM, "suspendBrand", brandId, REASON],
    ]);
    await act(chain.registry, CONSORTIUM, "reinstateBrand", brandId, 1);

    // There and back and on: held twice by the same address, with others in between.
    for (const to of [other, holder.address, chain.deployment.registry]) {
      await act(quick, ISSUER, "requestReissue", 1, to, REASON);
    }
    await act(quick, ISSUER, "requestReissue", 2, other, REASON);

    const soon = ((await chain.provider.getBlock("latest"))?.timestamp ?? 0) + 1_000;
    await issue(quick, 3, [other], soon);
    unsure.push(await mineEmpty(400), await mineEmpty(1_000));
    fork = {
      snapshot: await chain.provider.send("evm_snapshot", []),
      blockNumber: await chain.provider.getBlockNumber(),
    };
    await end(brandId, issuer);
  }

  /** What can be done once only. */
  async function end(brandId: number, issuer: string): Promise<void> {
    await issue(slow, 20, [holder.address, other]);
    await act(slow, ADMIN, "setBenefit", 1, 9, NO_TERMS);
    for (const final of Object.values(FINAL_ACT)) await act(slow, ADMIN, "announce", final);
    await mineEmpty(FINAL_ACT_NOTICE);
    for (const final of Object.values(FINAL_ACT)) await act(slow, ADMIN, "carryOut", final);
    await act(slow, ISSUER, "executeReissue", 7);
    await act(slow, OTHER, "surrender", 7);
    const roleId = await chain.registry.getFunction("roleId")(brandId, BRAND_ROLE.Staff);
    const roles = new Contract(chain.deployment.registry, ["function revokeRole(bytes32, address)"], chain.provider);
    await act(roles, ADMIN, "revokeRole", roleId, issuer);
    await act(slow, ISSUER, "suspend", [1], REASON);
    await act(slow, ISSUER, "revoke", [10], REASON);
    await act(chain.registry, CONSORTIUM, "replaceBrandKeys", brandId, other);
    await act(chain.registry, CONSORTIUM, "retireBrand", brandId, REASON);
  }

  /** What an answer says apart from being of the past. */
  function said({ status, body, tag }: Answer, at?: number): Answer {
    if (status === 404) {
      const { detail, ...problem } = body;
      if (at !== undefined) expect(detail).to.contain(`At block ${at} `);
      return { status, body: problem, tag };
    }
    if (body.data?.verdict === undefined) return { status, body, tag };
    const { explanation: _, reasons, ...data } = body.data;
    if (at !== undefined) expect(reasons.at(-1)).to.equal("past-block");
    return { status, body: { ...data, reasons: at === undefined ? reasons : reasons.slice(0, -1) }, tag: null };
  }

  /** Holds what was kept against what is answered now. Returns the blocks of the verdicts that could not be given. */
  async function compare(blocks: readonly Kept[]): Promise<number[]> {
    const notGiven: number[] = [];
    for (const { blockNumber, answers } of blocks) {
      for (const [path, before] of answers) {
        const past = await pagesOf(path, `atBlock=${blockNumber}`);
        const verdict = past[0]?.body.data?.verdict;
        if (verdict === "cannot-confirm") {
          expect(past[0]?.body.data).to.deep.include({
            reasons: ["block-time-unknown", "past-block"],
            lastKnown: { verdict: "genuine", reasons: ["record-on-chain"] },
          });
          notGiven.push(blockNumber);
          continue;
        }
        const now = past.map((answer) => said(answer, blockNumber));
        expect(now, `${path} at block ${blockNumber}`).to.deep.equal(before.map((answer) => said(answer)));
      }
    }
    return notGiven;
  }

  it("are made of every kind of event", async () => {
    const names = await mirror.database.event.findMany({ distinct: ["name"], select: { name: true } });
    expect(names.map(({ name }) => name)).to.have.length(EVENT_TOPICS.length);
    const { verdicts, lengths } = seenIn(kept);
    expect(verdicts).to.include.members(["genuine", "expired", "suspended", "revoked", "surrendered", "not-found"]);
    expect(Math.max(...lengths)).to.be.greaterThan(3);
  });

  function seenIn(blocks: readonly Kept[]) {
    const all = blocks.flatMap(({ answers }) => [...answers.values()]);
    return {
      verdicts: all.map(([answer]) => answer?.body.data?.verdict as string | undefined),
      lengths: all.map((pages) => pages.length),
    };
  }

  it("are what the mirror answered when it stood at that block", async () => {
    // The clock of now is of no account to them.
    app.clock.now += 1_000 * DAY;
    expect(await compare(kept)).to.deep.equal(unsure);
  });

  it("are there while the mirror lags, and say so where it has stopped", async () => {
    const status = app.status;
    const at = fork.blockNumber - 3;
    for (const state of ["starting", "catching-up", "following"] as const) {
      app.status = { ...status, state, lagSeconds: undefined };
      expect((await get(`/v1/verify/${SLOW}/1?atBlock=${at}`)).body.data).to.deep.include({
        verdict: "genuine",
        reasons: ["record-on-chain", "past-block"],
      });
    }
    app.status = { ...status, state: "degraded" };
    expect((await get(`/v1/verify/${SLOW}/1?atBlock=${at}`)).body.data.reasons).to.include("mirror-degraded");
    app.status = status;
  });

  it("say which block they are of, and as much of it as the mirror knows", async () => {
    const blocks = new Map((await mirror.database.block.findMany()).map((block) => [block.number, block]));
    let lastEventBlock: Json = null;
    for (let number = 0; number <= (kept.at(-1)?.blockNumber ?? 0); number++) {
      const block = blocks.get(number);
      const hash = block?.hash ?? null;
      const time = block === undefined ? null : new Date(Number(block.timestamp) * 1000).toISOString();
      if (block !== undefined) lastEventBlock = { number, hash, time };
      const response = await app.get(`/v1/collections?atBlock=${number}`);
      const { asOf } = (await response.json()) as Json;
      expect(asOf).to.deep.equal({
        chainId: chain.deployment.chainId,
        blockNumber: number,
        blockHash: hash,
        blockTime: time,
        lagSeconds: null,
        state: "following",
        historical: true,
        lastEventBlock,
      });
    }
  });

  it("are empty before there was anything", async () => {
    const first = (kept[0]?.blockNumber ?? 0) - 1;
    for (const at of [0, first]) {
      expect((await get(`/v1/collections?atBlock=${at}`)).body).to.deep.equal({ data: [], nextCursor: null });
      expect((await get(`/v1/holders/${holder.address}/cards?atBlock=${at}`)).body.data).to.deep.equal([]);
      for (const path of [
        `collections/${SLOW}`,
        `collections/${SLOW}/cards`,
        `collections/${SLOW}/cards/1`,
        `verify/${SLOW}/1`,
      ]) {
        expect((await get(`/v1/${path}?atBlock=${at}`)).status, path).to.equal(404);
      }
    }
  });

  it("keep their tag while the chain goes on", async () => {
    const { blockNumber = 0, answers } = kept[20] ?? {};
    for (const path of answers?.keys() ?? []) {
      const { tag } = await get(`${path}?atBlock=${blockNumber}`);
      if (tag === null) continue;
      const again = await app.get(`${path}?atBlock=${blockNumber}`, { headers: { "If-None-Match": tag } });
      expect(again.status, path).to.equal(304);
    }
  });

  /** A whole list, page by page, with how many pages it took. */
  async function walk<Key, Row>(
    read: (after: Key | undefined) => Promise<{ rows: Row[]; goesOnAfter: Key | undefined }>,
    limit: number,
    keyOf: (row: Row) => Key,
  ): Promise<{ rows: Row[]; pages: number }> {
    const all: Row[] = [];
    for (let after: Key | undefined, pages = 1; ; pages++) {
      const { rows, goesOnAfter } = await read(after);
      const page = rows.slice(0, limit);
      all.push(...page);
      const last = page.at(-1);
      const next = rows.length > limit && last !== undefined ? keyOf(last) : goesOnAfter;
      if (next === undefined) return { rows: all, pages };
      expect(next).not.to.deep.equal(after);
      after = next;
    }
  }

  async function everything(history: History, limit: number) {
    const collections = await walk(
      async (after: string | undefined) => {
        const { collections, goesOnAfter } = await history.collections({ after, limit: limit + 1 });
        return { rows: collections, goesOnAfter };
      },
      limit,
      ({ address }) => address,
    );
    const address = String(await slow.getAddress()).toLowerCase();
    const cards = await walk(
      async (after: number | undefined) => {
        const { cards, goesOnAfter } = await history.cards(address, { after, limit: limit + 1 });
        return { rows: cards, goesOnAfter };
      },
      limit,
      ({ serial }) => serial,
    );
    const held = [];
    for (const who of [holder.address, other, chain.deployment.registry]) {
      const cards = await walk(
        async (after: CardPlace | undefined) => {
          const { cards, goesOnAfter } = await history.holderCards(who.toLowerCase(), { after, limit: limit + 1 });
          return { rows: cards, goesOnAfter };
        },
        limit,
        ({ collectionAddress, serial }): CardPlace => ({ collectionAddress, serial }),
      );
      held.push(cards);
    }
    const lists = [collections, cards, ...held];
    return { rows: lists.map(({ rows }) => rows), pages: lists.map(({ pages }) => pages) };
  }

  it("are the same when pages are cut short, because there is too much to look through", async () => {
    let cut = 0;
    for (const { blockNumber: at } of kept.filter((_, index) => index % 9 === 0)) {
      const history = (options: Omit<HistoryOptions, "database" | "at"> = {}) =>
        createHistory({ database: mirror.database, at, ...options });
      const whole = await everything(history(), 200);
      expect(whole.pages).to.deep.equal([1, 1, 1, 1, 1]);
      for (const options of [{ window: 1 }, { window: 2 }, { window: 3, eventsPerCard: 4 }, { eventsPerCard: 3 }]) {
        for (const limit of [1, 2, 200]) {
          const { rows, pages } = await everything(history(options), limit);
          expect(rows, JSON.stringify({ at, limit, ...options })).to.deep.equal(whole.rows);
          if (limit === 200) cut += Math.max(...pages) - 1;
        }
      }
    }
    expect(cut).to.be.greaterThan(20);
  });

  // PostgreSQL reads tables as small as these from end to end, whatever indexes they have.
  const onSqlite = kind === sqlite ? it : () => undefined;
  onSqlite("are found through the indexes", async () => {
    const plans: string[] = [];
    const explaining = new Proxy(mirror.database, {
      get: (target, name) =>
        name !== "$queryRaw"
          ? Reflect.get(target, name)
          : async (sql: { sql: string; values: unknown[] }) => {
              const steps = await target.$queryRawUnsafe<{ detail: string }[]>(
                `EXPLAIN QUERY PLAN ${sql.sql}`,
                ...sql.values,
              );
              plans.push(...steps.map(({ detail }) => detail));
              return await target.$queryRawUnsafe(sql.sql, ...sql.values);
            },
    });
    const history = createHistory({ database: explaining, at: fork.blockNumber });
    await everything(history, 2);
    const address = String(await slow.getAddress()).toLowerCase();
    await history.card(address, 1);
    await history.collection(address);
    const tables = /\b(Batch|Block|Brand|Card|Collection|Event|EventSubject|Reissue|b)\b/;
    const scans = plans.filter((step) => step.startsWith("SCAN") && tables.test(step));
    expect([...new Set(scans)]).to.deep.equal([]);
    expect(plans.filter((step) => /^SEARCH/.test(step))).to.have.length.greaterThan(20);
  });

  it("follow the chain when it has lost the block", async () => {
    const before = kept.filter(
      ({ blockNumber }) => blockNumber <= fork.blockNumber && blockNumber > fork.blockNumber - 5,
    );
    const lost = kept.find(({ blockNumber }) => blockNumber === fork.blockNumber + 1);
    await chain.provider.send("evm_revert", [fork.snapshot]);
    kept.length = 0;
    await act(slow, ISSUER, "issue", 21, [other], { tier: 3, expiresAt: 0 }, ZeroHash, ZeroHash);
    await act(quick, ISSUER, "requestReissue", 2, holder.address, REASON);
    await act(slow, ISSUER, "revoke", [1], REASON);
    expect(kept[0]?.blockNumber).to.equal(fork.blockNumber + 1);
    const path = `/v1/collections/${SLOW}/cards`;
    expect(kept[0]?.answers.get(path)).not.to.deep.equal(lost?.answers.get(path));
    expect(await compare([...before, ...kept])).to.deep.equal(unsure);
  });
});
