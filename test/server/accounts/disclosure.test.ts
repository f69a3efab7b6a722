// What must stay with whom it belongs to: the log of a run holds none of it, and answers are what the API's document says they are,
// nothing more.

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "chai";
import { Wallet } from "ethers";
import { sqlite } from "../../support/databases.ts";
import { type AccountsWorld, createAccountsWorld, oneTimeCode, PASSWORD } from "./support.ts";

interface Described {
  responses: Record<string, { content?: Record<string, object> }>;
}

describe("what accounts tell", () => {
  let world: AccountsWorld;
  beforeEach(async () => {
    world = await createAccountsWorld(sqlite);
  });
  afterEach(() => world.close());

  it("to the log: nothing secret, and no personal data", async () => {
    const { visitor, email, secret, backupCodes } = await world.member(1, "owner", "private@example.com");
    const secrets = [email, "private", secret, ...backupCodes, PASSWORD, "wrong password!"];
    const keep = (...values: string[]) => secrets.push(...values);
    const data = async (response: Response) => ((await response.json()) as { data: Record<string, string> }).data;

    const made = await data(await visitor.send("POST", "/v1/api-keys", { name: "till", role: "staff" }));
    keep(made["key"] ?? "");
    await world.app.get("/v1/me", { headers: { Authorization: `Bearer ${made["key"]}` } });
    await world.app.get("/v1/me", { headers: { Authorization: `Bearer mm_${"b".repeat(43)}` } });
    keep("b".repeat(43));
    const invited = await data(
      await visitor.send("POST", "/v1/invitations", { email: "guest@example.com", role: "staff" }),
    );
    const token = new URL(invited["link"] ?? "").searchParams.get("token") ?? "";
    keep(token, "guest");
    await world.visitor().send("GET", `/v1/invitation?token=${token}`);
    await world.visitor().send("POST", "/v1/invitation", { token, name: "Guest", password: "short" });

    const again = world.visitor();
    await again.send("POST", "/v1/auth/sign-in/email", { email, password: "wrong password!" });
    await again.send("POST", "/v1/auth/sign-in/email", { email, password: PASSWORD });
    await again.send("POST", "/v1/auth/two-factor/verify-totp", { code: "000000" });
    await again.send("POST", "/v1/auth/two-factor/verify-totp", { code: oneTimeCode(secret) });
    await again.send("POST", "/v1/auth/two-factor/disable", { password: PASSWORD }, { Origin: "https://evil.example" });

    const customer = world.visitor();
    const phone = "+8613800138000";
    await customer.send("POST", "/v1/auth/customers/phone/send-code", { brandId: 1, phone });
    const code = /Code (\d{6})/.exec(world.messages[0]?.text ?? "")?.[1] ?? "";
    keep(phone, "13800138000", code);
    await customer.send("POST", "/v1/auth/customers/phone/sign-in", { brandId: 1, phone, code: "1234567" });
    await customer.send("POST", "/v1/auth/customers/phone/sign-in", { brandId: 1, phone, code });
    await visitor.send("POST", "/v1/customers/search", { phone });
    await customer.send("POST", "/v1/auth/customers/wallet/sign-in", {
      brandId: 1,
      message: "no message",
      signature: "0x00",
    });
    const wallet = Wallet.createRandom();
    keep(wallet.address, wallet.address.toLowerCase());
    for (const { cookies } of [visitor, again, customer]) {
      for (const value of cookies.values()) keep(value, decodeURIComponent(value).split(".")[0] ?? value);
    }

    const log = JSON.stringify(world.app.log);
    expect(world.app.log.length, "lines").to.be.greaterThan(15);
    expect(secrets.every((value) => value.length >= 5)).to.equal(true);
    expect(secrets.filter((value) => log.includes(value))).to.deep.equal([]);
  });

  it("to whoever asks: what the API's document says, in its form", async () => {
    const document = (await (await world.app.get("/openapi.json")).json()) as {
      paths: Record<string, Record<string, Described>>;
    };
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(document, "document");
    const validators = new Map<string, ValidateFunction>();
    const { visitor, userId } = await world.member(1, "owner");
    const staff = await world.member(1, "staff");
    const seen = new Set<string>();

    async function check(
      method: string,
      path: string,
      values: Record<string, string>,
      status: number,
      body?: unknown,
      query = "",
    ) {
      const target = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => values[name] ?? "") + query;
      const response = await visitor.send(method, target, body);
      const text = await response.text();
      expect(response.status, `${method} ${target}: ${text}`).to.equal(status);
      const documented = document.paths[path]?.[method.toLowerCase()]?.responses[String(status)];
      expect(documented, `${method} ${path} ${status} is in the document`).to.not.equal(undefined);
      seen.add(`${method} ${path}`);
      const type = response.headers.get("content-type")?.split(";")[0] ?? "";
      if (documented?.content === undefined) {
        expect(text).to.equal("");
        return {};
      }
      expect(Object.keys(documented.content)).to.deep.equal([type]);
      const pointer = ["paths", path, method.toLowerCase(), "responses", String(status), "content", type, "schema"]
        .map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")))
        .join("/");
      const reference = `document#/${pointer}`;
      const validate = validators.get(reference) ?? ajv.compile({ $ref: reference });
      validators.set(reference, validate);
      const parsed = JSON.parse(text) as { data: Record<string, string> };
      expect(validate(parsed), `${method} ${target}: ${ajv.errorsText(validate.errors)} in ${text}`).to.equal(true);
      return parsed.data;
    }

    await check("GET", "/v1/me", {}, 200);
    const key = (await check("POST", "/v1/api-keys", {}, 201, { name: "till", role: "staff" }))["id"] ?? "";
    await check("POST", "/v1/api-keys", {}, 400, { name: "", role: "emperor", colour: "red" });
    await check("POST", "/v1/api-keys/{key}/rotate", { key }, 200, { graceSeconds: 1 });
    await check("GET", "/v1/api-keys", {}, 200, undefined, "?limit=1");
    await check("DELETE", "/v1/api-keys/{key}", { key }, 204);
    await check("POST", "/v1/api-keys/{key}/rotate", { key }, 409, {});
    const invited = await check("POST", "/v1/invitations", {}, 201, { email: "a@example.com", role: "staff" });
    const token = new URL(invited["link"] ?? "").searchParams.get("token");
    await check("GET", "/v1/invitation", {}, 200, undefined, `?token=${token}`);
    await check("GET", "/v1/invitations", {}, 200);
    await check("DELETE", "/v1/invitations/{invitation}", { invitation: invited["id"] ?? "" }, 204);
    await check("GET", "/v1/invitation", {}, 404, undefined, `?token=${token}`);
    const second = await check("POST", "/v1/invitations", {}, 201, { email: "b@example.com", role: "staff" });
    const secondToken = new URL(second["link"] ?? "").searchParams.get("token");
    await check("POST", "/v1/invitation", {}, 400, { token: secondToken });
    await check("POST", "/v1/invitation", {}, 201, { token: secondToken, name: "B", password: PASSWORD });
    await check("GET", "/v1/members", {}, 200);
    await check("PATCH", "/v1/members/{userId}", { userId: staff.userId }, 200, { role: "auditor" });
    await check("PATCH", "/v1/members/{userId}", { userId }, 409, { role: "auditor" });
    await check("DELETE", "/v1/members/{userId}", { userId: staff.userId }, 204);
    const customer = await world.app.accounts.customers.signIn({ brandId: 1, phone: "+8613800138000" });
    await world.app.accounts.customers.signIn({ brandId: 1, wallet: Wallet.createRandom().address.toLowerCase() });
    await check("GET", "/v1/customers", {}, 200);
    await check("GET", "/v1/customers/{customer}", { customer }, 200);
    await check("POST", "/v1/customers/search", {}, 200, { phone: "13800138000" });
    await check("POST", "/v1/customers/search", {}, 400, { phone: "12" });
    await check("DELETE", "/v1/customers/{customer}", { customer }, 204);
    await check("GET", "/v1/customers/{customer}", { customer }, 200);
    await check("GET", "/v1/audit-log", {}, 200);
    await check("GET", "/v1/audit-log", {}, 400, undefined, "?limit=0");

    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { tags }]: [string, Described & { tags?: string[] }]) =>
        tags?.includes("accounts") ? [`${method.toUpperCase()} ${path}`] : [],
      ),
    );
    expect([...seen].sort(), "every operation was seen").to.deep.equal(operations.sort());
  });
});
