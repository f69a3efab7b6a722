import { expect } from "chai";
import { recordAct } from "../../../server/accounts/audit.ts";
import { type Database, dialectOf, openDatabase } from "../../../server/database/client.ts";
import { describeOnEachDatabase, type TestDatabase } from "../../support/databases.ts";
import { createAccountsWorld } from "./support.ts";

describeOnEachDatabase("the audit log", (kind) => {
  describe("in the database", () => {
    let file: TestDatabase;
    let database: Database;
    before(async () => {
      file = await kind.create();
      database = await openDatabase(file.url, { application: true });
      await recordAct(database, { at: 1, brandId: 1, actor: "system", action: "test.done", subject: "1" });
    });
    after(async () => {
      await database.$disconnect();
      await file.drop();
    });

    const refusalOf = async (work: Promise<unknown>) =>
      await work.then(
        () => "nothing",
        (error: unknown) => `${String(error)} ${JSON.stringify((error as { meta?: unknown }).meta ?? "")}`,
      );

    it("can neither be changed nor shortened, by nobody who comes through the database", async () => {
      const attempts: Promise<unknown>[] = [
        database.auditEntry.update({ where: { id: 1 }, data: { actor: "somebody else" } }),
        database.auditEntry.updateMany({ data: { details: '{"innocent":true}' } }),
        database.auditEntry.delete({ where: { id: 1 } }),
        database.auditEntry.deleteMany({}),
        database.$executeRaw`DELETE FROM "AuditEntry"`,
        ...(dialectOf(database).provider === "postgresql" ? [database.$executeRaw`TRUNCATE "AuditEntry"`] : []),
      ];
      for (const attempt of attempts) expect(await refusalOf(attempt)).to.contain("only ever added to");
      expect(await database.auditEntry.findMany({ select: { id: true, actor: true, details: true } })).to.deep.equal([
        { id: 1, actor: "system", details: "{}" },
      ]);
    });

    it("knows of nothing that was taken back", async () => {
      const act = database.$transaction(async (transaction) => {
        await recordAct(transaction, { at: 2, brandId: 1, actor: "system", action: "test.done", subject: "2" });
        throw new Error("thought better of it");
      });
      expect(await refusalOf(act)).to.contain("thought better");
      expect(await database.auditEntry.count()).to.equal(1);
    });
  });

  it("has an entry for each administrative act, page by page, the newest first, and without what is secret", async () => {
    const world = await createAccountsWorld(kind);
    try {
      const { visitor, userId } = await world.member(1, "owner");
      const other = await world.member(1, "staff", "wei@example.com");
      const data = async (method: string, path: string, body?: unknown) => {
        const response = await visitor.send(method, path, body);
        expect(response.status, path).to.be.oneOf([200, 201, 204]);
        return response.status === 204 ? undefined : ((await response.json()) as { data: { id: string } }).data;
      };
      const key = (await data("POST", "/v1/api-keys", { name: "till of Ms Wei", role: "staff" }))?.id ?? "";
      await data("POST", `/v1/api-keys/${key}/rotate`, { graceSeconds: 60 });
      await data("DELETE", `/v1/api-keys/${key}`);
      const invitation =
        (await data("POST", "/v1/invitations", { email: "li@example.com", role: "auditor" }))?.id ?? "";
      await data("DELETE", `/v1/invitations/${invitation}`);
      await data("PATCH", `/v1/members/${other.userId}`, { role: "manager" });
      await data("DELETE", `/v1/members/${other.userId}`);

      const seen: { action: string; subject: string; actor: string; details: unknown }[] = [];
      let text = "";
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page = await visitor.send("GET", `/v1/audit-log?limit=4${cursor === "" ? "" : `&cursor=${cursor}`}`);
        const body = await page.text();
        const { data, nextCursor } = JSON.parse(body) as { data: typeof seen; nextCursor: string | null };
        text += body;
        seen.push(...data);
        cursor = nextCursor;
      }
      const acts = seen.filter(({ actor, subject }) => actor === `user:${userId}` && subject !== userId).reverse();
      expect(acts.map(({ action, subject, details }) => ({ action, subject, details }))).to.deep.equal([
        { action: "api-key.created", subject: key, details: { role: "staff" } },
        { action: "api-key.rotated", subject: key, details: { graceSeconds: 60 } },
        { action: "api-key.revoked", subject: key, details: {} },
        { action: "member.invited", subject: invitation, details: { role: "auditor" } },
        { action: "invitation.withdrawn", subject: invitation, details: {} },
        { action: "member.role-changed", subject: other.userId, details: { from: "staff", to: "manager" } },
        { action: "member.removed", subject: other.userId, details: { role: "manager" } },
      ]);
      for (const private_ of ["example.com", "Wei", "mm_", "inv_A"]) expect(text).to.not.contain(private_);
    } finally {
      await world.close();
    }
  });
});
