// A short look with the fuzzing of the API (npm run fuzz-api takes a long one), and that it would notice.

import { expect } from "chai";
import type { FuzzedRequest } from "../../fuzz-api/request.ts";
import { fuzzApi } from "../../fuzz-api/run.ts";
import type { Answer } from "../../fuzz-api/sending.ts";
import { judge } from "../../fuzz-api/verdict.ts";
import { describeOnEachDatabase, sqlite } from "../../support/databases.ts";
import { createMirrorFixture, type MirrorFixture } from "../../support/mirror-fixture.ts";
import { seedFrom } from "../../support/random.ts";
import { type Contract, readContract } from "./contract.ts";
import { type RunningApp, startApp } from "./support.ts";

describeOnEachDatabase("requests that are made up from the document", (kind) => {
  const seed = seedFrom("FUZZ_API_SEED");

  it(`are answered as the document says, seed ${seed}`, async () => {
    const { requests, failure } = await fuzzApi({ kind, seed, requests: 400 });
    expect(failure, failure).to.equal(undefined);
    expect(requests).to.be.above(300);
  });
});

describe("the judge of made up requests", () => {
  let mirror: MirrorFixture;
  let app: RunningApp;
  let contract: Contract;

  before(async () => {
    mirror = await createMirrorFixture(sqlite);
    app = await startApp(mirror.database);
    contract = await readContract(app);
  });
  after(async () => {
    await app.close();
    await mirror.close();
  });

  const path = "/v1/collections";
  const request = { operation: { method: "get", path, security: [] }, changes: [] } as unknown as FuzzedRequest;
  const written = { method: "GET", target: path, headers: {}, body: undefined };
  const judged = (answer: Answer) => judge(contract, request, written, answer).breach;

  async function good(): Promise<Answer> {
    const response = await app.get(path);
    const headers = Object.fromEntries(response.headers);
    return { status: response.status, headers, text: await response.text(), endless: false };
  }
  async function problem(changes: object = {}, status = 400): Promise<Answer> {
    const response = await app.get(`${path}?colour=red`);
    const headers = Object.fromEntries(response.headers);
    return { status, headers, text: JSON.stringify({ ...(await response.json()), ...changes }), endless: false };
  }

  it("accepts what is documented", async () => {
    expect(judged(await good())).to.equal(undefined);
    expect(judged(await problem())).to.equal(undefined);
  });

  it("rejects what is not", async () => {
    const answer = await good();
    const { "x-request-id": _, ...unnamed } = answer.headers;
    const wrong: [string, Answer][] = [
      ["a 500, though it is documented", await problem({ type: "/problems/internal-error", status: 500 }, 500)],
      ["a status that the operation does not have", { ...answer, status: 202 }],
      ["a body of another form", { ...answer, text: JSON.stringify({ data: {} }) }],
      ["another kind of content", { ...answer, headers: { ...answer.headers, "content-type": "text/html" } }],
      ["a request without a name", { ...answer, headers: unnamed }],
      ["a problem of an unknown type", await problem({ type: "/problems/unheard-of" })],
      ["a problem that names the database", await problem({ detail: "Invalid `prisma.card.findMany()` invocation" })],
      ["a problem with a place in the sources", await problem({ detail: "x is not a function at app.ts:12" })],
    ];
    for (const [what, told] of wrong) expect(judged(told), what).to.be.a("string");
  });

  it("does not take for the server's words what the client has said", async () => {
    const response = await app.get(`${path}?prisma=1`);
    const headers = Object.fromEntries(response.headers);
    expect(judged({ status: 400, headers, text: await response.text(), endless: false })).to.equal(undefined);
  });
});
