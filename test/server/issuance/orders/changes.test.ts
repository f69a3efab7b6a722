import { expect } from "chai";
import type { Database } from "../../../../server/database/client.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import {
  addCommands,
  cancelOrder,
  cancelUnpaid,
  giveCard,
  OrderConflictError,
  refundOrder,
  releaseOrder,
} from "../../../../server/issuance/orders/changes.ts";
import { ORDER_STATES, type OrderState } from "../../../../server/issuance/orders/order.ts";
import { placeOrders } from "../../../../server/issuance/orders/placing.ts";
import { settleOrders } from "../../../../server/issuance/orders/standing.ts";
import { createBook } from "../../../../server/issuance/sending/book.ts";
import { describeOnEachDatabase, describeOnPostgresql, postgresql } from "../../../support/databases.ts";
import { addressOf } from "../../../support/mirror-fixture.ts";
import { ATELIER, answerOf, createOrderBook, NOW_MS, type OrderBook, orderOf } from "./support.ts";

const SIGNER = addressOf("signer");
const FRIEND = addressOf("friend");
const LATER = NOW_MS + 60_000;

/** An order of two cards, 4 and 5, in a state; if it has failed, 4 is issued and 5 is not. Returns its id. */
async function orderIn(book: OrderBook, state: OrderState, options: { free?: boolean } = {}): Promise<string> {
  const { application } = book;
  const payment = state === "accepted" ? { name: "simulator", before: NOW_MS + 1_000 } : undefined;
  const item = { collection: ATELIER, quantity: 1, maxSupply: 100 };
  const order = orderOf({
    reference: "buyer",
    payment,
    ...(options.free ? { free: true } : { items: [item, item] }),
  });
  const [placement] = await inTransaction(application, (transaction) =>
    placeOrders(transaction, [order], { now: NOW_MS, answerOf }),
  );
  if (placement?.kind !== "placed") throw new Error("It was not placed");
  const { orderId } = placement;
  const refund = { reason: "refund", now: NOW_MS };
  const command = async (data: object, serials = [4, 5]) => {
    await application.command.updateMany({ where: { orderId, serial: { in: serials } }, data });
  };
  const issue = async (serials: number[]) => {
    const [first = 0] = serials;
    const holderOf = () => addressOf("customer buyer");
    await book.issue({ collection: ATELIER, firstSerial: first, count: serials.length, holderOf });
    await command({ state: "done" }, serials);
  };
  switch (state) {
    case "accepted":
    case "queued":
      break;
    case "sent":
      await command({ state: "sent", signer: SIGNER, nonce: 7 });
      break;
    case "issued":
      await issue([4, 5]);
      break;
    case "failed":
      await issue([4]);
      await command({ state: "failed", claimedSerial: null, failure: "erc721-invalid-receiver" }, [5]);
      break;
    case "cancelled":
      await inTransaction(application, (transaction) => cancelOrder(transaction, orderId, NOW_MS));
      break;
    case "refunding":
    case "refunded":
      await issue([4, 5]);
      await inTransaction(application, (transaction) => settleOrders(transaction, [orderId], NOW_MS));
      await inTransaction(application, (transaction) => refundOrder(transaction, orderId, refund));
      if (state === "refunded") {
        await application.command.updateMany({ where: { orderId, kind: "revoke" }, data: { state: "done" } });
        await book.database.card.updateMany({ where: { serial: { in: [4, 5] } }, data: { status: "Revoked" } });
      }
  }
  await inTransaction(application, (transaction) => settleOrders(transaction, [orderId], NOW_MS));
  expect(await stateOf(book, orderId)).to.equal(state);
  return orderId;
}

async function stateOf(book: OrderBook, id: string): Promise<string> {
  return (await book.database.order.findUniqueOrThrow({ where: { id } })).state;
}

/** The order's commands, as `kind serial state`. */
async function commandsOf(book: OrderBook, orderId: string): Promise<string[]> {
  const commands = await book.database.command.findMany({ where: { orderId }, orderBy: { id: "asc" } });
  return commands.map(({ kind, serial, state }) => `${kind} ${serial} ${state}`);
}

async function freed(book: OrderBook): Promise<number[]> {
  return (await book.database.freedSerial.findMany({ orderBy: { serial: "asc" } })).map(({ serial }) => serial);
}

