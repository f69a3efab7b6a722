// A file that is uploaded again claims the cards that the chain has of it: test/server/http/imports.test.ts has how its lines find them.

import { expect } from "chai";
import { claimByImports } from "../../../../server/issuance/reconciliation/imports.ts";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { addressOf, COLLECTIONS, createMirrorFixture } from "../../../support/mirror-fixture.ts";

describeOnEachDatabase("a file that is uploaded again", (kind) => {
  it("claims the cards of its lines that are done, and no others", async () => {
    const mirror = await createMirrorFixture(kind);
    try {
      const { database } = mirror;
      const collection = COLLECTIONS.atelier.address;
      await database.import.create({
        data: {
          ...{ id: "imp_1", brandId: 1, collectionAddress: collection, name: "a.csv", format: "csv", timeZone: "UTC" },
          ...{ bytes: 1, state: "ready", createdBy: "test", createdAt: 0, updatedAt: 0 },
        },
      });
      const lines = [
        { line: 2, serial: 41, state: "done", holder: addressOf("a") },
        { line: 3, serial: 42, state: "done", holder: addressOf("b") },
        { line: 4, serial: 43, state: "ready", holder: addressOf("c") },
      ];
      await database.importLine.createMany({ data: lines.map((line) => ({ importId: "imp_1", ...line })) });
      for (const [serial, holder] of [
        [41, addressOf("a")],
        [42, addressOf("somebody else")],
        [43, addressOf("c")],
      ] as const) {
        await database.adoptedCard.create({
          data: {
            ...{ collectionAddress: collection, serial, brandId: 1, holder, tier: 1, expiresAt: 0, source: "import" },
            ...{ state: "unclaimed", issuedAt: 0, blockNumber: 1, transactionHash: "0x00", adoptedAt: 0 },
          },
        });
      }
      expect(await claimByImports(database, 5)).to.equal(1);
      const cards = await database.adoptedCard.findMany({ orderBy: { serial: "asc" } });
      expect(cards.map(({ serial, state, importId }) => [serial, state, importId])).to.deep.equal([
        [41, "claimed", "imp_1"],
        [42, "unclaimed", null],
        [43, "unclaimed", null],
      ]);
    } finally {
      await mirror.close();
    }
  });
});
