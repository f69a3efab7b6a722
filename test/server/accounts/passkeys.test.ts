// Passkeys as a browser makes and uses them: Chromium with an authenticator of its own (WebAuthn's virtual authenticators).

import { expect } from "chai";
import type { Browser, CDPSession, Page } from "playwright-core";
import { launchBrowserOrSkip } from "../../support/browser.ts";
import { sqlite } from "../../support/databases.ts";
import { type AccountsWorld, createAccountsWorld, PASSWORD } from "./support.ts";

const EMAIL = "key@example.com";

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

describe("passkeys in a browser", () => {
  let browser: Browser | undefined;
  let world: AccountsWorld;
  let page: Page;
  let cdp: CDPSession;

  before(async function () {
    browser = await launchBrowserOrSkip(this);
    // Passkeys belong to a name, not to an address of numbers.
    world = await createAccountsWorld(sqlite, { onLocalhost: true });
    const context = await browser.newContext();
    page = await context.newPage();
    cdp = await context.newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    await page.goto(`${world.app.publicUrl}/docs`);
    const { link } = await world.app.accounts.invitations.invite({
      brandId: 1,
      email: EMAIL,
      role: "owner",
      actor: "command-line",
    });
    const token = new URL(link).searchParams.get("token");
    expect((await send("POST", "/v1/invitation", { token, name: "Key", password: PASSWORD })).status).to.equal(201);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  /** The device's own authenticator; it asks for a PIN or a fingerprint, and is given it or not. */
  async function plugIn(isUserVerified: boolean): Promise<string> {
    const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified,
        automaticPresenceSimulation: true,
      },
    });
    return authenticatorId;
  }

  /** From within the page, with its cookies and its origin. */
  const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
    page.evaluate(
      async ([method, path, body]) => {
        const response = await fetch(path, {
          method,
          ...(body === undefined
            ? {}
            : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
        });
        return { status: response.status, body: await response.json() };
      },
      [method, path, body] as const,
    ) as Promise<Answer>;

  async function register(): Promise<Answer> {
    const options = await send("GET", "/v1/auth/passkey/generate-register-options");
    if (options.status !== 200) return options;
    const response = await page.evaluate(async (json) => {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json as never);
      const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
      return credential.toJSON();
    }, options.body);
    return await send("POST", "/v1/auth/passkey/verify-registration", { response, name: "laptop" });
  }

  /** `change` is what somebody does to the answer on its way. */
  async function signIn(
    change: (options: Record<string, unknown>) => Record<string, unknown> = (same) => same,
  ): Promise<Answer> {
    const options = await send("GET", "/v1/auth/passkey/generate-authenticate-options");
    const response = await page.evaluate(async (json) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json as never);
      const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
      return credential.toJSON();
    }, change(options.body));
    return await send("POST", "/v1/auth/passkey/verify-authentication", { response });
  }

  it("are set up with a password, and then let in without one", async () => {
    const authenticator = await plugIn(true);
    expect((await send("POST", "/v1/auth/sign-in/email", { email: EMAIL, password: PASSWORD })).status).to.equal(200);
    expect((await send("GET", "/v1/me")).body["type"]).to.equal("/problems/second-factor-required");
    const registered = await register();
    expect(registered.status, JSON.stringify(registered.body)).to.equal(200);
    expect((await send("GET", "/v1/me")).status, "still by the password alone").to.equal(403);
    expect((await register()).body["type"], "a second one, by the password alone").to.equal(
      "/problems/second-factor-required",
    );
    await send("POST", "/v1/auth/sign-out");

    const signedIn = await signIn();
    expect(signedIn.status, JSON.stringify(signedIn.body)).to.equal(200);
    const me = await send("GET", "/v1/me");
    expect(me.body["data"]).to.deep.include({ kind: "user", brandId: 1, role: "owner" });
    const listed = await send("GET", "/v1/auth/passkey/list-user-passkeys");
    expect((listed.body as unknown as { name: string }[]).map(({ name }) => name)).to.deep.equal(["laptop"]);
    await send("POST", "/v1/auth/sign-out");
    const actions = (await world.application.auditEntry.findMany({ where: { brandId: 1 } })).map(
      ({ action }) => action,
    );
    expect(actions).to.include("user.passkey-added");

    const answer = await signIn((options) => ({ ...options, challenge: "AAAAAAAAAAAAAAAAAAAAAA" }));
    expect(answer.status, "another challenge").to.be.oneOf([400, 401]);
    expect((await send("GET", "/v1/me")).status).to.equal(401);
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId: authenticator, isUserVerified: false });
    const unverified = await signIn((options) => ({ ...options, userVerification: "discouraged" }));
    expect(unverified.status, "without PIN or fingerprint").to.equal(401);
    expect(unverified.body["detail"]).to.contain("PIN");
    expect((await send("GET", "/v1/me")).status).to.equal(401);
    await cdp.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: authenticator });
  });
});
