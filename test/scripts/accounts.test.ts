import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import { openDatabase } from "../../server/database/client.ts";
import { createAccountsWorld, PASSWORD } from "../server/accounts/support.ts";
import { ROOT } from "../support/commands.ts";
import { sqlite } from "../support/databases.ts";

const run = promisify(execFile);

describe("npm run accounts", () => {
  let world: Awaited<ReturnType<typeof createAccountsWorld>>;
  before(async () => {
    world = await createAccountsWorld(sqlite);
  });
  after(() => world.close());

  const accounts = async (...args: string[]) => {
    const env = { ...process.env, DATABASE_URL: world.databaseUrl, PUBLIC_URL: world.app.url };
    const done = await run(process.execPath, ["scripts/accounts.ts", ...args], { cwd: ROOT, env }).catch(
      (error) => error,
    );
    return { code: done.code ?? 0, stdout: String(done.stdout), stderr: String(done.stderr) };
  };

  it("invites the first owner of a brand, while the server runs", async () => {
    const { stdout } = await accounts("invite", "--brand", "1", "--email", "first@example.com", "--role", "owner");
    const [link = ""] = stdout.split("\n");
    const looked = await fetch(link);
    expect(looked.status).to.equal(200);
    const token = new URL(link).searchParams.get("token");
    const joined = await world.visitor().send("POST", "/v1/invitation", { token, name: "First", password: PASSWORD });
    expect(joined.status).to.equal(201);
    const entries = await world.application.auditEntry.findMany({ where: { brandId: 1 }, orderBy: { id: "asc" } });
    expect(entries.map(({ actor, action }) => [actor, action])[0]).to.deep.equal(["command-line", "member.invited"]);
  });

  it("lets somebody in again who has lost their second factor", async () => {
    const { visitor, email } = await world.member(2, "manager");
    const { stdout } = await accounts("recover", "--email", email);
    const [password = ""] = stdout.split("\n");
    expect((await visitor.send("GET", "/v1/me")).status, "the old session").to.equal(401);
    const back = world.visitor();
    expect((await back.send("POST", "/v1/auth/sign-in/email", { email, password: PASSWORD })).status).to.equal(401);
    expect((await back.send("POST", "/v1/auth/sign-in/email", { email, password })).status).to.equal(200);
    expect((await back.send("GET", "/v1/me")).status, "without a second factor").to.equal(403);
    const database = await openDatabase(world.databaseUrl);
    const recovered = await database.auditEntry.findMany({ where: { brandId: 2, action: "user.recovered" } });
    await database.$disconnect();
    expect(recovered).to.have.length(1);
  });

  it("makes a key for a program", async () => {
    const { stdout } = await accounts("key", "--brand", "1", "--role", "auditor", "--name", "shop");
    const [key = ""] = stdout.split("\n");
    const me = await fetch(`${world.app.url}/v1/me`, { headers: { Authorization: `Bearer ${key}` } });
    expect(me.status).to.equal(200);
    expect((await accounts("key", "--brand", "1", "--role", "owner", "--name", "shop")).code).to.equal(2);
    expect((await accounts("key", "--brand", "1", "--role", "staff")).stderr).to.contain("--name");
    const unknown = await accounts("key", "--brand", "77", "--role", "staff", "--name", "shop");
    expect(unknown).to.include({ code: 1, stdout: "" });
    expect(unknown.stderr).to.contain("no brand 77");
  });

  it("says what is wrong, and what to do", async () => {
    const missing = await accounts("invite", "--email", "a@example.com", "--role", "owner");
    expect(missing).to.include({ code: 2 });
    expect(missing.stderr).to.contain("--brand");
    const unknown = await accounts("invite", "--brand", "77", "--email", "a@example.com", "--role", "owner");
    expect(unknown).to.include({ code: 1, stdout: "" });
    expect(unknown.stderr).to.contain("There is no brand 77");
    const nobody = await accounts("recover", "--email", "nobody@example.com");
    expect(nobody.stderr).to.contain("No user has the address");
  });
});
