// Verdicts as the API gives them, from rows in the mirror.

import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import { openDatabase } from "../../../server/database/client.ts";
import type { VerificationAnswer } from "../../../server/http/schemas.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import {
  COLLECTIONS,
  createMirrorFixture,
  freshStatus,
  type MirrorFixture,
  SERIALS,
} from "../../support/mirror-fixture.ts";
import { type RunningApp, startApp } from "./support.ts";

const { slug, address } = COLLECTIONS.firstEdition;

describeOnEachDatabase("GET /v1/verify", (kind) => {
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

  async function verify(serial: number | string, collection: string = slug): Promise<VerificationAnswer> {
    const response = await app.get(`/v1/verify/${collection}/${serial}`);
    expect(response.status).to.equal(200);
    return ((await response.json()) as { data: VerificationAnswer }).data;
  }

  it("gives each verdict that follows from the record", async () => {
    const verdicts = {
      [SERIALS.genuine]: "genuine",
      [SERIALS.suspended]: "suspended",
      [SERIALS.revoked]: "revoked",
      [SERIALS.surrendered]: "surrendered",
      [SERIALS.expired]: "expired",
      [SERIALS.notIssued]: "not-found",
      5001: "not-found",
      [`9${"0".repeat(77)}`]: "not-found",
    };
    for (const [serial, verdict] of Object.entries(verdicts)) {
      expect((await verify(serial)).verdict, serial).to.equal(verdict);
    }
  });

  it("shows where to check it, by slug and by address", async () => {
    const bySlug = await verify(42);
    expect(bySlug.evidence).to.deep.include({ chainId: 31337, blockNumber: 11, batchFirstSerial: 1 });
    expect(bySlug.evidence.contract.toLowerCase()).to.equal(address);
    expect(bySlug.verifyUrl).to.equal(`${app.url}/v/${slug}/42`);
    expect(await verify(42, address)).to.deep.equal(bySlug);
    expect(await verify(42, bySlug.evidence.contract)).to.deep.equal(bySlug);
    expect(await verify(42, `0x${address.slice(2).toUpperCase()}`)).to.deep.equal(bySlug);
  });

  it("says that the brand is suspended", async () => {
    await mirror.database.brand.update({ where: { id: 1 }, data: { status: "Suspended" } });
    expect(await verify(42)).to.deep.include({ verdict: "suspended", reasons: ["brand-suspended"] });
    expect(await verify(SERIALS.suspended)).to.deep.include({ reasons: ["card-suspended", "brand-suspended"] });
  });

  it("cannot confirm while the mirror is not fresh, and says what it knew last", async () => {
    app.status = { ...freshStatus(), lagSeconds: 31 };
    const stale = await verify(42);
    expect(stale).to.deep.include({
      verdict: "cannot-confirm",
      reasons: ["mirror-lagging"],
      lastKnown: { verdict: "genuine", reasons: ["record-on-chain"] },
    });
    expect((await app.get("/ready")).status).to.equal(503);
  });

  it("does not say that a collection does not exist while the mirror is behind", async () => {
    expect((await app.get("/v1/verify/none-such/1")).status).to.equal(404);
    app.status = { ...freshStatus(), state: "catching-up" };
    expect((await app.get("/v1/verify/none-such/1")).status).to.equal(503);
  });

  it("takes the verdict and its block from one snapshot while a writer goes on", async () => {
    // On a connection of its own, as another process would have.
    const other = await openDatabase(mirror.url);
    const done = { value: false };
    const writer = (async () => {
      for (let block = 2_000; !done.value; block++) {
        // Even blocks: active; odd ones: suspended.
        await nextTurn();
        await other.$transaction([
          other.card.update({
            where: { collectionAddress_serial: { collectionAddress: address, serial: 42 } },
            data: { status: block % 2 === 0 ? "Active" : "Suspended" },
          }),
          other.checkpoint.update({ where: { id: 1 }, data: { blockNumber: block } }),
        ]);
      }
    })();
    try {
      for (let round = 0; round < 60; round++) {
        const response = await app.get(`/v1/verify/${slug}/42`);
        const { data, asOf } = (await response.json()) as { data: VerificationAnswer; asOf: { blockNumber: number } };
        expect(data.verdict).to.equal(asOf.blockNumber % 2 === 0 ? "genuine" : "suspended");
      }
    } finally {
      done.value = true;
      await writer;
      await other.$disconnect();
    }
  });
});
