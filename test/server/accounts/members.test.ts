import { expect } from "chai";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { type AccountsWorld, createAccountsWorld, dataOf } from "./support.ts";

describeOnEachDatabase("members", (kind) => {
  let world: AccountsWorld;
  beforeEach(async () => {
    world = await createAccountsWorld(kind);
  });
  afterEach(() => world.close());

  const ownersOf = (brandId: number) => world.application.brandMember.count({ where: { brandId, role: "owner" } });

  it("keep one owner, also when all owners go at the same moment", async () => {
    const first = await world.member(1, "owner");
    const alone = await first.visitor.send("DELETE", `/v1/members/${first.userId}`);
    expect(alone.status).to.equal(409);
    expect(((await alone.json()) as { detail: string }).detail).to.contain("Make somebody else an owner first");
    expect((await first.visitor.send("PATCH", `/v1/members/${first.userId}`, { role: "staff" })).status).to.equal(409);

    const owners = [
      first,
      await world.member(1, "owner"),
      await world.member(1, "owner"),
      await world.member(1, "owner"),
    ];
    const leaving = await Promise.all(
      owners.map(({ visitor, userId }, index) =>
        index % 2 === 0
          ? visitor.send("DELETE", `/v1/members/${userId}`)
          : visitor.send("PATCH", `/v1/members/${userId}`, { role: "manager" }),
      ),
    );
    expect(leaving.filter(({ status }) => status === 409)).to.have.length(1);
    expect(await ownersOf(1)).to.equal(1);
  });

  it("who are removed, or become less, can do less with their next request", async () => {
    const owner = await world.member(1, "owner");
    const manager = await world.member(1, "manager");
    const keys = () => manager.visitor.send("GET", "/v1/api-keys");
    expect((await keys()).status).to.equal(200);
    const changed = await owner.visitor.send("PATCH", `/v1/members/${manager.userId}`, { role: "staff" });
    expect(await dataOf(changed)).to.include({ userId: manager.userId, role: "staff", hasSecondFactor: true });
    expect((await keys()).status).to.equal(403);
    expect((await manager.visitor.send("GET", "/v1/customers")).status).to.equal(200);
    await owner.visitor.send("DELETE", `/v1/members/${manager.userId}`);
    expect((await manager.visitor.send("GET", "/v1/customers")).status).to.equal(403);
  });

  it("are invited for a week", async () => {
    const { visitor } = await world.member(1, "owner");
    const invited = await dataOf(
      await visitor.send("POST", "/v1/invitations", { email: "Late@Example.com", role: "staff" }),
    );
    expect(invited).to.include({ email: "late@example.com", role: "staff" });
    const token = new URL(String(invited["link"])).searchParams.get("token");
    world.app.clock.now += 7 * 86_400 + 1;
    const late = await world
      .visitor()
      .send("POST", "/v1/invitation", { token, name: "Late", password: "long enough, surely" });
    expect(late.status).to.equal(404);
    const { data } = (await (await visitor.send("GET", "/v1/invitations")).json()) as { data: unknown[] };
    expect(data).to.deep.equal([]);
    const twice = await visitor.send("POST", "/v1/invitations", { email: "not an address", role: "staff" });
    expect(twice.status).to.equal(400);
  });
});
