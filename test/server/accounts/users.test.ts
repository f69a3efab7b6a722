import { expect } from "chai";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { type AccountsWorld, createAccountsWorld, dataOf, enrol, oneTimeCode, PASSWORD } from "./support.ts";

describeOnEachDatabase("brand users", (kind) => {
  let world: AccountsWorld;
  before(async () => {
    world = await createAccountsWorld(kind);
  });
  after(() => world.close());

  const invite = async (email: string, brandId = 1) => {
    const { invitations } = world.app.accounts;
    const { link } = await invitations.invite({ brandId, email, role: "owner", actor: "command-line" });
    return new URL(link).searchParams.get("token");
  };
  const detailOf = async (response: Response) => ((await response.json()) as { detail: string }).detail;
  const typeOf = async (response: Response) => ((await response.json()) as { type: string }).type;

  it("come by an invitation, set up one-time codes, and are let in", async () => {
    const token = await invite("Chen@example.com");
    const visitor = world.visitor();
    const looked = await visitor.send("GET", `/v1/invitation?token=${token}`);
    expect(await dataOf(looked)).to.include({ brandName: "Noirance", email: "chen@example.com", hasAccount: false });
    const joined = await visitor.send("POST", "/v1/invitation", { token, name: "Chen", password: PASSWORD });
    expect(joined.status).to.equal(201);

    const signIn = await visitor.send("POST", "/v1/auth/sign-in/email", {
      email: "chen@example.com",
      password: PASSWORD,
    });
    expect(signIn.status).to.equal(200);
    const [cookie] = signIn.headers.getSetCookie();
    expect(cookie).to.match(/^mintmark\.session_token=/);
    expect(cookie)
      .to.match(/HttpOnly/i)
      .and.match(/SameSite=Lax/i);

    const early = await visitor.send("GET", "/v1/me");
    expect(early.status).to.equal(403);
    expect(await typeOf(early)).to.equal("/problems/second-factor-required");

    await enrol(visitor);
    const me = await visitor.send("GET", "/v1/me");
    expect(me.status, await me.clone().text()).to.equal(200);
    expect(await dataOf(me)).to.deep.include({ kind: "user", brandId: 1, role: "owner" });
  });

  it("cannot sign up, nor use an invitation twice", async () => {
    const visitor = world.visitor();
    const signUp = await visitor.send("POST", "/v1/auth/sign-up/email", {
      email: "nobody@example.com",
      name: "Nobody",
      password: PASSWORD,
    });
    expect(signUp.status).to.equal(404);
    const token = await invite("once@example.com");
    const body = { token, name: "Once", password: PASSWORD };
    const both = await Promise.all([
      visitor.send("POST", "/v1/invitation", body),
      world.visitor().send("POST", "/v1/invitation", body),
    ]);
    expect(both.filter(({ status }) => status === 201)).to.have.length(1);
    expect((await visitor.send("POST", "/v1/invitation", body)).status).to.equal(404);
    expect(await world.application.user.count({ where: { email: "once@example.com" } })).to.equal(1);
  });

  it("need the one-time code each time, which counts for as often as the library says", async () => {
    const { email, secret, backupCodes } = await world.member(1, "manager");
    const visitor = world.visitor();
    const first = await visitor.send("POST", "/v1/auth/sign-in/email", { email, password: PASSWORD });
    expect(await first.json()).to.deep.equal({ twoFactorRedirect: true, twoFactorMethods: ["totp"] });
    expect((await visitor.send("GET", "/v1/me")).status).to.equal(401);

    const wrong = String((Number(oneTimeCode(secret)) + 1) % 1_000_000).padStart(6, "0");
    const refused = await visitor.send("POST", "/v1/auth/two-factor/verify-totp", { code: wrong });
    expect(refused.status).to.equal(401);
    expect(await refused.json()).to.include({ type: "/problems/unauthenticated", status: 401 });

    const trusted = { code: oneTimeCode(secret), trustDevice: true };
    expect((await visitor.send("POST", "/v1/auth/two-factor/verify-totp", trusted)).status).to.equal(400);
    const right = await visitor.send("POST", "/v1/auth/two-factor/verify-totp", { code: oneTimeCode(secret) });
    expect(right.status).to.equal(200);
    expect((await visitor.send("GET", "/v1/me")).status).to.equal(200);

    const other = world.visitor();
    await other.send("POST", "/v1/auth/sign-in/email", { email, password: PASSWORD });
    const [code] = backupCodes;
    const byBackup = await other.send("POST", "/v1/auth/two-factor/verify-backup-code", { code });
    expect(byBackup.status, await byBackup.clone().text()).to.equal(200);
    expect((await other.send("GET", "/v1/me")).status).to.equal(200);
  });

  it("are told the same whether the address or the password is wrong", async () => {
    const { email } = await world.member(1, "staff");
    const answers = await Promise.all(
      [
        { email, password: "not the right password" },
        { email: "unknown@example.com", password: PASSWORD },
      ].map(async (body) => {
        const response = await world.visitor().send("POST", "/v1/auth/sign-in/email", body);
        const { requestId, ...rest } = (await response.json()) as Record<string, unknown>;
        expect(requestId).to.be.a("string");
        return rest;
      }),
    );
    expect(answers[0]).to.deep.equal(answers[1]);
    expect(answers[0]).to.include({ type: "/problems/unauthenticated", status: 401 });
  });

  it("who have a passkey cannot be given one-time codes by whoever knows their password", async () => {
    const { visitor, userId, email } = await world.member(1, "owner");
    await world.application.passkey.create({
      data: {
        id: "pk",
        userId,
        credentialID: `credential of ${userId}`,
        publicKey: "",
        counter: 0,
        deviceType: "",
        backedUp: false,
      },
    });
    const removed = await visitor.send("POST", "/v1/auth/two-factor/disable", { password: PASSWORD });
    expect(removed.status, await removed.clone().text()).to.equal(200);
    const thief = world.visitor();
    const signIn = await thief.send("POST", "/v1/auth/sign-in/email", { email, password: PASSWORD });
    expect(signIn.status).to.equal(200);
    for (const [method, path, body] of [
      ["POST", "/two-factor/enable", { password: PASSWORD }],
      ["GET", "/passkey/generate-register-options", undefined],
      ["POST", "/change-password", { currentPassword: PASSWORD, newPassword: `${PASSWORD}!` }],
      ["GET", "/list-sessions", undefined],
      ["POST", "/passkey/delete-passkey", { id: "pk" }],
    ] as const) {
      const response = await thief.send(method, `/v1/auth${path}`, body);
      expect(response.status, path).to.equal(403);
      expect(await typeOf(response), path).to.equal("/problems/second-factor-required");
    }
    expect((await thief.send("GET", "/v1/members")).status).to.equal(403);
  });

  it("cannot be made to act by pages of other sites", async () => {
    const { visitor } = await world.member(1, "owner");
    const body = { email: "evil@example.com", role: "owner" };
    const elsewhere = { Origin: "https://evil.example" };
    const byPage = await visitor.send("POST", "/v1/invitations", body, elsewhere);
    expect(byPage.status).to.equal(403);
    expect(await detailOf(byPage)).to.contain("another site");
    const bySibling = await visitor.send("POST", "/v1/invitations", body, { "Sec-Fetch-Site": "same-site" });
    expect(bySibling.status).to.equal(403);
    const library = await visitor.send("POST", "/v1/auth/two-factor/disable", { password: PASSWORD }, elsewhere);
    expect(library.status).to.equal(403);
    expect((await visitor.send("GET", "/v1/me")).status).to.equal(200);
  });

  it("of several brands say which one they mean", async () => {
    const { visitor, email, userId } = await world.member(1, "owner");
    const token = await invite(email, 2);
    const stranger = await world.visitor().send("POST", "/v1/invitation", { token, name: "x", password: PASSWORD });
    expect(stranger.status).to.equal(401);
    expect((await visitor.send("POST", "/v1/invitation", { token })).status).to.equal(201);

    const undecided = await visitor.send("GET", "/v1/me");
    expect(undecided.status).to.equal(400);
    expect(await detailOf(undecided)).to.contain("1, 2");
    const second = await visitor.send("GET", "/v1/me", undefined, { "Mintmark-Brand": "2" });
    expect(await dataOf(second)).to.include({ id: userId, brandId: 2 });
    const third = await visitor.send("GET", "/v1/me", undefined, { "Mintmark-Brand": "3" });
    expect(third.status).to.equal(403);
  });

  it("may try only so often, from one address and for one user", async () => {
    const guesser = world.visitor();
    const guess = () =>
      guesser.send("POST", "/v1/auth/sign-in/email", { email: "x@example.com", password: "wrong guess!!" });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 11; attempt++) statuses.push((await guess()).status);
    expect(statuses).to.deep.equal([...Array(10).fill(401), 429]);
    const limited = await guess();
    expect(await typeOf(limited)).to.equal("/problems/too-many-requests");
    expect(Number(limited.headers.get("Retry-After"))).to.be.within(1, 60);

    const { email } = await world.member(1, "owner");
    const spread: number[] = [];
    for (let attempt = 0; attempt < 21; attempt++) {
      const body = { email: email.toUpperCase(), password: "wrong guess!!" };
      spread.push((await world.visitor().send("POST", "/v1/auth/sign-in/email", body)).status);
    }
    // Signing in to be enrolled was the first attempt.
    expect(spread).to.deep.equal([...Array(19).fill(401), 429, 429]);
  });

  it("behind an https address have cookies that are sent over nothing else, as the API's document names them", async () => {
    const publicUrl = "https://cards.example.com";
    const encrypted = await createAccountsWorld(kind, { publicUrl });
    try {
      const { invitations } = encrypted.app.accounts;
      const email = "secure@example.com";
      const { link } = await invitations.invite({ brandId: 1, email, role: "owner", actor: "command-line" });
      expect(link).to.match(/^https:\/\/cards\.example\.com\/v1\/invitation\?token=inv_/);
      const token = new URL(link).searchParams.get("token");
      const visitor = encrypted.visitor();
      const send = (path: string, body: unknown) => visitor.send("POST", path, body, { Origin: publicUrl });
      await send("/v1/invitation", { token, name: "x", password: PASSWORD });
      const [cookie = ""] = (
        await send("/v1/auth/sign-in/email", { email, password: PASSWORD })
      ).headers.getSetCookie();
      expect(cookie).to.match(/^__Secure-mintmark\.session_token=/);
      expect(cookie.split("; ")).to.include.members(["Secure", "HttpOnly", "SameSite=Lax", "Path=/"]);
      const document = (await (await encrypted.app.get("/openapi.json")).json()) as {
        components: { securitySchemes: { session: { name: string } } };
      };
      expect(cookie.split("=")[0]).to.equal(document.components.securitySchemes.session.name);
      const byOther = await visitor.send("POST", "/v1/auth/two-factor/enable", { password: PASSWORD });
      expect(byOther.status, "from the server's own address, which is none of ours").to.equal(403);
    } finally {
      await encrypted.close();
    }
  });

  it("end their sessions", async () => {
    const { visitor } = await world.member(1, "owner");
    const kept = new Map(visitor.cookies);
    expect((await visitor.send("POST", "/v1/auth/sign-out")).status).to.equal(200);
    for (const [name, value] of kept) visitor.cookies.set(name, value);
    expect((await visitor.send("GET", "/v1/me")).status).to.equal(401);
  });

  it("leave in the audit log what they change about signing in", async () => {
    const { visitor, userId } = await world.member(2, "owner");
    await visitor.send("POST", "/v1/auth/change-password", { currentPassword: PASSWORD, newPassword: `${PASSWORD}!` });
    await visitor.send("POST", "/v1/auth/change-password", { currentPassword: "wrong", newPassword: `${PASSWORD}?` });
    const entries = await world.application.auditEntry.findMany({
      where: { brandId: 2, subject: userId },
      orderBy: { id: "asc" },
    });
    expect(entries.map(({ action, actor }) => ({ action, actor }))).to.deep.equal(
      ["member.joined", "user.one-time-codes-set-up", "user.password-changed"].map((action) => ({
        action,
        actor: `user:${userId}`,
      })),
    );
  });
});