/** What an act answers: what it returns, or the sentence of its refusal. */
async function outcomeOf(act: Promise<unknown>): Promise<string> {
  try {
    return String((await act) ?? "done");
  } catch (error) {
    if (error instanceof OrderConflictError) return `conflict: ${error.message}`;
    throw error;
  }
}

const ACTS = {
  release: (database: Database, id: string) =>
    inTransaction(database, (transaction) => releaseOrder(transaction, id, LATER)),
  cancel: (database: Database, id: string) =>
    inTransaction(database, (transaction) => cancelOrder(transaction, id, LATER)),
  refund: (database: Database, id: string) =>
    inTransaction(database, (transaction) => refundOrder(transaction, id, { reason: "refund", now: LATER })),
  gift: (database: Database, id: string) =>
    inTransaction(database, (transaction) =>
      giveCard(transaction, id, { collection: ATELIER, serial: 4, holder: FRIEND, now: LATER }),
    ),
};

/** What each act answers, and the state that the order is in then; the state itself if nothing has changed. */
const EXPECTED: Record<keyof typeof ACTS, Record<OrderState, [outcome: string, state?: OrderState]>> = {
  release: {
    accepted: ["released", "queued"],
    queued: ["released"],
    sent: ["released"],
    issued: ["released"],
    failed: ["released"],
    cancelled: ["too-late"],
    refunding: ["released"],
    refunded: ["released"],
  },
  cancel: {
    accepted: ["done", "cancelled"],
    queued: ["done", "cancelled"],
    sent: ["conflict: The order is sent"],
    issued: ["conflict: The order is issued"],
    failed: ["conflict: The order is failed"],
    cancelled: ["done"],
    refunding: ["conflict: The order is refunding"],
    refunded: ["conflict: The order is refunded"],
  },
  refund: {
    accepted: ["conflict: The order is accepted. Cancel it instead"],
    queued: ["conflict: The order is queued. Cancel it instead"],
    sent: ["conflict: The order is sent."],
    issued: ["done", "refunding"],
    failed: ["done", "refunding"],
    cancelled: ["conflict: The order was cancelled"],
    refunding: ["done"],
    refunded: ["done"],
  },
  gift: {
    accepted: ["done"],
    queued: ["done"],
    sent: ["conflict: The card is sent"],
    issued: ["done"],
    failed: ["done"],
    cancelled: ["conflict: The card is cancelled"],
    refunding: ["conflict: Something else is under way"],
    refunded: ["conflict: Only an active card can be given away; this one is Revoked"],
  },
};

