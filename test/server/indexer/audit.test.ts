import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Contract, type JsonRpcSigner, ZeroHash } from "ethers";
import { BRAND_ROLE, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { createRpc, type Rpc, RpcError } from "../../../server/chain/rpc.ts";
import { type AuditReport, auditAll, auditSample } from "../../../server/indexer/audit/audit.ts";
import { startAuditor } from "../../../server/indexer/auditor.ts";
import { ANY_STAFF, authorisationToSign } from "../../../server/issuance/redemptions/typed-data.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createTestMirror, silent, startAndCatchUp, type TestMirror } from "../../support/mirror.ts";

const DAY = 86_400;

describeOnEachDatabase("the audit", (kind) => {
  let chain: TestChain;
  let mirror: TestMirror;
  let address: string;

  before(async () => {
    chain = await startTestChain();
    const brandId = await chain.admitBrand();
    const issuer: JsonRpcSigner = await chain.signer(2);
    for (const role of [BRAND_ROLE.Steward, BRAND_ROLE.Staff]) {
      const roleId = await chain.registry.getFunction("roleId")(brandId, role);
      await chain.call(chain.registry, 1, "grantRole", roleId, issuer.address);
    }
    address = await chain.createCollection({ brandId, slug: "noirance-black", maxSupply: 1_200, reissueDelay: DAY });
    await chain.createCollection({ brandId, slug: "noirance-empty", maxSupply: 10 });
    const black = new Contract(address, membershipCollectionInterface, chain.provider);
    await chain.issue({ collection: address, firstSerial: 1, holders: 20, tier: 2, expiresAt: 2_000_000_000 });
    await chain.issue({ collection: address, firstSerial: 1_150, holders: 10 });
    await chain.call(black, 2, "suspend", [3], ZeroHash);
    await chain.call(black, 2, "revoke", [4], ZeroHash);
    await chain.call(black, 2, "requestReissue", 5, issuer.address, ZeroHash);
    await chain.call(black, 1, "setBenefit", 2, 7, { quota: 3, period: DAY, startsAt: 1_700_000_000 });
    await chain.issue({ collection: address, firstSerial: 30, holders: [issuer.address], tier: 2 });
    const redeem = async (number: number) => {
      const redemption = { serial: 30, benefitId: 7, number, generation: 0, staff: ANY_STAFF, deadline: 4_000_000_000 };
      const { domain, types } = authorisationToSign(address, chain.deployment.chainId, redemption);
      const signature = await issuer.signTypedData(domain, types, redemption);
      await chain.call(black, 2, "redeem", redemption, signature);
    };
    for (const number of [1, 2]) await redeem(number);
    await chain.call(black, 2, "undoRedemption", 30, 7, 1, ZeroHash);
    await redeem(3);
    await chain.call(black, 2, "correct", [6, 3, 1_999_999_999, 0, 0], ZeroHash, "0x");
    await chain.call(black, 1, "setContent", "https://noirance.example", ZeroHash);
  });
  after(async () => {
    await chain.close();
  });

  beforeEach(async () => {
    mirror = await createTestMirror(kind);
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
  });
  afterEach(async () => {
    await mirror.close();
  });

  const audit = () => auditAll({ rpc: chain.rpc, database: mirror.database });
  const differencesAfter = async (statement: string): Promise<AuditReport["differences"]> => {
    await mirror.database.$executeRawUnsafe(statement);
    return (await audit()).differences;
  };

  it("finds a mirror of the chain equal to it", async () => {
    const progress: [number, number][] = [];
    const report = await auditAll({
      rpc: chain.rpc,
      database: mirror.database,
      onProgress: (done, all) => progress.push([done, all]),
    });
    const block = await chain.provider.getBlock("latest");
    expect(report).to.deep.equal({ block: { number: block?.number, hash: block?.hash }, cards: 31, differences: [] });
    expect(progress).to.deep.equal([
      [31, 31],
      [31, 31],
    ]);
  });

  it("asks for hundreds of cards in one call, and for none of the serials that were not issued", async () => {
    const methods: string[] = [];
    const rpc = createRpc({ url: chain.rpcUrl, onRequest: (request) => methods.push(...request.methods) });
    expect((await auditAll({ rpc, database: mirror.database })).differences).to.deep.equal([]);
    // Of the registry two counts and the brand; of both collections nine settings and how many cards there are; of the one that has
    // cards these, its benefit, the pending reissue and the used benefit.
    expect(methods).to.deep.equal(Array(3 + 2 * (9 + 1) + 4).fill("eth_call"));
  });

  it("takes what is issued meanwhile for no difference", async () => {
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    let serial = 600;
    const rpc: Rpc = {
      ...chain.rpc,
      async batch(calls) {
        await chain.issue({ collection: address, firstSerial: serial++, holders: 1 });
        while ((await mirror.database.card.count({ where: { serial: serial - 1 } })) === 0) await sleep(5);
        return await chain.rpc.batch(calls);
      },
    };
    try {
      expect((await auditAll({ rpc, database: mirror.database })).differences).to.deep.equal([]);
      expect(serial).to.be.above(605);
    } finally {
      await indexer.stop();
    }
  });

  it("says which contract answers something else", async () => {
    await mirror.database.$executeRawUnsafe(`UPDATE "Checkpoint" SET "registry" = '${address}'`);
    const error = await audit().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(RpcError);
    await mirror.database.$executeRawUnsafe(`UPDATE "Checkpoint" SET "registry" = '0x${"12".repeat(20)}'`);
    const nobody = await audit().catch((reason: unknown) => reason);
    expect(nobody).to.be.instanceOf(RpcError);
    expect((nobody as RpcError).message).to.contain(`at 0x${"12".repeat(20)} does not answer brandCount as it should`);
  });

  it("compares with the mirror's own block, however far the chain has come", async () => {
    await chain.issue({ collection: address, firstSerial: 500, holders: 1 });
    expect((await audit()).differences).to.deep.equal([]);
  });

  it("has nothing to say of an empty mirror", async () => {
    await mirror.mirror.clear();
    const nothing = { block: undefined, cards: 0, differences: [] };
    expect(await audit()).to.deep.equal(nothing);
    expect(await auditSample({ rpc: chain.rpc, database: mirror.database, count: 5 })).to.deep.equal(nothing);
  });

  for (const [what, statement, of, mirrorSays] of [
    ["a changed card", `UPDATE "Card" SET "tier" = 9 WHERE "serial" = 7`, "card", { tier: 9 }],
    [
      "a card that is not there",
      `INSERT INTO "Card" ("collectionAddress", "serial", "holder", "tier", "status", "issuedAt", "expiresAt", "generation", "blockNumber", "logIndex") SELECT "collectionAddress", 900, "holder", "tier", "status", "issuedAt", "expiresAt", "generation", "blockNumber", "logIndex" FROM "Card" WHERE "serial" = 7`,
      "card",
      "extra",
    ],
    ["a missing card", `DELETE FROM "Card" WHERE "serial" = 1155`, "card", undefined],
    ["a missing card that no other is near", `DELETE FROM "Card" WHERE "serial" = 30`, "card", undefined],
    ["a changed reissue", `UPDATE "Card" SET "reissueReadyAt" = 5 WHERE "serial" = 5`, "reissue", { readyAt: 5 }],
    ["a changed benefit", `UPDATE "Benefit" SET "quota" = 4`, "benefit", { quota: 4 }],
    ["a redemption that was not", `UPDATE "Redemption" SET "used" = 3 WHERE "number" = 3`, "benefit", { used: 3 }],
    ["an undoing that is missing", `DELETE FROM "RedemptionUndoing"`, "benefit", { undone: 0 }],
    ["an undoing of something else", `UPDATE "RedemptionUndoing" SET "number" = 9`, "benefit", { undone: 0 }],
    ["an undoing that came later", `UPDATE "RedemptionUndoing" SET "blockNumber" = 999`, "benefit", { used: 1 }],
    ["a changed brand", `UPDATE "Brand" SET "status" = 'Suspended'`, "brand", { status: "Suspended" }],
    [
      "a changed collection",
      `UPDATE "Collection" SET "issuedCount" = 5 WHERE "slug" = 'noirance-empty'`,
      "collection",
      { issuedCount: 5 },
    ],
  ] as const) {
    it(`names ${what}, with both sides`, async () => {
      const differences = await differencesAfter(statement);
      expect(differences).to.have.length(1);
      const [difference] = differences;
      expect(difference?.of.startsWith(of)).to.equal(true);
      if (mirrorSays === "extra") expect(difference?.chain).to.equal(undefined);
      else expect(difference?.mirror).to.deep.equal(mirrorSays);
      expect(difference?.mirror).not.to.deep.equal(difference?.chain);
    });
  }

  it("notices that a collection is missing", async () => {
    const differences = await differencesAfter(`DELETE FROM "Collection" WHERE "slug" = 'noirance-empty'`);
    expect(differences).to.deep.equal([{ of: "number of collections", mirror: { count: 1 }, chain: { count: 2 } }]);
  });

  it("by sample finds what is wrong everywhere, and cards from every part of an edition", async () => {
    // Asked twice for each pick: which collection, and which serial. These are spread evenly over all serials.
    let asked = 0;
    const random = () => (asked++ % 2 === 0 ? 0 : ((asked / 2) % 40) / 40);
    const sample = () => auditSample({ rpc: chain.rpc, database: mirror.database, count: 40, random });
    const fine = await sample();
    expect(fine.differences).to.deep.equal([]);
    expect(fine.cards).to.equal(39);
    await mirror.database.$executeRawUnsafe(`UPDATE "Card" SET "holder" = '0x00'`);
    const wrong = await sample();
    expect(wrong.differences).to.have.length(wrong.cards);
    const serials = wrong.differences.map(({ of }) => Number(of.split("/")[1]));
    expect(Math.min(...serials)).to.be.at.most(20);
    expect(Math.max(...serials)).to.be.at.least(1_150);
  });

  it("knows that a reissue is void which was not executed in time", async () => {
    const snapshot = await chain.provider.send("evm_snapshot", []);
    await chain.provider.send("evm_increaseTime", [40 * DAY]);
    await chain.provider.send("evm_mine", []);
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
    expect(await mirror.database.card.count({ where: { reissueTo: { not: null } } })).to.equal(1);
    expect((await audit()).differences).to.deep.equal([]);
    await chain.provider.send("evm_revert", [snapshot]);
  });

  it("in intervals raises an alarm, and goes on after the chain was away", async () => {
    const found: number[] = [];
    let asked = 0;
    const difference = { of: "card 0x/1", mirror: { tier: 1 }, chain: { tier: 2 } };
    const done = new Promise<void>((resolve) => {
      const auditor = startAuditor({
        async audit() {
          if (++asked === 1) throw new Error("the node is away");
          return { block: { number: 1, hash: "0x" }, cards: 1, differences: [difference] };
        },
        isFollowing: () => true,
        onDifferences(count) {
          found.push(count);
          void auditor.stop().then(resolve);
        },
        logger: silent,
        intervalMs: 5,
      });
    });
    await done;
    expect([asked, found]).to.deep.equal([2, [1]]);
  });
});
