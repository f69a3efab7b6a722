// What cannot be undone: announced, cancelled, void, carried out in time; and a single call, or several in one, that does none of it.

import { expect } from "chai";
import { collectionFixture, ethers, FINAL_ACT, networkHelpers, ROLE } from "./fixture.ts";
import { minedAt, now, setNext } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";

const REASON = ethers.id("reason");
const ACTS = {
  FreezeContent: { event: "ContentFrozen", done: "ContentIsFrozen" },
  FreezeBenefits: { event: "BenefitsFrozen", done: "BenefitsAreFrozen" },
  WindDown: { event: "WindDownStarted", done: "WindingDown" },
} as const;
type Name = keyof typeof ACTS;
const NAMES = Object.keys(ACTS) as Name[];
const TERMS = { quota: 1, period: 0, startsAt: 0 };

async function finalFixture() {
  const accounts = await collectionFixture();
  const { collection, admin } = accounts;
  const asAdmin = collection.connect(admin);
  const done = async () => ({
    FreezeContent: await collection.contentFrozen(),
    FreezeBenefits: await collection.benefitsFrozen(),
    WindDown: await collection.windingDown(),
  });
  const announced = async () => Promise.all(NAMES.map((name) => collection.announcedFor(FINAL[name])));
  /** Announces, and tells from when on the act can be carried out. */
  const announce = async (name: Name) => (await minedAt(asAdmin.announce(FINAL[name]))) + FINAL_ACT.notice;
  return { ...accounts, asAdmin, done, announced, announce };
}
const NOTHING_DONE = { FreezeContent: false, FreezeBenefits: false, WindDown: false };

