// Orders that are paid through an aggregator, as a shop, a payer and the aggregator do it: over HTTP, with the simulator.

import { setTimeout as sleep } from "node:timers/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "chai";
import type { Misbehaviour } from "../../../scripts/payment-simulator/deliveries.ts";
import { inTransaction } from "../../../server/database/transactions.ts";
import { createCaretaker } from "../../../server/payments/caretaker.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { silent } from "../../support/mirror.ts";
import { until } from "../../support/patience.ts";
import { createPaymentFixture, type PaymentFixture, PRICE } from "./fixture.ts";

const TWO_DAYS = 2 * 86_400;
const HELD = { order: "accepted", cards: ["held"] };
const RELEASED = { order: "queued", cards: ["queued"] };
const CANCELLED = { order: "cancelled", cards: ["cancelled"] };

/** Waits until the simulator has told something so often, well or badly. */
async function told({ simulator }: PaymentFixture, attempts: number): Promise<void> {
  await until(() => simulator.deliveries.attempts.length >= attempts);
}

describeOnEachDatabase("payments", (kind) => {
  let fixture: PaymentFixture;

  beforeEach(async () => {
    fixture = await createPaymentFixture(kind);
  });
  afterEach(async () => {
    await fixture.close();
  });

  const lastAttempt = () => fixture.simulator.deliveries.attempts.at(-1);
  const errorsLogged = () => fixture.servers[0].app.log.filter(({ level }) => level === 50);
  const refundsAtAggregator = (chargeId: string) =>
    fixture.simulator.charges.refundsOf(chargeId).map(({ amount, status }) => `${amount} ${status}`);

  it("release an order once it is paid on the page that it links to", async () => {
    const orderId = await fixture.order({ quantity: 2 });
    const payment = await fixture.pay(orderId);
    const charge = fixture.simulator.charges.find(payment.chargeId);
    expect(charge).to.include({ amount: PRICE, currency: "cny", order_no: payment.id, channel: "alipay_qr" });
    expect(charge.subject).to.contain("×2");
    expect(charge.metadata).to.deep.equal({ order: orderId });
    expect(await fixture.standing(orderId)).to.deep.equal({
      order: "accepted",
      cards: ["held", "held"],
      payments: ["open"],
    });
    // As a browser does it that has no JavaScript.
    const page = await fetch(payment.payUrl, { method: "POST", redirect: "manual" });
    expect(page.status).to.equal(303);
    await told(fixture, 1);
    expect(lastAttempt()).to.include({ type: "charge.succeeded", status: 200, body: "success" });
    expect(await fixture.standing(orderId)).to.deep.equal({
      order: "queued",
      cards: ["queued", "queued"],
      payments: ["paid"],
    });
    const again = await fixture.send(`/v1/orders/${orderId}/payment`);
    expect(again.status).to.equal(409);
    expect(((await again.json()) as { detail: string }).detail).to.contain("does not wait for a payment");
  });

  it("are opened once for an order, however often and by how many servers at once it is asked for", async () => {
    const orderId = await fixture.order();
    const path = `/v1/orders/${orderId}/payment`;
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        fixture.send(path, { server: fixture.servers[index % 2] ?? fixture.servers[0] }),
      ),
    );
    for (const answer of answers) {
      expect(answer.status).to.be.oneOf([200, 409]);
      if (answer.status === 409) expect(answer.headers.get("retry-after")).to.equal("1");
    }
    const { payUrl } = await fixture.pay(orderId);
    for (const answer of answers.filter(({ status }) => status === 200))
      expect(((await answer.json()) as { data: { payUrl: string } }).data.payUrl).to.equal(payUrl);
    expect(fixture.simulator.charges.list()).to.have.length(1);
  });

  it("count an event once that is told again, at the same time and by several servers", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.deliveries.misbehave({ times: 8 });
    fixture.simulator.pay(chargeId);
    await told(fixture, 8);
    expect(fixture.simulator.deliveries.attempts.map(({ status }) => status)).to.deep.equal(Array(8).fill(200));
    expect(await fixture.standing(orderId)).to.deep.equal({ ...RELEASED, payments: ["paid"] });
    expect(await fixture.outcomes(orderId)).to.deep.equal(["released"]);

    const event = {
      kind: "paid" as const,
      ...{ eventId: "evt_other", paymentId: chargeId, amount: PRICE, currency: "CNY" },
      reference: fixture.simulator.charges.find(chargeId).order_no,
    };
    const settlements = await Promise.all(
      Array.from({ length: 8 }, (_, index) => {
        const { payments, adapter } = fixture.servers[index % 2] ?? fixture.servers[0];
        return payments.take(adapter, event);
      }),
    );
    expect(settlements.map(({ outcome }) => outcome)).to.deep.equal(Array(8).fill("known"));
    expect(await fixture.database.paymentEvent.count()).to.equal(2);
  });

  for (const signature of ["other-key", "other-body", "missing"] as const) {
    it(`count nothing that is not signed: ${signature}`, async () => {
      const orderId = await fixture.order();
      const { chargeId } = await fixture.pay(orderId);
      fixture.simulator.deliveries.misbehave({ signature });
      fixture.simulator.pay(chargeId);
      await told(fixture, 4);
      expect(fixture.simulator.deliveries.attempts.map(({ status }) => status)).to.deep.equal([400, 400, 400, 400]);
      expect(await fixture.standing(orderId)).to.deep.equal({ ...HELD, payments: ["open"] });
      expect(await fixture.database.paymentEvent.count()).to.equal(0);
    });
  }

  const others: [name: string, how: Misbehaviour, outcome: string][] = [
    ["another amount", { amount: PRICE - 1 }, "other-amount"],
    ["more than was asked for", { amount: PRICE + 1 }, "other-amount"],
    ["another currency", { currency: "usd" }, "other-currency"],
    ["another charge", { chargeId: "ch_someOtherChargeOfTheSameApp" }, "other-payment"],
  ];
  for (const [name, how, outcome] of others) {
    it(`never release an order for ${name}, and leave it to a person`, async () => {
      const orderId = await fixture.order();
      const { id, chargeId } = await fixture.pay(orderId);
      fixture.simulator.deliveries.misbehave(how);
      fixture.simulator.pay(chargeId);
      await told(fixture, 1);
      expect(lastAttempt()).to.include({ status: 200, body: "success" });
      expect(await fixture.standing(orderId)).to.deep.equal({ ...HELD, payments: ["refused"] });
      expect(await fixture.outcomes(orderId)).to.deep.equal([outcome]);
      expect(errorsLogged()).to.have.length(1);
      expect(errorsLogged()[0]).to.include({ payment: id, orderId, outcome });
      const row = await fixture.database.payment.findUniqueOrThrow({ where: { id } });
      expect(row.failure).to.equal(outcome);
      expect(row.failureDetail).to.contain("12800 CNY was asked for").and.to.contain("refund it there");
      const again = await fixture.send(`/v1/orders/${orderId}/payment`);
      expect(again.status).to.equal(409);
      expect(((await again.json()) as { detail: string }).detail).to.contain(id);
      for (const { caretaker } of fixture.servers) expect(await caretaker.step()).to.equal(0);
      expect(refundsAtAggregator(chargeId)).to.deep.equal([]);
    });
  }

  for (const [name, how] of [
    ["of test mode where money is real, or the other way round", { livemode: true }],
    ["of another merchant's app, which the aggregator signs too", { app: "app_somebodyElse" }],
  ] as const) {
    it(`ignore events ${name}`, async () => {
      const orderId = await fixture.order();
      const { chargeId } = await fixture.pay(orderId);
      fixture.simulator.deliveries.misbehave(how);
      fixture.simulator.pay(chargeId);
      await told(fixture, 1);
      expect(lastAttempt()).to.include({ status: 200 });
      expect(await fixture.standing(orderId)).to.deep.equal({ ...HELD, payments: ["open"] });
    });
  }

  it("go back when they come after the order was cancelled", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    expect((await fixture.send(`/v1/orders/${orderId}/cancel`)).status).to.equal(200);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    expect(await fixture.standing(orderId)).to.deep.equal({ ...CANCELLED, payments: ["refunding"] });
    expect(await fixture.servers[0].caretaker.step()).to.equal(1);
    await told(fixture, 2);
    expect(lastAttempt()).to.include({ type: "refund.succeeded", status: 200 });
    expect(await fixture.standing(orderId)).to.deep.equal({ ...CANCELLED, payments: ["refunded"] });
    expect(refundsAtAggregator(chargeId)).to.deep.equal([`${PRICE} succeeded`]);
    expect(await fixture.servers[0].caretaker.step()).to.equal(0);
  });

  it("go back when they come after the order's time", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.pass(15 * 60 + 1);
    expect(await fixture.cancelUnpaid()).to.equal(1);
    fixture.simulator.deliveries.misbehave({ delayMs: 50 });
    fixture.simulator.pay(chargeId, { afterExpiry: true });
    await told(fixture, 1);
    await fixture.servers[1].caretaker.step();
    await told(fixture, 2);
    expect(await fixture.standing(orderId)).to.deep.equal({ ...CANCELLED, payments: ["refunded"] });
    expect(await fixture.outcomes(orderId)).to.have.members(["too-late", "refunded"]);
  });

  it("go back once, although who has sent them back dies before it is written down, and several look after it", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    await fixture.send(`/v1/orders/${orderId}/cancel`);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    // Nobody tells of the refund, so that only the aggregator's own list knows of it.
    fixture.simulator.deliveries.misbehave({ hold: true });
    const [{ adapter, application, payments }, second] = fixture.servers;
    const refunded = Promise.withResolvers<void>();
    const dying = createCaretaker({
      ...{ application, payments, logger: silent, now: () => fixture.servers[0].app.clock.now * 1000 },
      adapters: [
        {
          ...adapter,
          async refund(request) {
            await adapter.refund(request);
            refunded.resolve();
            return await new Promise<never>(() => {});
          },
        },
      ],
    });
    void dying.step();
    await refunded.promise;
    expect(fixture.simulator.refundRequests()).to.equal(1);
    expect(await second.caretaker.step(), "while it may still be under way").to.equal(0);
    fixture.pass(61);
    await Promise.all([...fixture.servers, ...fixture.servers].map(({ caretaker }) => caretaker.step()));
    expect(fixture.simulator.refundRequests()).to.equal(1);
    expect(refundsAtAggregator(chargeId)).to.deep.equal([`${PRICE} succeeded`]);
    expect(await fixture.standing(orderId)).to.deep.equal({ ...CANCELLED, payments: ["refunded"] });
    fixture.simulator.deliveries.release();
    await told(fixture, 2);
    expect(lastAttempt()).to.include({ type: "refund.succeeded", status: 200 });
    expect(await fixture.standing(orderId)).to.deep.equal({ ...CANCELLED, payments: ["refunded"] });
  });

  it("go back although the aggregator cannot be reached, is in trouble, and does not get its answer through", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    await fixture.send(`/v1/orders/${orderId}/cancel`);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    fixture.simulator.deliveries.misbehave({ hold: true });
    const { caretaker, app } = fixture.servers[0];
    fixture.simulator.failNext("break-before");
    expect(await caretaker.step()).to.equal(1);
    expect(await caretaker.step(), "before its pause is over").to.equal(0);
    fixture.pass(3);
    fixture.simulator.failNext({ status: 502 });
    expect(await caretaker.step()).to.equal(1);
    expect(fixture.simulator.refundRequests()).to.equal(0);
    fixture.pass(600);
    // First it is asked what was refunded, then to refund.
    fixture.simulator.failNext("answer");
    fixture.simulator.failNext("break-after");
    expect(await caretaker.step()).to.equal(1);
    expect(fixture.simulator.refundRequests()).to.equal(1);
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunding"]);
    fixture.pass(600);
    expect(await caretaker.step()).to.equal(1);
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunded"]);
    expect(fixture.simulator.refundRequests()).to.equal(1);
    expect(app.log.filter(({ msg }) => msg === "a refund could not be sent yet")).to.have.length(3);
  });

  it("go back when the order was paid by an earlier payment of it", async () => {
    const orderId = await fixture.order();
    const first = await fixture.pay(orderId);
    fixture.simulator.deliveries.misbehave({ hold: true });
    // The first one's time is over before the order's; its payer was faster than its end, the news of it are not.
    fixture.simulator.pay(first.chargeId);
    await fixture.database.payment.update({ where: { id: first.id }, data: { expiresAt: 0 } });
    const second = await fixture.pay(orderId);
    expect(second.chargeId).not.to.equal(first.chargeId);
    fixture.simulator.pay(second.chargeId);
    await told(fixture, 1);
    expect(await fixture.standing(orderId)).to.deep.include(RELEASED);
    fixture.simulator.deliveries.release();
    await told(fixture, 2);
    await fixture.servers[0].caretaker.step();
    await told(fixture, 3);
    const { payments, ...order } = await fixture.standing(orderId);
    expect(order).to.deep.equal(RELEASED);
    expect(payments).to.have.members(["refunded", "paid"]);
    expect(refundsAtAggregator(first.chargeId)).to.deep.equal([`${PRICE} succeeded`]);
    expect(refundsAtAggregator(second.chargeId)).to.deep.equal([]);
  });

  it("pay for one order once, although both of its payments come in at two servers at the same time", async () => {
    for (let round = 0; round < 5; round++) {
      const orderId = await fixture.order();
      const payments = [await fixture.pay(orderId)];
      await fixture.database.payment.update({ where: { id: payments[0]?.id ?? "" }, data: { expiresAt: 0 } });
      payments.push(await fixture.pay(orderId));
      const settlements = await Promise.all(
        payments.map(({ id, chargeId }, index) => {
          const { payments, adapter } = fixture.servers[index] ?? fixture.servers[0];
          return payments.take(adapter, {
            ...{ kind: "paid", eventId: `evt_${id}`, paymentId: chargeId, reference: id },
            ...{ amount: PRICE, currency: "CNY" },
          });
        }),
      );
      expect(settlements.map(({ outcome }) => outcome)).to.have.members(["released", "paid-twice"]);
      const standing = await fixture.standing(orderId);
      expect(standing.payments).to.have.members(["paid", "refunding"]);
    }
  });

  it("release nothing when news of the payment come after those of its refund", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.deliveries.misbehave({ hold: true });
    fixture.simulator.deliveries.misbehave({ hold: true });
    fixture.simulator.pay(chargeId);
    fixture.simulator.refund(chargeId);
    await sleep(20);
    fixture.simulator.deliveries.release("last-first");
    await told(fixture, 2);
    const types = fixture.simulator.deliveries.attempts.map(({ type }) => type);
    // Both are on their way at once; whichever is first, the money is gone.
    expect(types).to.have.members(["refund.succeeded", "charge.succeeded"]);
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunded"]);
  });

  it("release nothing for what was refunded before, told one after the other", async () => {
    const orderId = await fixture.order();
    const { id, chargeId } = await fixture.pay(orderId);
    const { payments, adapter } = fixture.servers[0];
    const about = { paymentId: chargeId, reference: id, amount: PRICE };
    const refunded = await payments.take(adapter, {
      ...{ ...about, kind: "refunded", eventId: "evt_1", refundId: undefined, externalRefundId: "re_1" },
    });
    expect(refunded.outcome).to.equal("refunded");
    const paid = await payments.take(adapter, { ...about, kind: "paid", eventId: "evt_2", currency: "CNY" });
    expect(paid.outcome).to.equal("known");
    expect(await fixture.standing(orderId)).to.deep.equal({ ...HELD, payments: ["refunded"] });
    // And somebody can pay once more.
    const next = await fixture.pay(orderId);
    fixture.simulator.pay(next.chargeId);
    await told(fixture, 1);
    expect(await fixture.standing(orderId)).to.deep.include(RELEASED);
  });

  it("are found when nobody tells of them, before the order's time is over", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.deliveries.misbehave({ hold: true });
    fixture.simulator.pay(chargeId);
    expect(await fixture.servers[0].caretaker.step()).to.equal(0);
    fixture.pass(13 * 60 + 10);
    expect(await fixture.cancelUnpaid()).to.equal(0);
    fixture.simulator.failNext("break-before");
    await fixture.servers[0].caretaker.step();
    fixture.pass(61);
    await fixture.servers[0].caretaker.step();
    expect(await fixture.standing(orderId)).to.deep.equal({ ...RELEASED, payments: ["paid"] });
    fixture.simulator.deliveries.release();
    await told(fixture, 1);
    expect(lastAttempt()).to.include({ status: 200 });
    expect(await fixture.standing(orderId)).to.deep.equal({ ...RELEASED, payments: ["paid"] });
  });

  it("are closed when they were not made in time", async () => {
    const orderId = await fixture.order();
    await fixture.pay(orderId);
    fixture.pass(13 * 60 + 10);
    expect(await fixture.servers[0].caretaker.step()).to.equal(1);
    expect(await fixture.standing(orderId)).to.deep.equal({ ...HELD, payments: ["closed"] });
    const late = await fixture.send(`/v1/orders/${orderId}/payment`);
    expect(late.status).to.equal(200);
    fixture.pass(60);
    expect(await fixture.servers[0].caretaker.step()).to.equal(0);
    fixture.pass(61);
    expect(await fixture.cancelUnpaid()).to.equal(1);
    expect((await fixture.send(`/v1/orders/${orderId}/payment`)).status).to.equal(409);
  });

  it("are opened again after the aggregator has not answered, and the one that got lost still counts", async () => {
    const orderId = await fixture.order();
    fixture.simulator.failNext("break-after");
    const failed = await fixture.send(`/v1/orders/${orderId}/payment`);
    expect(failed.status).to.equal(503);
    expect(failed.headers.get("retry-after")).to.equal("5");
    expect(((await failed.json()) as { type: string }).type).to.equal("/problems/payment-provider-unavailable");
    const lost = fixture.simulator.charges.list()[0] ?? expect.fail("there is no charge");
    const { chargeId } = await fixture.pay(orderId);
    expect(chargeId).not.to.equal(lost.id);
    fixture.simulator.pay(lost.id);
    await told(fixture, 1);
    expect(await fixture.standing(orderId)).to.deep.include(RELEASED);
  });

  it("are made again when who was making one has died over it", async () => {
    const orderId = await fixture.order();
    await fixture.database.payment.create({
      data: {
        ...{ id: "DIED0000000000000000", adapter: "pingpp", orderId, brandId: 1, state: "creating", openFor: orderId },
        ...{
          amount: PRICE,
          currency: "CNY",
          expiresAt: 0,
          lookAt: 0,
          createdAt: fixture.servers[0].app.clock.now * 1000,
          updatedAt: 0,
        },
      },
    });
    const meanwhile = await fixture.send(`/v1/orders/${orderId}/payment`);
    expect(meanwhile.status).to.equal(409);
    expect(meanwhile.headers.get("retry-after")).to.equal("1");
    fixture.pass(61);
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    expect(await fixture.standing(orderId)).to.deep.include(RELEASED);
  });

  it("are made again when who was making one has died over it, with a clock that was ahead", async () => {
    const orderId = await fixture.order();
    const { now } = fixture.servers[0].app.clock;
    await fixture.database.payment.create({
      data: {
        ...{ id: "DIED0000000000000000", adapter: "pingpp", orderId, brandId: 1, state: "creating", openFor: orderId },
        ...{ amount: PRICE, currency: "CNY", expiresAt: 0, lookAt: 0, updatedAt: 0 },
        createdAt: (now + TWO_DAYS) * 1000,
      },
    });
    await fixture.pay(orderId);
  });

  it("go back at once although the clock was two days ahead when that was wanted, and when it failed", async () => {
    const { caretaker } = fixture.servers[0];
    await caretaker.step();
    fixture.setClock(TWO_DAYS);
    const wanted: string[] = [];
    for (let count = 0; count < 2; count++) {
      const orderId = await fixture.order();
      const { chargeId } = await fixture.pay(orderId);
      await fixture.send(`/v1/orders/${orderId}/cancel`);
      fixture.simulator.pay(chargeId);
      await until(async () => (await fixture.standing(orderId)).payments[0] === "refunding");
      wanted.push(orderId);
      if (count > 0) break;
      fixture.simulator.failNext("break-before");
      expect(await caretaker.step()).to.equal(1);
    }
    fixture.setClock(-TWO_DAYS);
    expect(await caretaker.step()).to.equal(2);
    expect(fixture.simulator.refundRequests()).to.equal(2);
    for (const orderId of wanted) await until(async () => (await fixture.standing(orderId)).payments[0] === "refunded");
    // What waits as it should is left alone.
    expect(await caretaker.step()).to.equal(0);
  });

  it("are asked about again although the clock was two days ahead when nobody could say", async () => {
    const { caretaker } = fixture.servers[0];
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.deliveries.misbehave({ hold: true });
    fixture.simulator.pay(chargeId);
    fixture.setClock(TWO_DAYS);
    fixture.simulator.failNext("break-before");
    expect(await caretaker.step()).to.equal(1);
    fixture.setClock(-TWO_DAYS);
    expect(await caretaker.step()).to.equal(1);
    expect(await fixture.standing(orderId)).to.deep.include(RELEASED);
  });

  it("go back with an order's refund, once, even where both servers are asked", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    const wanted = await Promise.all(
      fixture.servers.map(({ payments, application }) =>
        inTransaction(application, (transaction) =>
          payments.refund(transaction, orderId, { reason: "returned", now: 0 }),
        ),
      ),
    );
    expect(wanted).to.have.members(["wanted", "nothing"]);
    const seenTo = await Promise.all(fixture.servers.map(({ caretaker }) => caretaker.step()));
    expect(seenTo).to.have.members([1, 0]);
    await told(fixture, 2);
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunded"]);
    expect(refundsAtAggregator(chargeId)).to.deep.equal([`${PRICE} succeeded`]);
  });

  it("go back with an order that is cancelled after it was paid", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    for (const time of ["once", "twice"])
      expect((await fixture.send(`/v1/orders/${orderId}/cancel`)).status, time).to.equal(200);
    expect(await fixture.standing(orderId)).to.deep.equal({ ...CANCELLED, payments: ["refunding"] });
    await fixture.servers[0].caretaker.step();
    await told(fixture, 2);
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunded"]);
    expect(refundsAtAggregator(chargeId)).to.deep.equal([`${PRICE} succeeded`]);
  });

  it("go back as far as they have not, where a person has sent some of it back", async () => {
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    fixture.simulator.refund(chargeId, 2_800);
    await told(fixture, 2);
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["paid"]);
    const { payments, application, caretaker } = fixture.servers[0];
    await inTransaction(application, (transaction) =>
      payments.refund(transaction, orderId, { reason: "returned", now: 0 }),
    );
    await caretaker.step();
    await told(fixture, 3);
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunded"]);
    expect(refundsAtAggregator(chargeId)).to.deep.equal(["2800 succeeded", "10000 succeeded"]);
  });

  it("leave a refund that the aggregator does not make to a person, and are settled when they have seen to it", async () => {
    await fixture.close();
    fixture = await createPaymentFixture(kind, { refunds: "fail" });
    const orderId = await fixture.order();
    const { chargeId } = await fixture.pay(orderId);
    await fixture.send(`/v1/orders/${orderId}/cancel`);
    fixture.simulator.pay(chargeId);
    await told(fixture, 1);
    await fixture.servers[0].caretaker.step();
    await sleep(20);
    // It was pending at first; nobody tells that it has failed.
    fixture.pass(3_601);
    await fixture.servers[0].caretaker.step();
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunding"]);
    expect(errorsLogged().map(({ msg }) => msg)).to.deep.equal(["a refund has failed: see to it"]);
    const { payments, adapter } = fixture.servers[0];
    const { order_no: reference } = fixture.simulator.charges.find(chargeId);
    await payments.take(adapter, {
      ...{ kind: "refunded", eventId: "evt_person", paymentId: chargeId, reference, amount: PRICE },
      ...{ refundId: undefined, externalRefundId: "re_byAPerson" },
    });
    expect((await fixture.standing(orderId)).payments).to.deep.equal(["refunded"]);
  });

  it("are for who may act for the brand, and for nobody else's orders", async () => {
    const orderId = await fixture.order();
    const path = `/v1/orders/${orderId}/payment`;
    expect((await fetch(`${fixture.servers[0].app.url}${path}`, { method: "POST" })).status).to.equal(401);
    expect((await fixture.send(path, { role: "auditor" })).status).to.equal(403);
    expect((await fixture.send(path, { role: "owner", brandId: 2 })).status).to.equal(404);
    expect((await fixture.send("/v1/orders/ord_019a9a4e-5b1c-7d30-9f64-5d2f2b8f6c11/payment")).status).to.equal(404);
    expect((await fixture.send("/v1/orders/7/payment")).status).to.equal(400);
    expect(fixture.simulator.charges.list()).to.have.length(0);
    for (const role of ["staff", "manager", "owner"] as const)
      expect((await fixture.send(path, { role })).status, role).to.equal(200);
    expect(fixture.simulator.charges.list()).to.have.length(1);
  });

  it("are answered as the API's document says", async () => {
    const document = (await (await fetch(`${fixture.servers[0].app.url}/openapi.json`)).json()) as {
      paths: Record<string, { post?: { responses: Record<string, object> } }>;
    };
    const documented = (path: string) => Object.keys(document.paths[path]?.post?.responses ?? {}).map(Number);
    expect(documented("/v1/orders/{order}/payment")).to.have.members([200, 400, 401, 403, 404, 409, 429, 500, 503]);
    expect(documented("/v1/payments/{provider}/callback")).to.include.members([200, 400, 404, 413, 500, 503]);
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(document, "document");
    const schema = [
      "paths",
      "/v1/orders/{order}/payment",
      "post",
      "responses",
      "200",
      "content",
      "application/json",
      "schema",
    ];
    const pointer = schema
      .map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")))
      .join("/");
    const validate = ajv.compile({ $ref: `document#/${pointer}` });
    const answer = (await (await fixture.send(`/v1/orders/${await fixture.order()}/payment`)).json()) as {
      data: object;
    };
    expect(validate(answer), ajv.errorsText(validate.errors)).to.equal(true);
    expect(answer.data).to.include({ amount: PRICE, currency: "CNY", provider: "pingpp" });
    expect(validate({ data: { ...answer.data, amount: "12800" } })).to.equal(false);
  });

  it("are refused for what cannot be paid this way", async () => {
    for (const [options, says] of [
      [{ currency: "USD" }, /Payments are in CNY/],
      [{ amount: 0 }, /nothing to pay/],
    ] as const) {
      const orderId = await fixture.order(options);
      const answer = await fixture.send(`/v1/orders/${orderId}/payment`);
      expect(answer.status).to.equal(409);
      expect(((await answer.json()) as { detail: string }).detail).to.match(says);
    }
    expect(fixture.simulator.charges.list()).to.have.length(0);
  });

  it("take callbacks for what they are: from known providers, not too large, signed, and as many as come", async () => {
    await fixture.close();
    fixture = await createPaymentFixture(kind, { rateLimitPerMinute: 3 });
    const { url } = fixture.servers[0].app;
    const post = (provider: string, body: string) =>
      fetch(`${url}/v1/payments/${provider}/callback`, { method: "POST", body });
    expect((await post("nobody", "{}")).status).to.equal(404);
    expect((await post("pingpp", "x".repeat(300_000))).status).to.equal(413);
    for (let count = 0; count < 10; count++) expect((await post("pingpp", "{}")).status).to.equal(400);
    expect((await fetch(`${url}/v1/payments/pingpp/callback`)).status).to.equal(405);
  });
});
