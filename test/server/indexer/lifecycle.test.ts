// What the mirror makes of everything that can happen to cards, brands and collections after they came into being.

import { expect } from "chai";
import { Contract, type JsonRpcSigner, ZeroHash } from "ethers";
import { BRAND_ROLE, membershipCollectionInterface, UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import { auditAll } from "../../../server/indexer/audit/audit.ts";
import { createLease, LeaseLostError } from "../../../server/indexer/lease.ts";
import { createMirror } from "../../../server/indexer/mirror.ts";
import { ANY_STAFF, authorisationToSign } from "../../../server/issuance/redemptions/typed-data.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import {
  cardsInMirror,
  cardsOnChain,
  createTestMirror,
  freshMirrorRows,
  mirrorRows,
  startAndCatchUp,
  type TestMirror,
} from "../../support/mirror.ts";

const DAY = 86_400;
const PERIODS = { period: DAY, startsAt: 1_700_000_000 };
const REASON = `0x${"52".repeat(32)}`;
const PROFILE = { name: "Noirance Atelier", legalName: "N", domain: "n.example", filingNumber: "1", profileURI: "u" };
/** Hardhat's accounts by what they do here. */
const CONSORTIUM = 0;
const ADMIN = 1;
const ISSUER = 2;
const HOLDER = 3;
const OTHER = 4;