describe("FinalActs", () => {
  for (const name of NAMES) {
    const act = FINAL[name];
    const { event, done: doneError } = ACTS[name];

    describe(name, () => {
      it("is announced, reported, and does nothing for a week", async () => {
        const { collection, asAdmin, done, announced } = await finalFixture();
        const timestamp = (await now()) + 100;
        await setNext(timestamp);
        const readyAt = BigInt(timestamp + FINAL_ACT.notice);
        expect(await eventsOf(asAdmin.announce(act), collection)).to.deep.equal([
          ["FinalActAnnounced", BigInt(act), readyAt],
        ]);
        expect([await done(), await announced()]).to.deep.equal([
          NOTHING_DONE,
          NAMES.map((each) => (each === name ? readyAt : 0n)),
        ]);
        await expect(asAdmin.announce(act))
          .to.be.revertedWithCustomError(collection, "FinalActAlreadyAnnounced")
          .withArgs(act, readyAt);
        await setNext(Number(readyAt) - 1);
        await expect(asAdmin.carryOut(act))
          .to.be.revertedWithCustomError(collection, "FinalActNotReady")
          .withArgs(act, readyAt);
        await setNext(Number(readyAt));
        expect(await eventsOf(asAdmin.carryOut(act), collection)).to.deep.equal([[event]]);
        expect([await done(), await announced()]).to.deep.equal([{ ...NOTHING_DONE, [name]: true }, [0n, 0n, 0n]]);
      });

      it("is carried out for 30 days, to the second; after that it is void, and can be announced again", async () => {
        for (const late of [0, 1]) {
          const { collection, asAdmin, done, announced, announce } = await finalFixture();
          const last = (await announce(name)) + FINAL_ACT.window;
          await setNext(last + late);
          if (late === 0) {
            await asAdmin.carryOut(act);
            expect((await done())[name]).to.equal(true);
            continue;
          }
          await expect(asAdmin.carryOut(act))
            .to.be.revertedWithCustomError(collection, "FinalActNotAnnounced")
            .withArgs(act);
          await networkHelpers.mine();
          expect(await announced()).to.deep.equal([0n, 0n, 0n]);
          await expect(asAdmin.cancelAnnounced(act))
            .to.be.revertedWithCustomError(collection, "FinalActNotAnnounced")
            .withArgs(act);
          await finish(asAdmin, act);
          expect((await done())[name]).to.equal(true);
        }
      });

      it("is cancelled by the brand's administrators and by the guardian, whatever the brand's status", async () => {
        for (const status of ["active", "suspended", "retired"])
          for (const who of ["admin", "guardian"] as const) {
            const f = await finalFixture();
            const { collection, registry, asAdmin, announce, announced } = f;
            await announce(name);
            if (status === "suspended") await registry.suspendBrand(1, REASON);
            if (status === "retired") await registry.retireBrand(1, REASON);
            expect(await eventsOf(collection.connect(f[who]).cancelAnnounced(act), collection)).to.deep.equal([
              ["FinalActCancelled", BigInt(act)],
            ]);
            expect(await announced()).to.deep.equal([0n, 0n, 0n]);
            await expect(collection.connect(f[who]).cancelAnnounced(act))
              .to.be.revertedWithCustomError(collection, "FinalActNotAnnounced")
              .withArgs(act);
            if (status !== "active") continue;
            await expect(asAdmin.carryOut(act))
              .to.be.revertedWithCustomError(collection, "FinalActNotAnnounced")
              .withArgs(act);
            await finish(asAdmin, act);
          }
      });

      it("is for nobody else, and not announced or carried out while the brand may not act", async () => {
        const f = await finalFixture();
        const { collection, registry, asAdmin, done, announce } = f;
        const readyAt = await announce(name);
        await networkHelpers.time.increaseTo(readyAt);
        for (const who of ["consortium", "issuer", "steward", "staff", "holder", "stranger"] as const)
          for (const method of ["announce", "carryOut", "cancelAnnounced"] as const)
            await expect(collection.connect(f[who])[method](act), `${who}: ${method}`)
              .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
              .withArgs(1, ROLE.Admin, f[who]);
        for (const method of ["announce", "carryOut"] as const)
          await expect(collection.connect(f.guardian)[method](act))
            .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
            .withArgs(1, ROLE.Admin, f.guardian);
        await registry.suspendBrand(1, REASON);
        for (const method of ["announce", "carryOut"] as const)
          await expect(asAdmin[method](act)).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, 2);
        await registry.reinstateBrand(1, 1);
        await asAdmin.carryOut(act);
        expect((await done())[name]).to.equal(true);
      });

      it("is done once: neither announced, carried out nor cancelled again, not in 1,000 years", async () => {
        const { collection, asAdmin, done, announced } = await finalFixture();
        await finish(asAdmin, act);
        for (const wait of [0, FINAL_ACT.notice + FINAL_ACT.window + 1]) {
          await networkHelpers.time.increase(wait + 1);
          await expect(asAdmin.announce(act)).to.be.revertedWithCustomError(collection, doneError);
          for (const method of ["carryOut", "cancelAnnounced"] as const)
            await expect(asAdmin[method](act))
              .to.be.revertedWithCustomError(collection, "FinalActNotAnnounced")
              .withArgs(act);
        }
        expect([(await done())[name], await announced()]).to.deep.equal([true, [0n, 0n, 0n]]);
      });

      it("is nothing that can be carried out unannounced", async () => {
        const { collection, asAdmin, done } = await finalFixture();
        for (const method of ["carryOut", "cancelAnnounced"] as const)
          await expect(asAdmin[method](act))
            .to.be.revertedWithCustomError(collection, "FinalActNotAnnounced")
            .withArgs(act);
        expect(await done()).to.deep.equal(NOTHING_DONE);
      });
    });
  }

  it("an announced freeze is void when what would be frozen changes, and only that one", async () => {
    const { collection, asAdmin, announced, announce } = await finalFixture();
    const readyAt = [];
    for (const name of NAMES) readyAt.push(BigInt(await announce(name)));
    expect(await announced()).to.deep.equal(readyAt);
    const content = await eventsOf(asAdmin.setContent("ipfs://x", REASON), collection);
    expect(content.at(-1)).to.deep.equal(["FinalActCancelled", BigInt(FINAL.FreezeContent)]);
    expect(await announced()).to.deep.equal([0n, readyAt[1], readyAt[2]]);
    const benefit = await eventsOf(asAdmin.setBenefit(1, 1, TERMS), collection);
    expect(benefit.at(-1)).to.deep.equal(["FinalActCancelled", BigInt(FINAL.FreezeBenefits)]);
    expect(await announced()).to.deep.equal([0n, 0n, readyAt[2]]);
    for (const sending of [asAdmin.setContent("ipfs://y", REASON), asAdmin.setBenefit(1, 1, { ...TERMS, quota: 2 })])
      expect((await eventsOf(sending, collection)).map(([name]) => name)).to.not.include("FinalActCancelled");
  });

  it("one multicall of a stolen Admin can do nothing for good: the brand and the guardian have a week to see it", async () => {
    const { collection, registry, asAdmin, guardian, done } = await finalFixture();
    const call = (method: "announce" | "carryOut", act: number) =>
      collection.interface.encodeFunctionData(method as "announce", [act]);
    const content = collection.interface.encodeFunctionData("setContent", ["ipfs://ransom", REASON]);
    const all = Object.values(FINAL);
    for (const calls of [
      [content, ...all.map((act) => call("carryOut", act))],
      [content, ...all.flatMap((act) => [call("announce", act), call("carryOut", act)])],
    ])
      await expect(asAdmin.multicall(calls)).to.be.revert(ethers);
    await asAdmin.multicall([content, ...all.map((act) => call("announce", act))]);
    expect(await done()).to.deep.equal(NOTHING_DONE);
    // Seen within the week: suspended, and cancelled.
    await networkHelpers.time.increase(FINAL_ACT.notice - 100);
    await registry.connect(guardian).suspendBrand(1, REASON);
    for (const act of all) await collection.connect(guardian).cancelAnnounced(act);
    await registry.reinstateBrand(1, 1);
    await networkHelpers.time.increase(FINAL_ACT.notice);
    for (const act of all)
      await expect(asAdmin.carryOut(act)).to.be.revertedWithCustomError(collection, "FinalActNotAnnounced");
    await asAdmin.setContent("ipfs://ours", REASON);
    expect(await done()).to.deep.equal(NOTHING_DONE);
  });

  it("knows three acts, and no fourth", async () => {
    const { asAdmin } = await finalFixture();
    for (const method of ["announce", "carryOut", "cancelAnnounced", "announcedFor"] as const)
      await expect(asAdmin[method](3)).to.be.revertedWithoutReason(ethers);
  });
});
