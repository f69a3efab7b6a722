// The nonces and transactions of one chain mean nothing on another.

import { expect } from "chai";
import { type Database, openDatabase } from "../../../../server/database/client.ts";
import { createBook } from "../../../../server/issuance/sending/book.ts";
import { describeOnEachDatabase, type TestDatabase } from "../../../support/databases.ts";

const SIGNER = `0x${"5e".repeat(20)}`;
const checkpoint = (genesis: string) => ({
  chainId: 31_337,
  genesisHash: `0x${genesis.repeat(32)}`,
  registry: `0x${"11".repeat(20)}`,
  blockNumber: 7,
  blockHash: `0x${"22".repeat(32)}`,
  blockTimestamp: 1_700_000_000,
});

describeOnEachDatabase("the sender's book, with the mirror of another chain", (kind) => {
  let database: TestDatabase;
  let application: Database;
  before(async () => {
    database = await kind.create();
    application = await openDatabase(database.url, { application: true });
    await application.checkpoint.create({ data: { id: 1, ...checkpoint("aa") } });
  });
  after(async () => {
    await application.$disconnect();
    await database.drop();
  });

  it("gives out no nonces", async () => {
    const book = createBook({ application, now: Date.now });
    await book.openSigner(SIGNER, 31_337, 4);
    await book.openSigner(SIGNER, 31_337, 6);
    await application.checkpoint.update({ where: { id: 1 }, data: checkpoint("bb") });
    const refused = await book.openSigner(SIGNER, 31_337, 9).catch((error: unknown) => error);
    expect(refused).to.have.property("message").that.contains("of another chain").and.contains("database of its own");
    expect(await application.signer.findMany({ select: { nextNonce: true } })).to.deep.equal([{ nextNonce: 6 }]);
    await application.checkpoint.update({ where: { id: 1 }, data: checkpoint("aa") });
    await book.openSigner(SIGNER, 31_337, 9);
    expect(await application.signer.findMany({ select: { nextNonce: true } })).to.deep.equal([{ nextNonce: 9 }]);
  });
});
