import { expect } from "chai";
import type { Database, DatabaseTransaction } from "../../../../server/database/client.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import type { CommandKind, CommandState } from "../../../../server/issuance/orders/order.ts";
import { settleOrders, standingOf } from "../../../../server/issuance/orders/standing.ts";
import { describeOnPostgresql, postgresql } from "../../../support/databases.ts";
import { ATELIER, createOrderBook, NOW_MS } from "./support.ts";

type Command = Parameters<typeof standingOf>[0][number];

/** Commands of an order as `kind state serial failure`, in their order. */
function commands(...texts: string[]): Command[] {
  return texts.map((text, index) => {
    const [kind, state, serial = "1", failure] = text.split(" ");
    return {
      id: index + 1,
      kind: kind as CommandKind,
      state: state as CommandState,
      collectionAddress: ATELIER,
      serial: Number(serial),
      failure: failure ?? null,
      failureDetail: failure === undefined ? null : `What to do about ${failure}.`,
    };
  });
}

describe("the standing of an order", () => {
  const cases: [string, ...string[]][] = [
    ["accepted", "issue held"],
    ["queued", "issue queued"],
    ["sent", "issue sent"],
    ["issued", "issue done"],
    ["failed", "issue failed"],
    ["cancelled", "issue cancelled"],
    // As far as the card that is least far; failed only once none is under way.
    ["accepted", "issue held 1", "issue held 2"],
    ["queued", "issue queued 1", "issue sent 2", "issue done 3"],
    ["sent", "issue sent 1", "issue done 2"],
    ["queued", "issue queued 1", "issue failed 2"],
    ["sent", "issue sent 1", "issue failed 2"],
    ["failed", "issue done 1", "issue failed 2"],
    ["issued", "issue done 1", "issue done 2"],
    // Gifts change nobody's order.
    ["issued", "issue done", "request-reissue queued"],
    ["issued", "issue done", "request-reissue done", "execute-reissue sent"],
    ["issued", "issue done", "request-reissue failed"],
    // Refunds.
    ["refunding", "issue done", "revoke queued"],
    ["refunding", "issue done", "revoke sent"],
    ["refunding", "issue done 1", "issue done 2", "revoke done 1", "revoke sent 2"],
    ["refunded", "issue done", "revoke done"],
    ["refunded", "issue done 1", "issue failed 2", "revoke done 1"],
    ["issued", "issue done", "revoke failed"],
    ["issued", "issue done 1", "issue done 2", "revoke done 1", "revoke failed 2"],
    ["failed", "issue done 1", "issue failed 2", "revoke failed 1"],
    // A refund that failed can be tried again: the last try counts.
    ["refunding", "issue done", "revoke failed", "revoke queued"],
    ["refunded", "issue done", "revoke failed", "revoke done"],
    ["refunded", "issue done 1", "issue done 2", "revoke done 1", "revoke failed 2", "revoke done 2"],
  ];
  for (const [state, ...texts] of cases) {
    it(`is ${state} with ${texts.join(", ")}`, () => {
      expect(standingOf(commands(...texts)).state).to.equal(state);
    });
  }

  it("says why the first of its cards waits or has failed", () => {
    const told = standingOf(commands("issue queued 1", "issue queued 2 brand-not-active", "issue failed 3 sold-out"));
    expect(told).to.deep.equal({
      state: "queued",
      failure: "brand-not-active",
      failureDetail: "What to do about brand-not-active.",
    });
  });

  it("says no more of what has come right since", () => {
    for (const texts of [
      ["issue done 1 brand-not-active"],
      ["issue done", "revoke failed 1 brand-role-missing", "revoke done"],
      ["issue done", "revoke failed 1 brand-role-missing", "revoke sent"],
      ["issue done", "request-reissue failed 1 brand-role-missing", "request-reissue done", "execute-reissue queued"],
      ["issue done", "request-reissue failed 1 reissue-to-holder", "revoke done"],
    ]) {
      expect(standingOf(commands(...texts)).failure, texts.join(", ")).to.equal(null);
    }
    expect(standingOf(commands("issue done", "request-reissue failed 1 reissue-to-holder"))).to.include({
      state: "issued",
      failure: "reissue-to-holder",
    });
  });
});

describeOnPostgresql("the standing of an order, on PostgreSQL", () => {
  it("is right after two servers have changed two cards of it at the same time", async () => {
    const book = await createOrderBook(postgresql);
    try {
      const other = await book.connect();
      await book.application.order.create({
        data: {
          ...{ id: "ord_1", brandId: 1, customerId: "cus_1", state: "sent", items: "[]", quantity: 2 },
          ...{ createdBy: "test", createdAt: NOW_MS, updatedAt: NOW_MS },
        },
      });
      const command = {
        brandId: 1,
        collectionAddress: ATELIER,
        kind: "issue",
        state: "sent",
        orderId: "ord_1",
        createdAt: 0,
      };
      await book.application.command.createMany({ data: [4, 5].map((serial) => ({ ...command, serial })) });
      async function confirm(transaction: DatabaseTransaction, serial: number) {
        await transaction.command.updateMany({ where: { serial }, data: { state: "done" } });
        await settleOrders(transaction, ["ord_1"], NOW_MS);
      }
      const first = Promise.withResolvers<void>();
      const second = Promise.withResolvers<void>();
      const settled = (database: Database, serial: number, until: Promise<void>, done: () => void) =>
        inTransaction(database, async (transaction) => {
          await confirm(transaction, serial);
          done();
          await until;
        });
      const one = settled(book.application, 4, second.promise, first.resolve);
      await first.promise;
      const two = settled(other, 5, Promise.resolve(), () => {});
      // It has come as far as it gets while the other one is open.
      await new Promise((resolve) => setTimeout(resolve, 200));
      second.resolve();
      await Promise.all([one, two]);
      expect((await book.database.order.findUniqueOrThrow({ where: { id: "ord_1" } })).state).to.equal("issued");
    } finally {
      await book.close();
    }
  });
});
