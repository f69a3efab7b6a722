import { expect } from "chai";
import type { Database } from "../../../../server/database/client.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import type { OrderToPlace, Placement } from "../../../../server/issuance/orders/order.ts";
import { placeOrders } from "../../../../server/issuance/orders/placing.ts";
import { createBook } from "../../../../server/issuance/sending/book.ts";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { addressOf } from "../../../support/mirror-fixture.ts";
import {
  ATELIER,
  answerOf,
  claimedSerials,
  createOrderBook,
  FIRST_EDITION,
  NOW_MS,
  type OrderBook,
  orderOf,
  range,
} from "./support.ts";

describeOnEachDatabase("placing orders", (kind) => {
  let book: OrderBook;
  beforeEach(async () => {
    book = await createOrderBook(kind);
  });
  afterEach(() => book.close());

  function place(...orders: OrderToPlace[]): Promise<Placement[]> {
    return placeOn(book.application, ...orders);
  }
  function placeOn(database: Database, ...orders: OrderToPlace[]): Promise<Placement[]> {
    return inTransaction(database, (transaction) => placeOrders(transaction, orders, { now: NOW_MS, answerOf }));
  }
  function serialsOf(placement: Placement | undefined): number[] {
    return placement !== undefined && "answer" in placement ? JSON.parse(placement.answer).serials : [];
  }
  async function counts() {
    const { database } = book;
    return {
      orders: await database.order.count(),
      commands: await database.command.count(),
      customers: await database.customer.count(),
      keys: await database.idempotentRequest.count(),
    };
  }

  it("writes the order, its commands, its customer and its key", async () => {
    const paid = { amount: 12_800, currency: "CNY" };
    const [placement] = await place(orderOf({ reference: "CRM-1", quantity: 2, paid, idempotencyKey: "key" }));
    if (placement?.kind !== "placed") throw new Error("It was not placed");
    const order = await book.database.order.findUniqueOrThrow({ where: { id: placement.orderId } });
    const customer = await book.database.customer.findFirstOrThrow();
    expect({ ...order, items: JSON.parse(order.items) }).to.deep.equal({
      id: placement.orderId,
      brandId: 1,
      customerId: customer.id,
      state: "queued",
      items: [{ collection: ATELIER, tier: 1, term: null, quantity: 2 }],
      quantity: 2,
      paidAmount: 12_800n,
      paidCurrency: "CNY",
      paymentName: null,
      paymentId: null,
      payBefore: null,
      failure: null,
      failureDetail: null,
      createdBy: "api-key:key_test",
      createdAt: BigInt(NOW_MS),
      updatedAt: BigInt(NOW_MS),
    });
    // The address that the brand keeps for the customer is derived when it is needed.
    expect(customer).to.include({ brandId: 1, reference: "CRM-1", holder: null });
    const commands = await book.database.command.findMany({ orderBy: { id: "asc" } });
    expect(
      commands.map(({ kind, state, serial, claimedSerial, holder, orderId }) => ({
        kind,
        state,
        serial,
        claimedSerial,
        holder,
        orderId,
      })),
    ).to.deep.equal(
      [4, 5].map((serial) => ({
        kind: "issue",
        state: "queued",
        serial,
        claimedSerial: serial,
        holder: addressOf("customer CRM-1"),
        orderId: placement.orderId,
      })),
    );
  });

  it("holds what waits for its payment", async () => {
    await place(orderOf({ payment: { name: "simulator", before: NOW_MS + 1_000 } }));
    const order = await book.database.order.findFirstOrThrow();
    expect(order).to.include({ state: "accepted", paymentName: "simulator", payBefore: BigInt(NOW_MS + 1_000) });
    expect((await book.database.command.findFirstOrThrow()).state).to.equal("held");
  });

  it("answers the same bytes to the same wish, and reserves nothing again", async () => {
    const order = orderOf({ idempotencyKey: "one", quantity: 3 });
    const [first] = await place(order);
    const before = await counts();
    const [second] = await place(order);
    expect(second).to.deep.equal({ ...first, kind: "repeated" });
    expect(await counts()).to.deep.equal(before);
    expect(serialsOf((await place(orderOf()))[0])).to.deep.equal([7]);
  });

  it("refuses a key that stands for another wish, of the same brand only", async () => {
    await place(orderOf({ idempotencyKey: "one" }));
    const before = await counts();
    expect(await place(orderOf({ idempotencyKey: "one", requestHash: "another" }))).to.deep.equal([
      { kind: "key-reused" },
    ]);
    expect(await counts()).to.deep.equal(before);
    const [other] = await place(orderOf({ idempotencyKey: "one", requestHash: "another", brandId: 2 }));
    expect(other?.kind).to.equal("placed");
  });

  it("does the same within one group", async () => {
    const order = orderOf({ idempotencyKey: "one" });
    const placements = await place(order, { ...order, requestHash: "another" }, order, orderOf());
    expect(placements.map(({ kind }) => kind)).to.deep.equal(["placed", "key-reused", "repeated", "placed"]);
    expect(placements[2]).to.deep.equal({ ...placements[0], kind: "repeated" });
    expect(await claimedSerials(book.database)).to.deep.equal([4, 5]);
  });

  it("places a wish once that comes to several processes at the same time", async () => {
    const other = await book.connect();
    for (const key of ["a", "b", "c", "d", "e", "f"]) {
      const order = orderOf({ idempotencyKey: key, reference: `customer ${key}` });
      const placements = (await Promise.all([placeOn(book.application, order), placeOn(other, order)])).flat();
      expect(placements.map(({ kind }) => kind).sort()).to.deep.equal(["placed", "repeated"]);
      const [first, second] = placements.map((placement) => "answer" in placement && placement.answer);
      expect(first).to.equal(second);
    }
    expect(await counts()).to.deep.equal({ orders: 6, commands: 6, customers: 6, keys: 6 });
    expect(await claimedSerials(book.database)).to.deep.equal(range(4, 9));
  });

  it("gives an order all of its cards or none", async () => {
    await place(orderOf({ quantity: 95 }));
    const items = [
      { collection: FIRST_EDITION, quantity: 2, maxSupply: 5_000 },
      { collection: ATELIER, quantity: 3, maxSupply: 100 },
    ];
    const before = await counts();
    const [placement] = await place(orderOf({ items }));
    expect(placement).to.deep.equal({ kind: "sold-out", collection: ATELIER, left: 2 });
    expect(await counts()).to.deep.equal(before);
    // What was not given to it is there for others, and in order.
    expect(serialsOf((await place(orderOf({ quantity: 2 })))[0])).to.deep.equal([99, 100]);
    const [first] = await place(orderOf({ collection: FIRST_EDITION, maxSupply: 5_000 }));
    expect(serialsOf(first)).to.deep.equal([1]);
  });

  it("counts several items of one collection together", async () => {
    await place(orderOf({ quantity: 95 }));
    const item = { collection: ATELIER, quantity: 1, maxSupply: 100 };
    expect((await place(orderOf({ items: [item, item, item] })))[0]?.kind).to.equal("sold-out");
    expect(serialsOf((await place(orderOf({ items: [item, item] })))[0])).to.deep.equal([99, 100]);
  });

  it("goes by the order of arrival, and lets who wants less have what is left", async () => {
    await place(orderOf({ quantity: 93 }));
    const placements = await place(orderOf({ quantity: 2 }), orderOf({ quantity: 3 }), orderOf({ quantity: 2 }));
    expect(placements.map(({ kind }) => kind)).to.deep.equal(["placed", "sold-out", "placed"]);
    expect(placements[1]).to.include({ left: 2 });
    expect(serialsOf(placements[0])).to.deep.equal([97, 98]);
    expect(serialsOf(placements[2])).to.deep.equal([99, 100]);
  });

  it("lets a key be used again whose wish was refused", async () => {
    await place(orderOf({ quantity: 96 }));
    const order = orderOf({ quantity: 2, idempotencyKey: "again" });
    expect((await place(order))[0]?.kind).to.equal("sold-out");
    expect((await place({ ...order, items: orderOf().items }))[0]?.kind).to.equal("placed");
  });

  it("finds customers by their reference, within their brand", async () => {
    await place(orderOf({ reference: "CRM-1" }), orderOf({ reference: "CRM-1" }));
    await place(orderOf({ reference: "CRM-1" }), orderOf({ reference: "CRM-1", brandId: 2 }));
    const orders = await book.database.order.findMany({ orderBy: { id: "asc" } });
    expect(new Set(orders.map(({ customerId }) => customerId)).size).to.equal(2);
    expect(await book.database.customer.count()).to.equal(2);
  });

  it("writes nobody down who got nothing", async () => {
    await place(orderOf({ quantity: 97 }));
    await place(orderOf({ reference: "too-late" }));
    expect(await book.database.customer.count({ where: { reference: "too-late" } })).to.equal(0);
  });

  it("keeps a customer's cards at the address that the brand keeps for them", async () => {
    const sending = createBook({ application: book.database, now: () => NOW_MS });
    const give = async (keystore: string) =>
      await sending.giveHolders(await sending.waiting(1, { suspect: false, limit: 10 }), async (references) =>
        references.map((reference) => addressOf(`${keystore} ${reference}`)),
      );
    const custodial = () => orderOf({ reference: "CRM-1", holder: () => undefined });
    await place(custodial());
    await give("first keystore");
    await place(custodial(), orderOf({ reference: "CRM-1", holder: () => addressOf("wallet") }));
    // Another keystore has come first since.
    await give("second keystore");
    const commands = await book.database.command.findMany({ orderBy: { id: "asc" } });
    expect(commands.map(({ holder }) => holder)).to.deep.equal([
      addressOf("first keystore CRM-1"),
      addressOf("first keystore CRM-1"),
      addressOf("wallet"),
    ]);
  });

  describe("of free editions", () => {
    const free = (reference: string) => orderOf({ reference, free: true });

    it("gives each customer one card", async () => {
      const placements = await place(free("a"), free("b"), free("a"));
      expect(placements.map(({ kind }) => kind)).to.deep.equal(["placed", "placed", "already-taken"]);
      expect(placements[2]).to.include({
        orderId: placements[0] && "orderId" in placements[0] && placements[0].orderId,
      });
      expect((await place(free("b")))[0]?.kind).to.equal("already-taken");
      expect(await claimedSerials(book.database)).to.deep.equal([4, 5]);
    });

    it("counts for each collection by itself", async () => {
      await place(free("a"));
      const other = orderOf({ reference: "a", free: true, collection: FIRST_EDITION, maxSupply: 5_000 });
      expect((await place(other))[0]?.kind).to.equal("placed");
    });

    it("gives one card to a customer who asks several processes at once, known before or not", async () => {
      const connections = [book.application, await book.connect(), await book.connect()];
      await place(orderOf({ reference: "known", collection: FIRST_EDITION, maxSupply: 5_000 }));
      for (const reference of ["known", "new-1", "new-2", "new-3"]) {
        const placements = await Promise.all(connections.map((connection) => placeOn(connection, free(reference))));
        const kinds = placements.flat().map(({ kind }) => kind);
        expect(kinds.sort(), reference).to.deep.equal(["already-taken", "already-taken", "placed"]);
      }
      expect(await claimedSerials(book.database)).to.deep.equal([4, 5, 6, 7]);
      expect(await book.database.customer.count()).to.equal(4);
    });

    it("tells a repeated wish from a second one", async () => {
      const order = free("a");
      await place(order);
      expect((await place(order))[0]?.kind).to.equal("repeated");
    });
  });
});
