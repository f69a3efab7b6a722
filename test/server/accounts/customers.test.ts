import { expect } from "chai";
import { Wallet } from "ethers";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { type AccountsWorld, createAccountsWorld, dataOf, type Visitor } from "./support.ts";

const PHONE = "+8613800138000";

describeOnEachDatabase("customers", (kind) => {
  let world: AccountsWorld;
  beforeEach(async () => {
    world = await createAccountsWorld(kind);
  });
  afterEach(() => world.close());

  const base = "/v1/auth/customers";
  const sendCode = (visitor: Visitor, phone = PHONE, brandId = 1) =>
    visitor.send("POST", `${base}/phone/send-code`, { brandId, phone });
  const lastCode = () => /Code (\d{6})/.exec(world.messages.at(-1)?.text ?? "")?.[1] ?? "";
  const signIn = (visitor: Visitor, code: string, phone = PHONE, brandId = 1) =>
    visitor.send("POST", `${base}/phone/sign-in`, { brandId, phone, code });
  /** Beyond the limit of one code a minute; the library's own times are the machine's. */
  const laterBy = (seconds: number) => {
    world.app.clock.now += seconds;
  };
  async function signedIn(phone = PHONE, brandId = 1): Promise<{ visitor: Visitor; id: string }> {
    const visitor = world.visitor();
    await sendCode(visitor, phone, brandId);
    const response = await signIn(visitor, lastCode(), phone, brandId);
    const { customerId } = (await response.json()) as { customerId: string };
    return { visitor, id: customerId };
  }

  it("sign in with a code, and are the same customer the next time", async () => {
    const visitor = world.visitor();
    const sent = await sendCode(visitor, "138 0013 8000");
    expect(await sent.json()).to.deep.equal({ expiresInSeconds: 300 });
    expect(world.messages.map(({ phone }) => phone)).to.deep.equal([PHONE]);
    expect(world.messages[0]?.text).to.contain("【Noirance】");
    const response = await signIn(visitor, lastCode());
    expect(response.status, await response.clone().text()).to.equal(200);
    expect(response.headers.getSetCookie()[0]).to.match(/^mintmark-customer\.session_token=.*HttpOnly/i);
    const me = (await dataOf(await visitor.send("GET", "/v1/me"))) as { customer: { phone: string }; id: string };
    expect(me).to.deep.include({ kind: "customer", brandId: 1, role: null });
    expect(me.customer).to.include({ phone: PHONE, reference: null, wallet: null });

    laterBy(61);
    expect((await signedIn()).id).to.equal(me.id);
    laterBy(61);
    const elsewhere = await signedIn(PHONE, 2);
    expect(elsewhere.id, "another brand's customer").to.not.equal(me.id);
    expect((await elsewhere.visitor.send("DELETE", `/v1/customers/${me.id}`)).status).to.equal(404);
  });

  it("are nowhere kept with their plain phone number", async () => {
    const { id } = await signedIn();
    const rows = await Promise.all([
      world.application.customer.findMany(),
      world.application.customerLogin.findMany(),
      world.application.verification.findMany(),
      world.application.attempts.findMany(),
      world.application.auditEntry.findMany(),
    ]);
    const everything = JSON.stringify(rows, (_key, value) => (typeof value === "bigint" ? String(value) : value));
    expect(everything).to.contain(id);
    for (const form of [PHONE, "13800138000", "138001380"]) expect(everything).to.not.contain(form);
    const [row] = await world.application.customer.findMany();
    const { customers } = world.app.accounts;
    expect(row && customers.phoneOf(row)).to.equal(PHONE);
    // Bound to its row: in another one it cannot be read.
    expect(() => row && customers.phoneOf({ ...row, id: "cus_another" })).to.throw();
  });

  it("have five attempts, also at the same moment, and each code counts once", async () => {
    const visitor = world.visitor();
    await sendCode(visitor);
    const right = lastCode();
    const wrong = right === "123456" ? "654321" : "123456";
    for (let attempt = 0; attempt < 4; attempt++) expect((await signIn(visitor, wrong)).status).to.equal(401);
    const fifth = await signIn(visitor, wrong);
    const sixth = await signIn(visitor, right);
    expect([fifth.status, sixth.status]).to.deep.equal([401, 401]);
    const texts = await Promise.all(
      [fifth, sixth].map(async (answer) => ((await answer.json()) as { detail: string }).detail),
    );
    expect(texts[0]).to.equal(texts[1]);

    laterBy(61);
    await sendCode(visitor);
    const code = lastCode();
    const rush = await Promise.all(Array.from({ length: 8 }, () => signIn(world.visitor(), code)));
    expect(rush.filter(({ status }) => status === 200)).to.have.length(1);

    laterBy(61);
    await sendCode(visitor);
    const guesses = await Promise.all(Array.from({ length: 40 }, () => signIn(world.visitor(), wrong)));
    expect(guesses.every(({ status }) => status === 401)).to.equal(true);
    const [kept] = await world.application.verification.findMany();
    const failures = kept === undefined ? 5 : Number(kept.value.split(":")[1]);
    expect(failures).to.be.within(1, 5);
  });

  it("are sent only so many codes, whoever asks and whether they are known or not", async () => {
    await sendCode(world.visitor());
    const again = await sendCode(world.visitor());
    expect(again.status).to.equal(429);
    expect(Number(again.headers.get("Retry-After"))).to.be.within(1, 60);
    for (let hour = 0; hour < 4; hour++) {
      laterBy(61);
      expect((await sendCode(world.visitor())).status).to.equal(200);
    }
    laterBy(61);
    expect((await sendCode(world.visitor())).status, "the sixth in an hour").to.equal(429);
    const unknown = await sendCode(world.visitor(), "+8613900139000");
    expect(await unknown.json()).to.deep.equal({ expiresInSeconds: 300 });
    expect((await sendCode(world.visitor(), "12345")).status).to.equal(400);
    expect((await sendCode(world.visitor(), PHONE, 99)).status).to.equal(404);
  });

  it("sign in with their wallet by a message for this site, chain, brand and moment, once", async () => {
    const wallet = Wallet.createRandom();
    const nonceFor = async (brandId = 1) => {
      const response = await world.visitor().send("POST", `${base}/wallet/nonce`, { brandId });
      return (await response.json()) as { nonce: string; domain: string; uri: string; chainId: number };
    };
    const now = () => world.app.clock.now * 1000;
    const write = (fields: Record<string, unknown>) => messageOf(wallet.address, now(), fields);
    const attempt = async (
      message: string,
      brandId = 1,
      signer: { signMessage(text: string): Promise<string> } = wallet,
    ) => {
      const visitor = world.visitor();
      const signature = await signer.signMessage(message);
      const response = await visitor.send("POST", `${base}/wallet/sign-in`, { brandId, message, signature });
      return { visitor, response };
    };

    const offer = await nonceFor();
    const message = write(offer);
    const { visitor, response } = await attempt(message);
    expect(response.status, await response.clone().text()).to.equal(200);
    const me = (await dataOf(await visitor.send("GET", "/v1/me"))) as { id: string; customer: { wallet: string } };
    expect(me.customer.wallet).to.equal(wallet.address);
    const { response: replay } = await attempt(message);
    expect(replay.status, "the nonce is used up").to.equal(401);

    const minute = 60_000;
    const cases: [string, Record<string, unknown>][] = [
      ["another site", { domain: "evil.example" }],
      ["a page of another site", { uri: "https://evil.example" }],
      ["another chain", { chainId: 1 }],
      ["another version", { version: "2" }],
      ["a nonce of its own", { nonce: "0123456789abcdef" }],
      ["too old", { issuedAt: new Date(now() - 11 * minute).toISOString() }],
      ["of the future", { issuedAt: new Date(now() + 5 * minute).toISOString() }],
      ["run out", { expirationTime: new Date(now() - minute).toISOString() }],
      ["not valid yet", { notBefore: new Date(now() + minute).toISOString() }],
      ["another address", { address: Wallet.createRandom().address }],
    ];
    for (const [what, change] of cases) {
      const { response } = await attempt(write({ ...(await nonceFor()), ...change }));
      expect(response.status, what).to.equal(what === "another address" ? 503 : 401);
    }
    const { response: otherBrand } = await attempt(write(await nonceFor(2)), 1);
    expect(otherBrand.status, "a nonce of another brand").to.equal(401);
    const again = await attempt(
      write({ ...(await nonceFor()), expirationTime: new Date(now() + minute).toISOString() }),
    );
    expect(((await again.response.json()) as { customerId: string }).customerId).to.equal(me.id);
  });

  it("who are erased are forgotten everywhere, and come back as somebody else", async () => {
    const { visitor, id } = await signedIn();
    const { visitor: manager } = await world.member(1, "manager");
    const { visitor: stranger } = await world.member(2, "owner");
    const seen = await manager.send("GET", `/v1/customers/${id}`);
    expect(await dataOf(seen)).to.include({ id, phone: PHONE });
    expect((await stranger.send("GET", `/v1/customers/${id}`)).status).to.equal(404);
    expect((await stranger.send("DELETE", `/v1/customers/${id}`)).status).to.equal(404);
    expect((await stranger.send("POST", "/v1/customers/search", { phone: PHONE })).status).to.equal(404);
    const found = await manager.send("POST", "/v1/customers/search", { phone: "13800138000" });
    expect(await dataOf(found)).to.include({ id });

    expect((await manager.send("DELETE", `/v1/customers/${id}`)).status).to.equal(204);
    expect((await manager.send("DELETE", `/v1/customers/${id}`)).status, "twice").to.equal(204);
    expect((await visitor.send("GET", "/v1/me")).status).to.equal(401);
    expect((await manager.send("POST", "/v1/customers/search", { phone: PHONE })).status).to.equal(404);
    const [row] = await world.application.customer.findMany();
    expect(row).to.include({ id, reference: id, phoneHash: null, phoneCipher: null, wallet: null });
    expect(await world.application.customerSession.count()).to.equal(0);
    expect(await world.application.customerLogin.count()).to.equal(0);
    const entries = await world.application.auditEntry.findMany({ where: { action: "customer.erased" } });
    expect(entries.map(({ subject, details }) => ({ subject, details }))).to.deep.equal([
      { subject: id, details: "{}" },
    ]);

    laterBy(61);
    const back = await signedIn();
    expect(back.id).to.not.equal(id);
    expect((await back.visitor.send("DELETE", `/v1/customers/${id}`)).status).to.equal(404);
    expect((await back.visitor.send("DELETE", `/v1/customers/${back.id}`)).status).to.equal(204);
  });

  it("who have used a benefit are forgotten once the brand has signed for them for the last time", async () => {
    const { application } = world;
    const { id } = await signedIn();
    const { visitor: manager } = await world.member(1, "manager");
    const erase = async () => (await manager.send("DELETE", `/v1/customers/${id}`)).status;
    const of = { brandId: 1, collectionAddress: "0x01", serial: 1, benefitId: 7 };
    const request = { idempotencyKey: "key", requestHash: "of the reference", answer: "{}", createdBy: "test" };
    const times = { heldUntil: 0, createdAt: 0, updatedAt: 0 };
    await application.benefitHold.create({
      data: { ...{ id: "red_1", customerId: id, ...of }, ...request, ...times, ...HELD, state: "confirmed" },
    });
    await application.command.create({
      data: { ...of, kind: "redeem", state: "queued", holdId: "red_1", createdAt: 0 },
    });
    for (const [hold, command] of [
      ["confirmed", "queued"],
      ["confirmed", "sent"],
      // The chain may still lose it, and its undoing waits for it.
      ["undoing", "sent"],
    ]) {
      await application.benefitHold.updateMany({ data: { state: hold as string } });
      await application.command.updateMany({ data: { state: command as string } });
      expect(await erase(), `${hold}, ${command}`).to.equal(409);
    }
    await application.command.updateMany({ data: { state: "done" } });
    expect(await erase()).to.equal(204);
    const [hold] = await application.benefitHold.findMany();
    expect(hold).to.include({ customerId: id, requestHash: "" });
  });
});

const HELD = { holder: "0x02", generation: 0, custodial: true };

/** As EIP-4361 words it. */
function messageOf(address: string, now: number, fields: Record<string, unknown>): string {
  const { domain, uri, version, chainId, nonce, issuedAt, expirationTime, notBefore } = {
    version: "1",
    issuedAt: new Date(now).toISOString(),
    ...fields,
  } as Record<string, unknown>;
  return [
    `${domain} wants you to sign in with your Ethereum account:`,
    fields["address"] ?? address,
    "",
    "Sign in.",
    "",
    `URI: ${uri}`,
    `Version: ${version}`,
    `Chain ID: ${chainId}`,
    `Nonce: ${nonce}`,
    `Issued At: ${issuedAt}`,
    ...(expirationTime === undefined ? [] : [`Expiration Time: ${expirationTime}`]),
    ...(notBefore === undefined ? [] : [`Not Before: ${notBefore}`]),
  ].join("\n");
}
