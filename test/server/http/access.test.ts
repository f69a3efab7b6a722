// Who is let in where: every operation of the API, against everybody who might ask. The table says who is; an operation that is
// not in it fails the test.

import { expect } from "chai";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { BRAND_ROLES, type Entrant } from "../../../server/accounts/principal.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { type AccountsWorld, createAccountsWorld, type Visitor } from "../accounts/support.ts";

const EVERYONE = "everyone";
type Rule = typeof EVERYONE | readonly Entrant[];
const TEAM: readonly Entrant[] = ["owner", "manager", "staff", "auditor"];
const DESK: readonly Entrant[] = ["owner", "manager", "staff"];
const READERS: readonly Entrant[] = ["owner", "manager", "auditor"];

const TABLE: Record<string, Rule> = {
  "GET /health": EVERYONE,
  "GET /ready": EVERYONE,
  "GET /metrics": EVERYONE,
  "GET /metadata/{address}": EVERYONE,
  "GET /metadata/{address}/{serial}": EVERYONE,
  "GET /v1/collections": EVERYONE,
  "GET /v1/collections/{collection}": EVERYONE,
  "GET /v1/collections/{collection}/cards": EVERYONE,
  "GET /v1/collections/{collection}/cards/{serial}": EVERYONE,
  "GET /v1/collections/{collection}/offer": EVERYONE,
  "PUT /v1/collections/{collection}/offer": ["owner", "manager"],
  "GET /v1/holders/{address}/cards": EVERYONE,
  "GET /v1/verify/{collection}/{serial}": EVERYONE,

  "GET /v1/me": [...TEAM, "customer"],
  "GET /v1/members": READERS,
  "PATCH /v1/members/{userId}": ["owner"],
  "DELETE /v1/members/{userId}": ["owner"],
  "GET /v1/invitations": READERS,
  "POST /v1/invitations": ["owner"],
  "DELETE /v1/invitations/{invitation}": ["owner"],
  "GET /v1/invitation": EVERYONE,
  "POST /v1/invitation": EVERYONE,
  "GET /v1/api-keys": READERS,
  "POST /v1/api-keys": ["owner", "manager"],
  "POST /v1/api-keys/{key}/rotate": ["owner", "manager"],
  "DELETE /v1/api-keys/{key}": ["owner", "manager"],
  "GET /v1/customers": TEAM,
  "POST /v1/customers/search": DESK,
  "GET /v1/customers/{customer}": TEAM,
  "DELETE /v1/customers/{customer}": ["owner", "manager", "customer"],
  "GET /v1/audit-log": READERS,

  "GET /v1/collections/{collection}/benefits": EVERYONE,
  "PUT /v1/collections/{collection}/benefits/{benefit}": ["owner", "manager"],
  "GET /v1/customers/{reference}/entitlements": TEAM,
  "GET /v1/holders/{address}/entitlements": EVERYONE,
  "POST /v1/entitlements/check": DESK,

  "GET /v1/redemptions": TEAM,
  "POST /v1/redemptions": DESK,
  "GET /v1/redemptions/{redemption}": TEAM,
  "POST /v1/redemptions/{redemption}/confirm": DESK,
  "POST /v1/redemptions/{redemption}/release": DESK,
  "POST /v1/redemptions/{redemption}/undo": DESK,

  "GET /v1/orders": [...TEAM, "customer"],
  "POST /v1/orders": [...DESK, "customer"],
  "GET /v1/orders/{order}": [...TEAM, "customer"],
  "POST /v1/orders/{order}/cancel": DESK,
  "POST /v1/orders/{order}/refund": ["owner", "manager"],
  "POST /v1/orders/{order}/gift": [...DESK, "customer"],
  "POST /v1/orders/{order}/payment": [...DESK, "customer"],
  // Whoever tells of a payment proves who they are by what they have signed.
  "POST /v1/payments/{provider}/callback": EVERYONE,

  "GET /v1/webhook-endpoints": READERS,
  "POST /v1/webhook-endpoints": ["owner", "manager"],
  "GET /v1/webhook-endpoints/{endpoint}": READERS,
  "PATCH /v1/webhook-endpoints/{endpoint}": ["owner", "manager"],
  "DELETE /v1/webhook-endpoints/{endpoint}": ["owner", "manager"],
  "POST /v1/webhook-endpoints/{endpoint}/rotate-secret": ["owner", "manager"],
  "POST /v1/webhook-endpoints/{endpoint}/test": ["owner", "manager"],
  "GET /v1/webhook-endpoints/{endpoint}/deliveries": READERS,
  "POST /v1/webhook-endpoints/{endpoint}/replay": ["owner", "manager"],
  "GET /v1/webhook-deliveries/{delivery}": READERS,
  "POST /v1/webhook-deliveries/{delivery}/replay": ["owner", "manager"],

  "GET /v1/imports": READERS,
  "POST /v1/imports": ["owner", "manager"],
  "GET /v1/imports/{import}": READERS,
  "GET /v1/imports/{import}/problems": READERS,
  "GET /v1/imports/{import}/problems.csv": READERS,
  "GET /v1/imports/{import}/events": READERS,
  "GET /v1/imports/{import}/result.csv": READERS,
  "GET /v1/imports/{import}/codes.zip": READERS,
  "GET /v1/imports/{import}/sheet.pdf": READERS,
  "PUT /v1/imports/{import}/columns": ["owner", "manager"],
  "POST /v1/imports/{import}/start": ["owner", "manager"],
  "POST /v1/imports/{import}/pause": ["owner", "manager"],
  "POST /v1/imports/{import}/resume": ["owner", "manager"],
  "POST /v1/imports/{import}/cancel": ["owner", "manager"],
};

