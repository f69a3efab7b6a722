import { expect } from "chai";
import type { Database } from "../../../../server/database/client.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import { placeOrders } from "../../../../server/issuance/orders/placing.ts";
import { freeSerials, reserveSerials } from "../../../../server/issuance/orders/serials.ts";
import { describeOnEachDatabase } from "../../../support/databases.ts";
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

describeOnEachDatabase("serials of orders", (kind) => {
  let book: OrderBook;
  beforeEach(async () => {
    book = await createOrderBook(kind);
  });
  afterEach(() => book.close());

  function reserve(count: number, { collection = ATELIER, maxSupply = 100, on = book.application } = {}) {
    return inTransaction(on, (transaction) => reserveSerials(transaction, { collection, count, maxSupply }));
  }
  async function free(...serials: number[]) {
    await inTransaction(book.application, (transaction) =>
      freeSerials(
        transaction,
        serials.map((serial) => ({ collection: ATELIER, serial })),
      ),
    );
  }
  async function nextSerial(): Promise<number | undefined> {
    return (await book.database.edition.findUnique({ where: { collectionAddress: ATELIER } }))?.nextSerial;
  }

  it("begin after those that are issued", async () => {
    expect(await reserve(3)).to.deep.equal([4, 5, 6]);
    expect(await reserve(2)).to.deep.equal([7, 8]);
    expect(await reserve(2, { collection: FIRST_EDITION, maxSupply: 5_000 })).to.deep.equal([1, 2]);
  });

  it("are freed ones first, the lowest of them", async () => {
    await reserve(10);
    await free(12, 5, 9);
    expect(await reserve(1)).to.deep.equal([5]);
    expect(await reserve(3)).to.deep.equal([9, 12, 14]);
    expect(await book.database.freedSerial.count()).to.equal(0);
  });

  it("may be freed twice", async () => {
    await reserve(3);
    await free(4);
    await free(4, 5);
    expect(await reserve(3)).to.deep.equal([4, 5, 7]);
  });

  it("leave out what was issued otherwise meanwhile, by the command line for example", async () => {
    await book.issue({ collection: ATELIER, firstSerial: 6, count: 2 });
    expect(await reserve(3)).to.deep.equal([4, 5, 8]);
    await free(4, 5);
    await book.issue({ collection: ATELIER, firstSerial: 4, count: 1 });
    expect(await reserve(2)).to.deep.equal([5, 9]);
  });

  it("leave out what an import has claimed", async () => {
    const command = { brandId: 1, collectionAddress: ATELIER, kind: "issue", state: "queued", createdAt: 0 };
    await book.application.command.createMany({
      data: [5, 6, 9].map((serial, line) => ({ ...command, serial, claimedSerial: serial, importId: "imp_1", line })),
    });
    expect(await reserve(4)).to.deep.equal([4, 7, 8, 10]);
    await free(8);
    // A freed one that somebody has claimed since is free no more.
    await book.application.command.create({ data: { ...command, serial: 8, claimedSerial: 8 } });
    expect(await reserve(1)).to.deep.equal([11]);
  });

  it("of commands that were given up are not in the way", async () => {
    const command = { brandId: 1, collectionAddress: ATELIER, kind: "issue", state: "failed", createdAt: 0 };
    await book.application.command.create({ data: { ...command, serial: 4, claimedSerial: null } });
    expect(await reserve(1)).to.deep.equal([4]);
  });

  it("end with the edition, and come back when they are freed", async () => {
    expect(await reserve(200)).to.deep.equal(range(4, 100));
    expect(await reserve(1)).to.deep.equal([]);
    expect(await nextSerial()).to.equal(101);
    await free(42, 100);
    expect(await reserve(5)).to.deep.equal([42, 100]);
    expect(await reserve(1)).to.deep.equal([]);
  });

  it("include the first and the last of an edition", async () => {
    const collection = "0x00000000000000000000000000000000000000aa";
    expect(await reserve(1, { collection, maxSupply: 1 })).to.deep.equal([1]);
    expect(await reserve(1, { collection, maxSupply: 1 })).to.deep.equal([]);
  });

  it("are found past a window that is full", async () => {
    await book.issue({ collection: FIRST_EDITION, firstSerial: 1, count: 1_200 });
    const options = { collection: FIRST_EDITION, maxSupply: 5_000 };
    expect(await reserve(2, options)).to.deep.equal([1_201, 1_202]);
    expect(await reserve(700, options)).to.deep.equal(range(1_203, 1_902));
  });

  it("are nobody's if the transaction is taken back", async () => {
    await inTransaction(book.application, async (transaction) => {
      await reserveSerials(transaction, { collection: ATELIER, count: 5, maxSupply: 100 });
      throw new Error("taken back");
    }).catch(() => {});
    expect(await reserve(1)).to.deep.equal([4]);
  });

  it("are exactly as many as there are, however many transactions want them at once", async () => {
    const connections: Database[] = [book.application];
    while (connections.length < 4) connections.push(await book.connect());
    const wishes = connections.flatMap((connection) =>
      range(1, 15).map(async () =>
        inTransaction(connection, (transaction) =>
          placeOrders(transaction, [orderOf({ quantity: 2 }), orderOf()], { now: NOW_MS, answerOf }),
        ),
      ),
    );
    const placements = (await Promise.all(wishes)).flat();
    expect(await claimedSerials(book.database)).to.deep.equal(range(4, 100));
    const orders = await book.database.order.findMany();
    expect(placements.filter(({ kind }) => kind === "placed")).to.have.length(orders.length);
    expect(orders.reduce((sum, { quantity }) => sum + quantity, 0)).to.equal(97);
    expect(new Set(placements.map(({ kind }) => kind))).to.deep.equal(new Set(["placed", "sold-out"]));
    expect(await book.database.freedSerial.count()).to.equal(0);
  });
});