describeOnEachDatabase("indexer of whole lives", (kind) => {
  let chain: TestChain;
  let mirror: TestMirror;
  let black: Contract;
  let address: string;
  let holder: JsonRpcSigner;
  let other: string;
  let expiresAt: number;

  beforeEach(async () => {
    chain = await startTestChain();
    mirror = await createTestMirror(kind);
    const brandId = await chain.admitBrand();
    const issuer = await (await chain.signer(ISSUER)).getAddress();
    for (const role of [BRAND_ROLE.Steward, BRAND_ROLE.Staff]) {
      const roleId = await chain.registry.getFunction("roleId")(brandId, role);
      await chain.call(chain.registry, ADMIN, "grantRole", roleId, issuer);
    }
    address = await chain.createCollection({ brandId, slug: "noirance-black", maxSupply: 50, reissueDelay: DAY });
    black = new Contract(address, membershipCollectionInterface, chain.provider);
    holder = await chain.signer(HOLDER);
    other = await (await chain.signer(OTHER)).getAddress();
    expiresAt = ((await chain.provider.getBlock("latest"))?.timestamp ?? 0) + 100 * DAY;
    const holders = Array.from({ length: 10 }, () => holder.address);
    await chain.issue({ collection: address, firstSerial: 1, holders, expiresAt });
  });
  afterEach(async () => {
    await mirror.close();
    await chain.close();
  });

  const act = (method: string, ...args: unknown[]) => chain.call(black, ISSUER, method, ...args);

  async function redeem(serial: number, number: number): Promise<void> {
    const redemption = { serial, benefitId: 9, number, generation: 0, staff: ANY_STAFF, deadline: expiresAt };
    const { domain, types } = authorisationToSign(address, chain.deployment.chainId, redemption);
    const signature = await holder.signTypedData(domain, types, redemption);
    await act("redeem", redemption, signature);
  }

  /** One of everything; several of what leaves rows behind. */
  async function live(): Promise<void> {
    await act("renew", [1, 2], expiresAt, DAY);
    await act("setTier", [2, 3], 4);
    await act("suspend", [3, 4], REASON);
    await act("reinstate", [4]);
    await act("revoke", [5], REASON);
    await chain.call(black, HOLDER, "surrender", 6);
    await act("requestReissue", 7, other, REASON);
    await act("requestReissue", 8, other, REASON);
    await chain.call(black, HOLDER, "vetoReissue", 8);
    await act("requestReissue", 9, other, REASON);
    await act("cancelReissue", 9);
    await chain.call(black, ADMIN, "setBenefit", 1, 9, { ...PERIODS, quota: 2 });
    await chain.call(black, ADMIN, "setBenefit", 4, 9, { ...PERIODS, quota: 4_294_967_295 });
    await redeem(1, 1);
    await redeem(1, 2);
    await redeem(10, 1);
    await act("undoRedemption", 1, 9, 2, REASON);
    await act("undoRedemption", 10, 9, 1, ZeroHash);
    await redeem(1, 3);
    await act("suspend", [10], REASON);
    await act("undoRedemption", 1, 9, 1, REASON);
    await act("reinstate", [10]);
    await act("openAllowlist", REASON, 20, 5, expiresAt);
    await act("closeAllowlist", REASON);
    await act("correct", [2, 3, expiresAt - DAY, 0, 0], REASON, "0x");
    await chain.call(chain.registry, ADMIN, "setDailyCap", 1, other, 100);
    await chain.call(chain.registry, ADMIN, "liftDailyCap", 1, other);
    await chain.call(black, ADMIN, "setContent", "https://noirance.example/black", REASON);
    await chain.call(chain.registry, CONSORTIUM, "setBrandProfile", 1, { ...PROFILE, profileHash: REASON });
  }

  /** What can be done once only. */
  async function end(): Promise<void> {
    await chain.call(black, ADMIN, "setBenefit", 1, 9, { ...PERIODS, quota: 0 });
    await chain.doFinally(address, "FreezeContent", "FreezeBenefits", "WindDown");
    await act("executeReissue", 7);
    await act("suspend", [1], REASON);
    await act("revoke", [10], REASON);
    await chain.call(chain.registry, CONSORTIUM, "suspendBrand", 1, REASON);
    await chain.call(chain.registry, CONSORTIUM, "replaceBrandKeys", 1, other);
  }

  it("mirrors what the contracts say of every card, the collection and the brand", async () => {
    await live();
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    expect(await cardsInMirror(mirror.database, address)).to.deep.equal(await cardsOnChain(chain, address));
    const pending = await mirror.database.card.findMany({ where: { reissueTo: { not: null } } });
    expect(pending.map(({ serial, reissueTo }) => [serial, reissueTo])).to.deep.equal([[7, other.toLowerCase()]]);

    await end();
    await indexer.caughtUp();
    await indexer.caughtUp();
    await indexer.stop();
    expect(await cardsInMirror(mirror.database, address)).to.deep.equal(await cardsOnChain(chain, address));
    const statuses = (await mirror.database.card.findMany({ orderBy: { serial: "asc" } })).map(({ status }) => status);
    expect(statuses).to.deep.equal([
      ...["Suspended", "Active", "Suspended", "Active", "Revoked"],
      ...["Surrendered", "Active", "Active", "Active", "Revoked"],
    ]);
    const [seventh] = await mirror.database.card.findMany({ where: { serial: 7 } });
    expect(seventh).to.include({ holder: other.toLowerCase(), generation: 1, reissueTo: null, reissueReadyAt: null });

    const [collection] = await mirror.database.collection.findMany();
    expect(collection).to.include({
      reissueDelay: DAY,
      highestTier: 255,
      longestTerm: BigInt(UNLIMITED_TERM),
      contractUri: "https://noirance.example/black",
      contentHash: REASON,
      contentFrozen: true,
      benefitsFrozen: true,
      windingDown: true,
      issuedCount: 10,
    });
    const { profileURI: profileUri, ...profile } = PROFILE;
    const [brand] = await mirror.database.brand.findMany();
    expect(brand).to.include({ ...profile, profileUri, profileHash: REASON, status: "Suspended" });
    expect(brand).to.include({ handle: "noirance", keyEpoch: 1, suspension: 1 });
    const benefits = await mirror.database.benefit.findMany({ orderBy: { tier: "asc" } });
    expect(benefits.map(({ tier, benefitId, quota }) => [tier, benefitId, Number(quota)])).to.deep.equal([
      [1, 9, 0],
      [4, 9, 4_294_967_295],
    ]);
    const redemptions = await mirror.database.redemption.findMany({ orderBy: [{ serial: "asc" }, { number: "asc" }] });
    expect(redemptions.map(({ serial, benefitId, number, used }) => [serial, benefitId, number, used])).to.deep.equal([
      [1, 9, 1, 1],
      [1, 9, 2, 2],
      [1, 9, 3, 2],
      [10, 9, 1, 1],
    ]);
    const undoings = await mirror.database.redemptionUndoing.findMany({
      orderBy: [{ blockNumber: "asc" }, { logIndex: "asc" }],
    });
    const staff = (await (await chain.signer(ISSUER)).getAddress()).toLowerCase();
    expect(undoings.map(({ serial, number, used, reason }) => [serial, number, used, reason])).to.deep.equal([
      [1, 2, 1, REASON],
      [10, 1, 0, ZeroHash],
      [1, 1, 1, REASON],
    ]);
    for (const undoing of undoings) expect(undoing).to.include({ collectionAddress: address, benefitId: 9, staff });
    const audit = await auditAll({ rpc: chain.rpc, database: mirror.database });
    expect(audit.differences).to.deep.equal([]);
  });

  it("gives the same rows whatever the size of its ranges", async () => {
    await live();
    await end();
    const single = mirror.indexer(chain, { maxRange: 1 });
    await startAndCatchUp(single);
    await single.stop();
    expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
  });

  it("is rebuilt from its own events, which mends what somebody has changed", async () => {
    await live();
    await end();
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
    const right = await mirrorRows(mirror.database);
    const events = await mirror.database.event.count();

    const unchanged = await mirror.mirror.rebuild();
    expect(unchanged).to.include({ events, before: unchanged.after });
    expect(await mirrorRows(mirror.database)).to.deep.equal(right);

    await mirror.database.card.update({
      where: { collectionAddress_serial: { collectionAddress: address, serial: 2 } },
      data: { tier: 9 },
    });
    await mirror.database.redemption.deleteMany();
    await mirror.database.redemptionUndoing.deleteMany();
    const mended = await mirror.mirror.rebuild();
    expect(mended.before).not.to.equal(unchanged.after);
    expect(mended.after).to.equal(unchanged.after);
    expect(await mirrorRows(mirror.database)).to.deep.equal(right);
  });

  it("is not rebuilt from events whose block is missing", async () => {
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
    const { number } = await mirror.database.block.findFirstOrThrow({ orderBy: { number: "desc" } });
    await mirror.database.block.delete({ where: { number } });
    const before = await mirrorRows(mirror.database);
    const failure = await mirror.mirror.rebuild().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error).with.property("message").that.contains(`block ${number}`);
    expect(await mirrorRows(mirror.database)).to.deep.equal(before);
  });

  it("is not rebuilt while another server writes it", async () => {
    const other = createLease({ database: mirror.database, holder: "another server" });
    await other.hold();
    const own = createMirror({ database: mirror.database, lease: createLease({ database: mirror.database }) });
    const failure = await own.rebuild().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(LeaseLostError);
  });

  it("takes all of it back when the chain has lost it", async () => {
    const atFirst = await chain.provider.send("evm_snapshot", []);
    await live();
    const inBetween = await chain.provider.send("evm_snapshot", []);
    await end();
    const indexer = mirror.indexer(chain, { behindGraceMs: 100 });
    await startAndCatchUp(indexer);
    for (const snapshot of [inBetween, atFirst]) {
      await chain.provider.send("evm_revert", [snapshot]);
      const head = await chain.provider.getBlockNumber();
      while ((indexer.status().indexed?.number ?? 0) > head) await new Promise((resolve) => setTimeout(resolve, 10));
      await indexer.caughtUp();
      expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
    }
    await indexer.stop();
    expect(await mirror.database.redemption.count()).to.equal(0);
    expect(await mirror.database.redemptionUndoing.count()).to.equal(0);
    expect(await mirror.database.benefit.count()).to.equal(0);
    const [collection] = await mirror.database.collection.findMany();
    expect(collection).to.include({ contractUri: "", contentHash: ZeroHash, windingDown: false });
  });
});