const NOTHING = "00000000-0000-7000-8000-000000000000";
/** Well-formed, and of nothing that is there: whoever is let in is told so, and nothing happens. */
const PARAMETERS: Record<string, string> = {
  address: `0x${"00".repeat(19)}01`,
  collection: "no-such-collection",
  serial: "1",
  userId: `usr_${NOTHING}`,
  invitation: `inv_${NOTHING}`,
  key: `key_${NOTHING}`,
  benefit: "1",
  reference: "nobody",
  redemption: `red_${NOTHING}`,
  customer: `cus_${NOTHING}`,
  order: `ord_${NOTHING}`,
  provider: "no-such-provider",
  import: `imp_${NOTHING}`,
  endpoint: `whe_${NOTHING}`,
  delivery: `msg_${"0".repeat(32)}`,
};

/** Somebody who asks. */
interface Caller {
  name: string;
  /** Nothing for who is nobody in particular. */
  entrant: Entrant | undefined;
  visitor: Visitor;
  headers: Record<string, string>;
}

describeOnEachDatabase("access", (kind) => {
  let world: AccountsWorld;
  const callers: Caller[] = [];
  let operations: { name: string; method: string; path: string }[];

  before(async () => {
    world = await createAccountsWorld(kind);
    const document = (await (await world.app.get("/openapi.json")).json()) as { paths: Record<string, object> };
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => ({
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
      })),
    );
    for (const brandId of [1, 2]) {
      for (const role of BRAND_ROLES) {
        const { visitor } = await world.member(brandId, role);
        callers.push({ name: `${role} of brand ${brandId}`, entrant: role, visitor, headers: {} });
        const now = world.app.clock.now * 1000;
        const key = await createApiKey(world.application, { brandId, role, name: role, createdBy: "test", now });
        const headers = { Authorization: `Bearer ${key.key}` };
        callers.push({ name: `${role}'s key of brand ${brandId}`, entrant: role, visitor: world.visitor(), headers });
      }
      const visitor = world.visitor();
      const phone = `+861380013800${brandId}`;
      await visitor.send("POST", "/v1/auth/customers/phone/send-code", { brandId, phone });
      const code = /Code (\d{6})/.exec(world.messages.at(-1)?.text ?? "")?.[1];
      await visitor.send("POST", "/v1/auth/customers/phone/sign-in", { brandId, phone, code });
      callers.push({ name: `customer of brand ${brandId}`, entrant: "customer", visitor, headers: {} });
    }
    const weak = await world.member(1, "owner", "weak@example.com");
    await world.application.userSession.updateMany({ where: { userId: weak.userId }, data: { secondFactor: false } });
    const nobodies: [string, Visitor, Record<string, string>][] = [
      ["nobody", world.visitor(), {}],
      ["a made-up key", world.visitor(), { Authorization: `Bearer mm_${"A".repeat(43)}` }],
      ["a made-up session", world.visitor(), { Cookie: "mintmark.session_token=made-up.signature" }],
      ["an owner with a password alone", weak.visitor, {}],
    ];
    for (const [name, visitor, headers] of nobodies) callers.push({ name, entrant: undefined, visitor, headers });
  });
  after(() => world.close());

  const ask = ({ visitor, headers }: Caller, { method, path }: { method: string; path: string }) => {
    const target = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
      const value = PARAMETERS[name];
      if (value === undefined) throw new Error(`Say in PARAMETERS what to put for {${name}} in ${path}`);
      return value;
    });
    // Empty, and refused where it must say something: nothing is made by whoever is let in.
    return visitor.send(method, target, method === "GET" || method === "DELETE" ? undefined : {}, headers);
  };

  it("is decided for each operation", () => {
    expect(operations.map(({ name }) => name).sort()).to.deep.equal(Object.keys(TABLE).sort());
  });

  it("is what the table says, for every operation and everybody", async () => {
    const wrong: string[] = [];
    let asked = 0;
    for (const operation of operations) {
      const rule = TABLE[operation.name] ?? [];
      for (const caller of callers) {
        const { status } = await ask(caller, operation);
        asked++;
        const letIn = status !== 401 && status !== 403;
        const may = rule === EVERYONE || (caller.entrant !== undefined && rule.includes(caller.entrant));
        if (letIn !== may) wrong.push(`${caller.name}: ${operation.name} answered ${status}`);
        // Whoever cannot say who they are is told to; whoever is known is told that it is not for them.
        if (!may && status !== (caller.entrant === undefined && !caller.name.startsWith("an owner with") ? 401 : 403)) {
          wrong.push(`${caller.name}: ${operation.name} answered ${status}`);
        }
        if (status >= 500 && !operation.path.startsWith("/ready"))
          wrong.push(`${caller.name}: ${operation.name}: ${status}`);
      }
    }
    expect(wrong).to.deep.equal([]);
    expect(asked).to.equal(Object.keys(TABLE).length * callers.length);
  });

  it("ends at the brand: what is another one's is not there", async () => {
    const idOf = async (response: Response) => ((await response.json()) as { data: { id: string } }).data.id;
    const mine = await world.member(1, "staff");
    const { visitor: owner } = await world.member(1, "owner");
    const invited = await owner.send("POST", "/v1/invitations", { email: "b@example.com", role: "staff" });
    const made = await owner.send("POST", "/v1/api-keys", { name: "till", role: "staff" });
    const hook = { url: "http://127.0.0.1:9/", events: ["*"] };
    const endpoint = await idOf(await owner.send("POST", "/v1/webhook-endpoints", hook));
    const tested = await idOf(await owner.send("POST", `/v1/webhook-endpoints/${endpoint}/test`));
    const customer = await world.application.customer.findFirstOrThrow({ where: { brandId: 1 } });
    const [invitation, key] = [await idOf(invited), await idOf(made)];
    const targets: [string, string, unknown?][] = [
      ["PATCH", `/v1/members/${mine.userId}`, { role: "auditor" }],
      ["DELETE", `/v1/members/${mine.userId}`],
      ["DELETE", `/v1/invitations/${invitation}`],
      ["POST", `/v1/api-keys/${key}/rotate`, {}],
      ["DELETE", `/v1/api-keys/${key}`],
      ["GET", `/v1/webhook-deliveries/${tested}`],
      ["POST", `/v1/webhook-deliveries/${tested}/replay`],
      ["GET", `/v1/webhook-endpoints/${endpoint}`],
      ["GET", `/v1/webhook-endpoints/${endpoint}/deliveries`],
      ["PATCH", `/v1/webhook-endpoints/${endpoint}`, { description: "till" }],
      ["POST", `/v1/webhook-endpoints/${endpoint}/rotate-secret`, {}],
      ["POST", `/v1/webhook-endpoints/${endpoint}/test`],
      ["POST", `/v1/webhook-endpoints/${endpoint}/replay`, { since: "2026-01-01T00:00:00Z" }],
      ["DELETE", `/v1/webhook-endpoints/${endpoint}`],
      ["GET", `/v1/customers/${customer.id}`],
      ["DELETE", `/v1/customers/${customer.id}`],
    ];
    const { visitor: stranger } = await world.member(2, "owner");
    for (const [method, path, body] of targets) {
      expect((await stranger.send(method, path, body)).status, `${method} ${path}, another brand's`).to.equal(404);
    }
    const lists = ["members", "invitations", "api-keys", "customers", "audit-log", "webhook-endpoints"];
    for (const path of lists.map((list) => `/v1/${list}`)) {
      const text = await (await stranger.send("GET", path)).text();
      for (const id of [mine.userId, invitation, key, customer.id, endpoint]) expect(text, path).to.not.contain(id);
    }
    // The same requests by whose they are; those that end things come last.
    for (const [method, path, body] of targets) {
      expect((await owner.send(method, path, body)).status, `${method} ${path}, one's own`).to.be.oneOf([
        200, 202, 204,
      ]);
    }
  });
});
