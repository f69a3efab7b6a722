import { expect } from "chai";
import { steadyClock } from "../../../../server/clocks.ts";
import type { Database } from "../../../../server/database/client.ts";
import { createOrderDesk, DeskFullError, type OrderDesk } from "../../../../server/issuance/orders/desk.ts";
import type { Placement } from "../../../../server/issuance/orders/order.ts";
import { describeOnEachDatabase, describeOnPostgresql, onPostgresql, postgresql } from "../../../support/databases.ts";
import {
  answerOf,
  claimedSerials,
  createOrderBook,
  FIRST_EDITION,
  NOW_MS,
  type OrderBook,
  orderOf,
  range,
} from "./support.ts";

function serialsOf(placement: unknown): number[] {
  return JSON.parse((placement as { answer: string }).answer).serials;
}

describeOnEachDatabase("the order desk", (kind) => {
  let book: OrderBook;
  let desk: OrderDesk;
  let now: number;
  let queued: number;
  beforeEach(async () => {
    book = await createOrderBook(kind);
    now = NOW_MS;
    queued = 0;
    desk = deskOn(book.application);
  });
  afterEach(() => book.close());

  function deskOn(application: Database): OrderDesk {
    return createOrderDesk({ application, now: () => now, steady: () => now, answerOf, onQueued: () => queued++ });
  }

  it("places orders in the order of their arrival, few transactions for many", async () => {
    const placements = await Promise.all(range(1, 60).map(() => desk.place(orderOf())));
    expect(placements.flatMap(serialsOf)).to.deep.equal(range(4, 63));
    expect(queued).to.be.within(1, 3);
  });

  it("gives the first who come what there is, and tells the others that it is sold out", async () => {
    const placements = await Promise.all(range(1, 300).map(() => desk.place(orderOf())));
    expect(placements.slice(0, 97).flatMap(serialsOf)).to.deep.equal(range(4, 100));
    expect(placements.slice(97).every(({ kind }) => kind === "sold-out")).to.equal(true);
    expect(await claimedSerials(book.database)).to.deep.equal(range(4, 100));
  });

  it("remembers for a quarter of a second that an edition is sold out, but knows who got a card", async () => {
    const order = orderOf({ quantity: 97, idempotencyKey: "all" });
    const placed = await desk.place(order);
    expect((await desk.place(orderOf())).kind).to.equal("sold-out");
    await book.application.command.updateMany({ data: { state: "cancelled", claimedSerial: null } });
    await book.application.freedSerial.create({
      data: { collectionAddress: order.items[0]?.collection ?? "", serial: 4 },
    });
    now += 249;
    expect(await desk.place(orderOf())).to.include({ kind: "sold-out", left: 0 });
    expect(await desk.place(order)).to.deep.equal({ ...placed, kind: "repeated" });
    expect((await desk.place({ ...order, requestHash: "another" })).kind).to.equal("key-reused");
    now += 1;
    expect(serialsOf(await desk.place(orderOf()))).to.deep.equal([4]);
  });

  it("does not take an edition for sold out of which somebody wanted too many", async () => {
    expect(await desk.place(orderOf({ quantity: 98 }))).to.include({ kind: "sold-out", left: 97 });
    expect((await desk.place(orderOf({ quantity: 97 }))).kind).to.equal("placed");
  });

  it("places the others of a group in which one cannot be placed", async () => {
    const poison = orderOf({
      reference: "poison",
      holder() {
        throw new Error("no address");
      },
    });
    const outcomes = await Promise.allSettled([desk.place(orderOf()), desk.place(poison), desk.place(orderOf())]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[1] as PromiseRejectedResult).reason).to.have.property("message", "no address");
    expect(await claimedSerials(book.database)).to.deep.equal([4, 5]);
    expect(await book.database.customer.count({ where: { reference: "poison" } })).to.equal(0);
    // It goes on.
    expect(serialsOf(await desk.place(orderOf()))).to.deep.equal([6]);
  });

  it("does not try again what cannot succeed", async () => {
    let tried = 0;
    const poison = orderOf({
      holder() {
        tried++;
        throw new Error("no address");
      },
    });
    await Promise.allSettled([desk.place(poison), desk.place(orderOf())]);
    // In company, and alone.
    expect(tried).to.equal(2);
  });

  it("places a wish once that comes to two desks at the same time", async () => {
    const other = deskOn(await book.connect());
    const orders = range(1, 20).map((number) => orderOf({ idempotencyKey: `key ${number}` }));
    const [here, there] = await Promise.all(
      [desk, other].map((one) => Promise.all(orders.map((order) => one.place(order)))),
    );
    here?.forEach((placement, index) => {
      const twin = there?.[index];
      expect([placement.kind, twin?.kind].sort()).to.deep.equal(["placed", "repeated"]);
      expect(serialsOf(placement)).to.deep.equal(serialsOf(twin));
    });
    expect(await claimedSerials(book.database)).to.deep.equal(range(4, 23));
  });

  it("says that it is full instead of taking more than it can place soon", async () => {
    const outcomes = await Promise.allSettled(range(1, 10_300).map(() => desk.place(orderOf({ quantity: 98 }))));
    const refused = outcomes.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(refused).to.have.length(300);
    for (const { reason } of refused) expect(reason).to.be.instanceOf(DeskFullError);
    expect((await desk.place(orderOf())).kind).to.equal("placed");
  });
});

describeOnPostgresql("two order desks on PostgreSQL", () => {
  it("answer with the order that the other has just placed by the same wish, though it has left nothing", async () => {
    const book = await createOrderBook(postgresql);
    try {
      const wishes = [
        orderOf({ free: true, reference: "anna" }),
        orderOf({ collection: FIRST_EDITION, quantity: 2, maxSupply: 2 }),
      ];
      for (const wish of wishes) {
        const other = createOrderDesk({
          application: await book.connect(),
          now: () => NOW_MS,
          steady: steadyClock,
          answerOf,
        });
        let placed: Placement | undefined;
        // The other one is faster, right after this one has looked whether the wish is known.
        const overtaken = book.application.$extends({
          query: {
            async $allOperations({ args, query }) {
              const answer = await query(args);
              placed ??= JSON.stringify(args).includes("IdempotentRequest") ? await other.place(wish) : undefined;
              return answer;
            },
          },
        });
        const desk = createOrderDesk({
          ...{ application: overtaken as unknown as Database, now: () => NOW_MS, steady: steadyClock, answerOf },
        });
        const answer = await desk.place(wish);
        expect(placed).to.include({ kind: "placed" });
        expect(answer).to.deep.equal({ ...placed, kind: "repeated" });
      }
    } finally {
      await book.close();
    }
  });
});

describeOnPostgresql("the order desk while PostgreSQL is away", () => {
  it("tells all who wait soon, one after another would take minutes", async () => {
    const book = await createOrderBook(postgresql);
    try {
      const desk = createOrderDesk({ application: book.application, now: () => NOW_MS, steady: steadyClock, answerOf });
      await desk.place(orderOf());
      const [[name] = []] = await onPostgresql("SELECT current_database()", new URL(book.url).pathname.slice(1));
      await onPostgresql(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await onPostgresql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
      const begun = performance.now();
      const outcomes = await Promise.allSettled(range(1, 100).map(() => desk.place(orderOf())));
      expect(outcomes.every(({ status }) => status === "rejected")).to.equal(true);
      // Five seconds on a machine on which everything takes ten times as long.
      expect(performance.now() - begun).to.be.lessThan(50_000);
      await onPostgresql(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      expect(serialsOf(await desk.place(orderOf()))).to.deep.equal([5]);
    } finally {
      await book.close();
    }
  });
});
