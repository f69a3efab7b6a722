// Uses of benefits are reserved, granted and given back: never more than there are, whoever asks at the same time.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Database } from "../../../../server/database/client.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import { expireHolds, shortenHolds } from "../../../../server/issuance/redemptions/holding.ts";
import { settleRedemptions } from "../../../../server/issuance/redemptions/standing.ts";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { addressOf, NOW } from "../../../support/mirror-fixture.ts";
import { FIRST_EDITION, NOW_MS, range } from "../orders/support.ts";
import { BENEFIT, type Counter, createCounter, keptAddress, refusalOf } from "./support.ts";

const ROUNDS = 40;

describeOnEachDatabase("reserving a benefit", (kind) => {
  let counter: Counter;
  before(async () => {
    counter = await createCounter(kind);
  });
  after(() => counter.close());
  beforeEach(async () => {
    counter.clock.now = NOW_MS;
    await counter.database.benefit.deleteMany();
    await counter.database.brand.updateMany({ data: { status: "Active" } });
  });

  it("writes down whose card it is, and answers with the number that it will have", async () => {
    await counter.grant();
    const serial = await counter.card({ reference: "imported" });
    expect(await counter.database.customer.count({ where: { reference: "imported" } })).to.equal(0);
    const customer = { reference: "imported" };
    const outcome = await counter.hold(serial, { customer, note: "order 12", idempotencyKey: "first" });
    if (outcome.kind !== "held") throw new Error(outcome.kind);
    const { id } = outcome;
    expect(JSON.parse(outcome.answer)).to.deep.equal({ id, number: 1 });
    // A spreadsheet has brought the card, and nothing was kept of the customer so far.
    const known = await counter.database.customer.findFirstOrThrow({ where: customer });
    expect(known).to.include({ brandId: 1, holder: keptAddress("imported") });
    expect(await counter.database.benefitHold.findUniqueOrThrow({ where: { id } })).to.deep.equal({
      ...{ id, brandId: 1, customerId: known.id, collectionAddress: FIRST_EDITION, serial, benefitId: BENEFIT },
      ...{ holder: keptAddress("imported"), generation: 0, custodial: true, state: "held", number: null },
      ...{ heldUntil: BigInt(NOW_MS + 60_000), note: "order 12", reason: null, failure: null, failureDetail: null },
      ...{ idempotencyKey: "first", requestHash: "hash", answer: outcome.answer, createdBy: "api-key:key_test" },
      ...{ createdAt: BigInt(NOW_MS), confirmedAt: null, updatedAt: BigInt(NOW_MS) },
    });
  });

  it("is refused with the reason why the benefit cannot be used", async () => {
    const serial = await counter.card();
    const reason = () => refusalOf(counter.hold(serial));
    expect(await reason()).to.equal("not-granted");
    await counter.grant({ startsAt: NOW + 1 });
    expect(await reason()).to.equal("not-started");
    await counter.database.benefit.updateMany({ data: { startsAt: NOW } });
    await counter.database.brand.updateMany({ where: { id: 1 }, data: { status: "Suspended" } });
    expect(await reason()).to.equal("brand-not-active");
    await counter.database.brand.updateMany({ where: { id: 1 }, data: { status: "Active" } });
    const change = (data: { status?: string; expiresAt?: number; tier?: number }) =>
      counter.database.card.updateMany({ where: { collectionAddress: FIRST_EDITION, serial }, data });
    for (const status of ["Suspended", "Revoked", "Surrendered"]) {
      await change({ status });
      expect(await reason()).to.equal(`card-${status.toLowerCase()}`);
    }
    await change({ status: "Active", expiresAt: NOW });
    expect(await reason()).to.equal("card-expired");
    await change({ expiresAt: NOW + 1, tier: 2 });
    expect(await reason()).to.equal("not-granted");
    await change({ tier: 1 });
    expect(await reason()).to.equal("done");
    expect(await reason()).to.equal("used-up");
    // What was refused has left nothing behind.
    expect(await counter.database.benefitHold.count({ where: { serial } })).to.equal(1);
  });

  it("finds the card by who holds it, and says nothing of others' cards", async () => {
    await counter.grant({ quota: 100 });
    const wallet = addressOf("wallet of ben");
    const data = { id: "cus_ben", brandId: 1, reference: "ben", wallet, createdAt: NOW_MS };
    await counter.application.customer.create({ data });
    const [kept, own, moved] = [
      await counter.card({ reference: "ben" }),
      await counter.card({ holder: wallet }),
      await counter.card({ holder: addressOf("somebody") }),
    ];
    const found = async (serial: number, customer: { reference: string } | { holder: string }) => {
      const outcome = await counter.hold(serial, { customer });
      if (!("id" in outcome)) return outcome.kind;
      const { customerId, custodial } = await counter.database.benefitHold.findUniqueOrThrow({
        where: { id: outcome.id },
      });
      return [customerId, custodial ? "custodial" : "wallet"];
    };
    expect(await found(kept, { reference: "ben" })).to.deep.equal(["cus_ben", "custodial"]);
    expect(await found(own, { reference: "ben" })).to.deep.equal(["cus_ben", "wallet"]);
    expect(await found(own, { holder: wallet })).to.deep.equal(["cus_ben", "wallet"]);
    expect(await found(moved, { holder: addressOf("somebody") })).to.deep.equal([null, "wallet"]);
    for (const customer of [{ reference: "ben" }, { reference: "nobody" }, { holder: wallet }])
      expect(await found(moved, customer)).to.equal("no-such-card");
    expect(await found(4_999, { reference: "ben" })).to.equal("no-such-card");
    expect(await counter.database.customer.count({ where: { reference: "nobody" } })).to.equal(0);
    // Where this server has not the brand's keystore, a card at the kept address is nobody's that it knows.
    const elsewhere = { customer: { reference: "nobody" }, keptAddress: () => undefined };
    expect((await counter.hold(kept, elsewhere)).kind).to.equal("no-such-card");
  });

  it("answers the same to the same request, in parallel too, and refuses the key to another", async () => {
    await counter.grant();
    const serial = await counter.card();
    const other = await counter.card();
    const idempotencyKey = randomUUID();
    const outcomes = await Promise.all(range(1, 8).map(() => counter.hold(serial, { idempotencyKey })));
    expect(outcomes.map(({ kind }) => kind).toSorted()).to.deep.equal(["held", ...Array(7).fill("repeated")]);
    expect(new Set(outcomes.map((outcome) => "answer" in outcome && outcome.answer)).size).to.equal(1);
    expect(await counter.hold(serial, { idempotencyKey, requestHash: "another" })).to.deep.equal({
      kind: "key-reused",
    });
    expect((await counter.hold(other, { idempotencyKey, requestHash: "another" })).kind).to.equal("key-reused");
    // Also where both come at the same moment, for cards that lock each other not.
    const key = randomUUID();
    const both = await Promise.all([
      counter.hold(await counter.card(), { idempotencyKey: key, requestHash: "one" }),
      counter.hold(other, { idempotencyKey: key, requestHash: "two" }),
    ]);
    expect(both.map((outcome) => outcome.kind).toSorted()).to.deep.equal(["held", "key-reused"]);
    // Whatever has become of it.
    const [held] = outcomes;
    if (held === undefined || !("id" in held)) throw new Error("It was not held");
    await counter.release(held.id);
    expect(await counter.hold(serial, { idempotencyKey })).to.deep.equal({ ...held, kind: "repeated" });
  });

  it("gives the last use to one of several tills, on several servers", async () => {
    await counter.grant({ quota: 2 });
    const servers = [counter.application, await counter.connect()];
    for (let round = 0; round < ROUNDS; round++) {
      const serial = await counter.card();
      const outcomes = await Promise.all(
        range(1, 6).map((till) => refusalOf(counter.hold(serial, { on: servers[till % 2] as Database }))),
      );
      expect(outcomes.toSorted(), `round ${round}`).to.deep.equal(["done", "done", ...Array(4).fill("used-up")]);
    }
  });

  it("has one customer entered where two tills meet one whom nobody knew", async () => {
    await counter.grant();
    const servers = [counter.application, await counter.connect()];
    for (let round = 0; round < 10; round++) {
      const reference = `new ${round}`;
      const serials = [await counter.card({ reference }), await counter.card({ reference })];
      const outcomes = await Promise.all(
        serials.map((serial, index) =>
          counter.hold(serial, { customer: { reference }, on: servers[index] as Database }),
        ),
      );
      expect(outcomes.map((outcome) => outcome.kind)).to.deep.equal(["held", "held"]);
      expect(await counter.database.customer.count({ where: { reference } })).to.equal(1);
    }
  });

  it("counts what is on its way to the chain once while the mirror reads it", async () => {
    await counter.grant({ quota: 2 });
    const second = await counter.connect();
    for (let round = 0; round < ROUNDS; round++) {
      const serial = await counter.card();
      const id = await counter.held(serial);
      await counter.confirm(id);
      const sent = await send(counter, id, 1);
      // Meanwhile others look: one use is left all the time, neither none nor two.
      let reading = true;
      const looks = (async () => {
        const seen = new Set<string>();
        while (reading) {
          const outcome = await refusalOf(
            (async () => {
              const first = await counter.hold(serial, { on: second });
              if (first.kind !== "held") throw new Error(first.kind);
              const refusal = await refusalOf(counter.hold(serial, { on: second }));
              await counter.release(first.id);
              seen.add(refusal);
            })(),
          );
          if (outcome !== "done") seen.add(`first ${outcome}`);
        }
        return [...seen];
      })();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      // At one moment, so that there is none at which it is neither here nor there.
      await inTransaction(counter.application, async (transaction) => {
        await counter.redeemed(serial, 1, 1, sent.hash, transaction);
        await transaction.command.updateMany({ where: { holdId: id }, data: { state: "done" } });
        await settleRedemptions(transaction, [id], counter.clock.now);
      });
      reading = false;
      expect(await looks, `round ${round}`).to.deep.equal(["used-up"]);
    }
  });

  it("counts what was confirmed as long as it is not known to be ours that the chain has", async () => {
    await counter.grant({ quota: 2 });
    const serial = await counter.card();
    const id = await counter.held(serial);
    await counter.confirm(id);
    await send(counter, id, 1);
    // Another program of the brand's was faster, and has this number: ours comes after it.
    await counter.redeemed(serial, 1, 1, "0xother");
    expect(await refusalOf(counter.hold(serial))).to.equal("used-up");
  });

  it("counts what is being undone until the chain has taken it back", async () => {
    await counter.grant();
    const serial = await counter.card();
    const id = await counter.held(serial);
    await counter.confirm(id);
    await send(counter, id, 1, "sent");
    await counter.undo(id);
    expect(await counter.stateOf(id)).to.equal("undoing");
    expect(await refusalOf(counter.hold(serial))).to.equal("used-up");
  });

  it("ends by itself, and can be granted all the same while a use is left", async () => {
    await counter.application.benefitHold.deleteMany();
    await counter.grant();
    const serial = await counter.card();
    const late = await counter.held(serial);
    counter.clock.now += 59_999;
    expect(await refusalOf(counter.hold(serial))).to.equal("used-up");
    counter.clock.now += 1;
    const other = await counter.held(serial);
    expect(await refusalOf(counter.confirm(late))).to.equal("used-up");
    await counter.release(other);
    const expire = () =>
      inTransaction(counter.application, (transaction) => expireHolds(transaction, counter.clock.now));
    expect(await expire()).to.equal(1);
    expect(await expire()).to.equal(0);
    expect(await counter.stateOf(late)).to.equal("expired");
    await counter.confirm(late);
    expect(await counter.stateOf(late)).to.equal("confirmed");
    expect(await refusalOf(counter.hold(serial))).to.equal("used-up");
  });
});

