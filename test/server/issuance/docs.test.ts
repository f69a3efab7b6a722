// docs/issuance.md must say of every reason for which an order waits or fails what to do, and its queries must work.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { failureName, meaningOf } from "../../../server/issuance/sending/refusals.ts";
import { ROOT } from "../../support/commands.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createOrderBook } from "./orders/support.ts";

const docs = readFileSync(join(ROOT, "docs/issuance.md"), "utf8");
const folder = join(ROOT, "server/issuance/sending");
const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));

/** With what the contracts can refuse what the sender sends: issuing, revoking, redeeming, undoing and reissuing. */
const ERRORS = [
  "BenefitNotGranted",
  "BenefitNotStarted",
  "BrandNotActive",
  "BrandNotFound",
  "BrandRoleMissing",
  "BurnNotAuthorized",
  "CardAlreadyIssued",
  "CardExpired",
  "CardNotIssued",
  "CardStatusMismatch",
  "CollectionNotFound",
  "DailyCapExceeded",
  "DeadlinePassed",
  "ERC721InvalidReceiver",
  "ExpiryNotInFuture",
  "GenerationMismatch",
  "InvalidSignature",
  "QuotaExceeded",
  "RedemptionNotUndoable",
  "RedemptionNumberMismatch",
  "ReissueNotPending",
  "ReissueNotReady",
  "ReissueToHolder",
  "SerialOutOfRange",
  "StaffMismatch",
  "TermTooLong",
  "TierNotDeclared",
  "WindingDown",
] as const;

describe("the guide to issuance", () => {
  const table = docs.slice(docs.indexOf("### Why orders wait or fail"), docs.indexOf("### A stuck order"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const documented = new Map(
    rows.flatMap((row) => {
      const [, names = "", what = ""] = row.split("|").map((cell) => cell.trim());
      return [...names.matchAll(/`([\w-]+)`/g)].map(([, name = ""]): [string, string] => [name, what]);
    }),
  );

  it("knows the contracts' errors by their names", () => {
    for (const name of ERRORS) expect(membershipCollectionInterface.getError(name), name).not.to.equal(null);
  });

  it("names every reason for which an order waits or fails, and no other", () => {
    const own = sources.flatMap((source) => [...source.matchAll(/failure: "([\w-]+)"/g)].map(([, name]) => name));
    // A serial that is taken is a reason for another serial, and none that anybody is told.
    const ofContracts = ERRORS.filter((name) => name !== "CardAlreadyIssued").map((error) => failureName({ error }));
    const names = new Set([...own, ...ofContracts, failureName({ error: undefined })]);
    expect([...documented.keys()].sort()).to.deep.equal([...names].sort());
  });

  it("says which of them pass by themselves", () => {
    for (const error of [...ERRORS, undefined]) {
      const what = documented.get(failureName({ error }));
      if (what !== undefined) expect(what === "waits", error).to.equal(meaningOf({ error }) === "wait");
    }
  });

  it("quotes lines that are logged", () => {
    const logged = docs.slice(docs.indexOf("| line of the log"), docs.indexOf("### Why orders wait or fail"));
    const lines = [...logged.matchAll(/^\| ([^|]+) \|/gm)].map(([, line = ""]) => line.trim()).slice(1);
    expect(lines.length).to.be.greaterThan(5);
    for (const line of lines.filter((text) => !text.startsWith("-")))
      expect(
        sources.some((source) => source.includes(line)),
        line,
      ).to.equal(true);
  });
});

describeOnEachDatabase("the queries of the guide to issuance", (kind) => {
  it("work", async () => {
    const book = await createOrderBook(kind);
    try {
      const queries = [...docs.matchAll(/^```sql\n([\s\S]*?)^```/gm)].map(([, query = ""]) => query);
      expect(queries).to.have.length(2);
      const command = { brandId: 1, kind: "issue", collectionAddress: "0x00", createdAt: 0, orderId: "ord_1" };
      await book.application.command.createMany({
        data: [1, 2].map((serial) => ({
          ...command,
          serial,
          state: "queued",
          failure: "no-signer",
          failureDetail: "…",
        })),
      });
      await book.application.chainTransaction.create({
        data: {
          ...{ signer: "0x01", nonce: 7, chainId: 1, brandId: 1, state: "signed", to: "0x00", data: "0x", gas: 1 },
          ...{ createdAt: 0, attempts: { create: { hash: "0x02", raw: "0x03", createdAt: 0 } } },
        },
      });
      const [waiting, open] = await Promise.all(
        queries.map((query) =>
          book.database.$queryRawUnsafe<Record<string, unknown>[]>(query.trim().replace(/;$/, "")),
        ),
      );
      expect(waiting?.map((row) => [row["failure"], Number(row["cards"]), row["example"]])).to.deep.equal([
        ["no-signer", 2, "ord_1"],
      ]);
      expect(open?.map((row) => [row["signer"], row["nonce"], Number(row["attempts"])])).to.deep.equal([
        ["0x01", 7, 1],
      ]);
    } finally {
      await book.close();
    }
  });
});