describeOnEachDatabase("what becomes of an order", (kind) => {
  let book: OrderBook;
  beforeEach(async () => {
    book = await createOrderBook(kind);
  });
  afterEach(() => book.close());

  for (const act of Object.keys(ACTS) as (keyof typeof ACTS)[]) {
    for (const state of ORDER_STATES) {
      const [outcome, after = state] = EXPECTED[act][state];
      it(`${state}, ${act}: ${outcome}${after === state ? "" : `, ${after}`}`, async () => {
        const id = await orderIn(book, state);
        const before = await commandsOf(book, id);
        expect(await outcomeOf(ACTS[act](book.application, id))).to.match(new RegExp(`^${outcome}`));
        expect(await stateOf(book, id)).to.equal(after);
        const once = await commandsOf(book, id);
        if (outcome.startsWith("conflict") || outcome === "too-late") expect(once).to.deep.equal(before);
        // Twice is as once; only a gift is another one then, and refused while the first is under way.
        const again = await outcomeOf(ACTS[act](book.application, id));
        if (act !== "gift") expect(again).to.match(new RegExp(`^${outcome}`));
        expect(await stateOf(book, id)).to.equal(after);
        expect(await commandsOf(book, id)).to.deep.equal(once);
      });
    }
  }

  it("nothing, if there is no such order", async () => {
    const id = "ord_00000000-0000-7000-8000-000000000000";
    expect(await outcomeOf(ACTS.release(book.application, id))).to.equal("unknown");
    for (const act of ["cancel", "refund", "gift"] as const)
      expect(await outcomeOf(ACTS[act](book.application, id))).to.equal("done");
    expect(await book.database.command.count()).to.equal(0);
  });

  describe("when it is released", () => {
    it("it may be sent from then on", async () => {
      const id = await orderIn(book, "accepted");
      await ACTS.release(book.application, id);
      const commands = await book.database.command.findMany({ where: { orderId: id } });
      for (const { state, notBefore } of commands)
        expect({ state, notBefore }).to.deep.equal({ state: "queued", notBefore: BigInt(LATER) });
    });
  });

  describe("when it is cancelled", () => {
    it("its serials and the customer's free card are free again", async () => {
      const id = await orderIn(book, "queued");
      await ACTS.cancel(book.application, id);
      expect(await freed(book)).to.deep.equal([4, 5]);
      expect(await book.database.command.count({ where: { claimedSerial: { not: null } } })).to.equal(0);
      const order = orderOf({ reference: "free", free: true });
      const place = async (key: string) => {
        const [placement] = await inTransaction(book.application, (transaction) =>
          placeOrders(transaction, [{ ...order, idempotencyKey: key }], { now: NOW_MS, answerOf }),
        );
        return placement;
      };
      const placement = await place("first");
      if (placement?.kind !== "placed") throw new Error("It was not placed");
      expect((await place("second"))?.kind).to.equal("already-taken");
      await ACTS.cancel(book.application, placement.orderId);
      expect((await place("third"))?.kind).to.equal("placed");
    });

    it("nothing changes if one of its cards is sent", async () => {
      const id = await orderIn(book, "queued");
      await book.application.command.updateMany({ where: { serial: 5 }, data: { state: "sent" } });
      expect(await outcomeOf(ACTS.cancel(book.application, id))).to.match(/^conflict/);
      expect(await commandsOf(book, id)).to.deep.equal(["issue 4 queued", "issue 5 sent"]);
      expect(await freed(book)).to.deep.equal([]);
    });
  });

  describe("when it is not paid", () => {
    it("it is cancelled after its time, and not before", async () => {
      const id = await orderIn(book, "accepted");
      const cancel = (now: number) =>
        inTransaction(book.application, (transaction) => cancelUnpaid(transaction, now, 10));
      expect(await cancel(NOW_MS + 1_000)).to.equal(0);
      expect(await cancel(NOW_MS + 1_001)).to.equal(1);
      expect(await stateOf(book, id)).to.equal("cancelled");
      expect(await freed(book)).to.deep.equal([4, 5]);
      expect(await cancel(NOW_MS + 1_002)).to.equal(0);
      expect(await outcomeOf(ACTS.release(book.application, id))).to.equal("too-late");
    });

    it("it stays if it was released", async () => {
      const id = await orderIn(book, "accepted");
      await ACTS.release(book.application, id);
      expect(await inTransaction(book.application, (transaction) => cancelUnpaid(transaction, LATER, 10))).to.equal(0);
      expect(await stateOf(book, id)).to.equal("queued");
    });
  });

  describe("when it is refunded", () => {
    it("the cards that are alive are revoked, with the reason", async () => {
      const id = await orderIn(book, "issued");
      await book.database.card.updateMany({ where: { serial: 5 }, data: { status: "Surrendered" } });
      await inTransaction(book.application, (transaction) =>
        refundOrder(transaction, id, { reason: "returned", now: LATER }),
      );
      expect(await commandsOf(book, id)).to.deep.equal(["issue 4 done", "issue 5 done", "revoke 4 queued"]);
      const revoke = await book.database.command.findFirstOrThrow({ where: { kind: "revoke" } });
      expect(
        Buffer.from((revoke.reason ?? "").slice(2), "hex")
          .toString()
          .replaceAll("\0", ""),
      ).to.equal("returned");
    });

    it("it says so if none of them is alive", async () => {
      const id = await orderIn(book, "issued");
      await book.database.card.updateMany({ where: { serial: { in: [4, 5] } }, data: { status: "Surrendered" } });
      expect(await outcomeOf(ACTS.refund(book.application, id))).to.match(
        /^conflict: None of the order's cards is alive/,
      );
    });

    it("it says so if the issuer may not burn cards of the collection", async () => {
      const id = await orderIn(book, "issued");
      await book.database.collection.updateMany({ where: { address: ATELIER }, data: { burnAuth: "OwnerOnly" } });
      expect(await outcomeOf(ACTS.refund(book.application, id))).to.match(/^conflict: The collection does not let/);
    });

    it("it can be tried again after a revocation has failed", async () => {
      const id = await orderIn(book, "refunding");
      await book.application.command.updateMany({ where: { kind: "revoke", serial: 5 }, data: { state: "failed" } });
      await book.application.command.updateMany({ where: { kind: "revoke", serial: 4 }, data: { state: "done" } });
      await book.database.card.updateMany({ where: { serial: 4 }, data: { status: "Revoked" } });
      await inTransaction(book.application, (transaction) => settleOrders(transaction, [id], LATER));
      expect(await stateOf(book, id)).to.equal("issued");
      expect(await outcomeOf(ACTS.refund(book.application, id))).to.equal("done");
      expect((await commandsOf(book, id)).slice(-1)).to.deep.equal(["revoke 5 queued"]);
      expect(await stateOf(book, id)).to.equal("refunding");
    });

    it("a gift that waits for its delay is not carried out any more", async () => {
      const id = await orderIn(book, "issued");
      const gift = { brandId: 1, collectionAddress: ATELIER, serial: 4, orderId: id, holder: null, reason: "gift" };
      await inTransaction(book.application, (transaction) =>
        addCommands(transaction, [{ ...gift, kind: "execute-reissue", notBefore: LATER + 86_400_000, now: NOW_MS }]),
      );
      await ACTS.refund(book.application, id);
      expect((await commandsOf(book, id)).slice(2)).to.deep.equal([
        "execute-reissue 4 cancelled",
        "revoke 4 queued",
        "revoke 5 queued",
      ]);
    });
  });

  describe("when a card of it is given away", () => {
    const holderOf = async (serial: number) =>
      (await book.database.command.findFirstOrThrow({ where: { serial, kind: "issue" } })).holder;

    it("before it is sent, it is issued to the other one", async () => {
      const id = await orderIn(book, "queued");
      await ACTS.gift(book.application, id);
      expect(await holderOf(4)).to.equal(FRIEND);
      expect(await holderOf(5)).to.equal(addressOf("customer buyer"));
      expect(await commandsOf(book, id)).to.deep.equal(["issue 4 queued", "issue 5 queued"]);
    });

    it("afterwards it is reissued, once", async () => {
      const id = await orderIn(book, "issued");
      await ACTS.gift(book.application, id);
      expect((await commandsOf(book, id)).slice(2)).to.deep.equal(["request-reissue 4 queued"]);
      const request = await book.database.command.findFirstOrThrow({ where: { kind: "request-reissue" } });
      expect(request).to.include({ holder: FRIEND, claimedSerial: null });
      expect(await outcomeOf(ACTS.gift(book.application, id))).to.match(/^conflict: Something else is under way/);
      expect(await stateOf(book, id)).to.equal("issued");
    });

    const refusals: [string, () => Promise<unknown>, RegExp, { serial?: number; holder?: string }?][] = [
      [
        "is suspended",
        () => book.database.card.updateMany({ where: { serial: 4 }, data: { status: "Suspended" } }),
        /Only an active card .* Suspended/,
      ],
      ["is theirs already", async () => {}, /holds this card already/, { holder: addressOf("customer buyer") }],
      ["is not of the order", async () => {}, /no card 6/, { serial: 6 }],
      [
        "was used",
        () =>
          book.database.redemption.create({
            data: {
              ...{
                collectionAddress: ATELIER,
                serial: 4,
                benefitId: 1,
                number: 1,
                staff: FRIEND,
                periodStart: 0,
                used: 1,
              },
              ...{ blockNumber: 20, logIndex: 0, transactionHash: "0x00" },
            },
          }),
        /was used already/,
      ],
    ];
    for (const [title, given, sentence, wish = {}] of refusals) {
      it(`not if it ${title}`, async () => {
        const id = await orderIn(book, "issued");
        await given();
        const gift = { collection: ATELIER, serial: 4, holder: FRIEND, now: LATER, ...wish };
        const outcome = await outcomeOf(
          inTransaction(book.application, (transaction) => giveCard(transaction, id, gift)),
        );
        expect(outcome)
          .to.match(/^conflict: /)
          .and.match(sentence);
        expect(await commandsOf(book, id)).to.deep.equal(["issue 4 done", "issue 5 done"]);
      });
    }

    it("the card that has the serial is meant, not one that has left it", async () => {
      const id = await orderIn(book, "failed");
      // Card 4 has taken over serial 5, which was free again.
      await book.application.command.updateMany({ where: { serial: 4 }, data: { serial: 99 } });
      await book.application.command.updateMany({ where: { serial: 5 }, data: { serial: 4 } });
      await book.application.command.updateMany({ where: { serial: 99 }, data: { serial: 4 } });
      expect(await outcomeOf(ACTS.gift(book.application, id))).to.equal("done");
    });
  });

  describe("at the moment in which it is sent", () => {
    async function planning(id: string) {
      const sender = createBook({ application: await book.connect(), now: () => LATER });
      await sender.openSigner(SIGNER, 1, 0);
      const commands = await sender.waiting(1, { suspect: false, limit: 10 });
      const send = { signer: SIGNER, brandId: 1, to: ATELIER, gas: 1, data: "0x", commands };
      return { plan: () => sender.plan([send], 1), id };
    }

    it("it is either cancelled or sent, never both", async () => {
      for (const [planAfter, cancelAfter] of [
        [0, 0],
        [0, 2],
        [2, 0],
        [0, 5],
      ]) {
        const id = await orderIn(book, "queued");
        const { plan } = await planning(id);
        const [planned, cancelled] = await Promise.all([
          wait(planAfter).then(plan),
          wait(cancelAfter).then(() => outcomeOf(ACTS.cancel(book.application, id))),
        ]);
        expect(`${planned} ${cancelled}`).to.match(
          /^(1 conflict: The order is \w+: its cards are on their way.*|0 done)$/,
        );
        expect(await stateOf(book, id)).to.equal(planned === 1 ? "sent" : "cancelled");
        expect(await book.database.chainTransaction.count()).to.equal(planned);
        // The nonce of what was not sent was taken back.
        expect((await book.database.signer.findFirstOrThrow()).nextNonce).to.equal(planned);
        expect(await freed(book)).to.deep.equal(planned === 1 ? [] : [4, 5]);
        for (const table of ["command", "chainTransaction", "signer", "freedSerial", "edition", "order"] as const)
          await (book.application[table] as { deleteMany(): Promise<unknown> }).deleteMany();
      }
    });

    it("it is not sent to its first customer after it was given away", async () => {
      const id = await orderIn(book, "queued");
      const { plan } = await planning(id);
      // The sender has read what waits, and has made a transaction of it.
      expect(await outcomeOf(ACTS.gift(book.application, id))).to.equal("done");
      expect(await plan()).to.equal(0);
      expect(await commandsOf(book, id)).to.deep.equal(["issue 4 queued", "issue 5 queued"]);
      const { plan: planAgain } = await planning(id);
      expect(await planAgain()).to.equal(1);
      expect(await outcomeOf(ACTS.gift(book.application, id))).to.match(/^conflict: The card is sent/);
    });
  });
});

const wait = (ms = 0) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describeOnPostgresql("what becomes of an order, on PostgreSQL", () => {
  it("that is paid in the moment in which its time is over: it is sent and not cancelled", async () => {
    const book = await createOrderBook(postgresql);
    try {
      const id = await orderIn(book, "accepted");
      const other = await book.connect();
      const released = Promise.withResolvers<void>();
      const looked = Promise.withResolvers<void>();
      const paying = inTransaction(other, async (transaction) => {
        expect(await releaseOrder(transaction, id, LATER)).to.equal("released");
        released.resolve();
        await looked.promise;
      });
      await released.promise;
      const cancelling = inTransaction(book.application, (transaction) => cancelUnpaid(transaction, LATER, 10));
      await wait(200);
      looked.resolve();
      await paying;
      expect(await cancelling).to.equal(0);
      expect(await stateOf(book, id)).to.equal("queued");
      expect(await commandsOf(book, id)).to.deep.equal(["issue 4 queued", "issue 5 queued"]);
    } finally {
      await book.close();
    }
  });
});