describeOnEachDatabase("a benefit that was reserved by a clock that was ahead", (kind) => {
  it("is reserved for as long as was asked for once the clock is set right", async () => {
    const counter = await createCounter(kind);
    try {
      await counter.grant();
      const [early, ahead] = [await counter.card(), await counter.card()];
      const kept = await counter.held(early);
      counter.clock.now += 2 * 86_400_000;
      const id = await counter.held(ahead);
      counter.clock.now -= 2 * 86_400_000;
      expect(await shortenHolds(counter.application, counter.clock.now)).to.equal(1);
      expect(await shortenHolds(counter.application, counter.clock.now)).to.equal(0);
      for (const held of [kept, id]) {
        const { heldUntil } = await counter.database.benefitHold.findUniqueOrThrow({ where: { id: held } });
        expect(Number(heldUntil)).to.equal(counter.clock.now + 60_000);
      }
      counter.clock.now += 59_999;
      expect(await refusalOf(counter.hold(ahead))).to.equal("used-up");
      counter.clock.now += 1;
      await counter.held(ahead);
    } finally {
      await counter.close();
    }
  });
});

describeOnEachDatabase("granting a reserved benefit, and giving it back", (kind) => {
  let counter: Counter;
  let serial: number;
  before(async () => {
    counter = await createCounter(kind);
    await counter.grant();
  });
  after(() => counter.close());
  beforeEach(async () => {
    counter.clock.now = NOW_MS;
    serial = await counter.card();
  });

  it("wants it of the chain once, however often it is granted", async () => {
    const id = await counter.held(serial);
    const second = await counter.connect();
    await Promise.all(range(1, 6).map((till) => counter.confirm(id, undefined, till % 2 === 0 ? second : undefined)));
    expect(await counter.commands(id)).to.deep.equal(["redeem queued"]);
    const [command] = await counter.database.command.findMany({ where: { holdId: id } });
    expect(command).to.include({ brandId: 1, collectionAddress: FIRST_EDITION, serial, benefitId: BENEFIT });
    expect(command).to.include({ generation: 0, redemptionNumber: null, signature: null });
    expect((await counter.database.benefitHold.findUniqueOrThrow({ where: { id } })).confirmedAt).to.equal(
      BigInt(NOW_MS),
    );
  });

  it("grants the last use to one of two tills whose reservations have both ended", async () => {
    const second = await counter.connect();
    for (let round = 0; round < ROUNDS; round++) {
      const card = await counter.card();
      const ids: string[] = [];
      for (const _ of [1, 2]) {
        ids.push(await counter.held(card));
        counter.clock.now += 60_000;
      }
      const outcomes = await Promise.all(
        ids.map((id, index) => refusalOf(counter.confirm(id, undefined, index === 0 ? undefined : second))),
      );
      expect(outcomes.toSorted(), `round ${round}`).to.deep.equal(["done", "used-up"]);
    }
  });

  it("gives back what is held once, and lets others have it at once", async () => {
    const id = await counter.held(serial);
    await counter.release(id);
    await counter.release(id);
    expect(await counter.stateOf(id)).to.equal("released");
    expect(await refusalOf(counter.confirm(id))).to.contain("released");
    const other = await counter.held(serial);
    await counter.confirm(other);
    expect(await refusalOf(counter.release(other))).to.contain("Undo it instead");
  });

  it("either grants or gives back where both are asked for at once", async () => {
    const second = await counter.connect();
    for (let round = 0; round < ROUNDS; round++) {
      const id = await counter.held(await counter.card());
      const outcomes = await Promise.all([
        refusalOf(counter.confirm(id, undefined, second)),
        refusalOf(counter.release(id)),
      ]);
      expect(outcomes.filter((outcome) => outcome === "done")).to.have.length(1);
      const granted = outcomes[0] === "done";
      expect([await counter.stateOf(id), ...(await counter.commands(id))]).to.deep.equal(
        granted ? ["confirmed", "redeem queued"] : ["released"],
      );
    }
  });

  it("refuses what the card is not good for any more", async () => {
    const id = await counter.held(serial);
    const where = { collectionAddress_serial: { collectionAddress: FIRST_EDITION, serial } };
    await counter.database.card.update({ where, data: { status: "Suspended" } });
    expect(await refusalOf(counter.confirm(id))).to.equal("card-suspended");
    await counter.database.card.update({ where, data: { status: "Active", holder: addressOf("next"), generation: 1 } });
    expect(await refusalOf(counter.confirm(id))).to.contain("another holder");
    expect(await counter.commands(id)).to.deep.equal([]);
  });

  it("does not grant on behalf of a customer who was forgotten", async () => {
    const id = await counter.held(serial);
    await counter.application.customer.updateMany({ data: { erasedAt: NOW_MS } });
    expect(await refusalOf(counter.confirm(id))).to.contain("forgotten");
    await counter.application.customer.updateMany({ data: { erasedAt: null } });
    expect(await refusalOf(counter.confirm(id))).to.equal("done");
  });

  it("needs the word of a holder with a wallet, for the next number", async () => {
    const holder = addressOf("a wallet");
    const own = await counter.card({ holder });
    const id = await counter.held(own, { customer: { holder } });
    const word = (number: number) => ({ number, deadline: NOW + 60, signature: "0x01" });
    expect(await refusalOf(counter.confirm(id))).to.contain("own wallet");
    expect(await refusalOf(counter.confirm(id, word(2)))).to.contain("number 1 now");
    await counter.confirm(id, word(1));
    const [command] = await counter.database.command.findMany({ where: { holdId: id } });
    expect(command).to.deep.include({ redemptionNumber: 1, deadline: BigInt(NOW + 60), signature: "0x01" });
  });

  it("undoes before it was sent what then never gets to the chain", async () => {
    const id = await counter.held(serial);
    expect(await refusalOf(counter.undo(id))).to.contain("nothing to undo");
    await counter.confirm(id);
    await counter.undo(id);
    await counter.undo(id);
    expect(await counter.commands(id)).to.deep.equal(["redeem cancelled"]);
    const { state, reason } = await counter.database.benefitHold.findUniqueOrThrow({ where: { id } });
    expect([state, reason]).to.deep.equal(["undone", "wrong till"]);
    expect(await refusalOf(counter.confirm(id))).to.contain("undone");
    expect(await refusalOf(counter.hold(serial))).to.equal("done");
  });

  it("tells the chain to undo what was sent, once", async () => {
    const id = await counter.held(serial);
    await counter.confirm(id);
    await send(counter, id, 1, "sent");
    await Promise.all([counter.undo(id), counter.undo(id), counter.undo(id)]);
    expect(await counter.commands(id)).to.deep.equal(["redeem sent", "undo-redemption queued"]);
    expect(await counter.stateOf(id)).to.equal("undoing");
  });

  it("undoes for a while, and no longer", async () => {
    const id = await counter.held(serial);
    await counter.confirm(id);
    await send(counter, id, 1, "done");
    counter.clock.now += 3_600_001;
    expect(await refusalOf(counter.undo(id))).to.contain("in the first 1 h");
    expect(await counter.commands(id)).to.deep.equal(["redeem done"]);
    counter.clock.now -= 1;
    await counter.undo(id);
    expect(await counter.commands(id)).to.deep.equal(["redeem done", "undo-redemption queued"]);
  });
});

let nonces = 0;

/** Puts the redemption's command where the sender leaves it once it has signed and sent it. */
async function send(counter: Counter, id: string, redemptionNumber: number, state = "queued") {
  const { application } = counter;
  const place = { signer: addressOf("key"), nonce: ++nonces };
  const hash = `0xhash${place.nonce}`;
  const transaction = { chainId: 1, brandId: 1, to: FIRST_EDITION, data: "0x", gas: 1, createdAt: NOW_MS };
  await application.chainTransaction.create({ data: { ...place, ...transaction, state: "signed" } });
  await application.transactionAttempt.create({ data: { ...place, hash, raw: "0x", createdAt: NOW_MS } });
  const { id: commandId } = await application.command.findFirstOrThrow({ where: { holdId: id } });
  await application.command.update({ where: { id: commandId }, data: { ...place, state, redemptionNumber } });
  await application.benefitHold.update({ where: { id }, data: { number: redemptionNumber } });
  return { hash };
}
