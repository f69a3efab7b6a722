// A run of the fuzzing: a server with orders, payments and accounts over the fixture's mirror, sequences of requests that fast-check makes
// and shrinks, and what came of them. The seed decides what is tried.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mnemonic } from "ethers";
import fc from "fast-check";
import { createHolderDerivation } from "../../server/issuance/holder-derivation.ts";
import { type AccountsWorld, createAccountsWorld } from "../server/accounts/support.ts";
import { type Contract, readContract } from "../server/http/contract.ts";
import type { DatabaseKind } from "../support/databases.ts";
import { addressOf, COLLECTIONS, COLLECTOR, SERIALS } from "../support/mirror-fixture.ts";
import { type Askers, createAskers } from "./askers.ts";
import { COLLECTION, KEPT } from "./examples.ts";
import { createMemory } from "./memory.ts";
import { type FuzzedOperation, type FuzzedRequest, requestsOf } from "./request.ts";
import type { Resolve, Schema } from "./schema.ts";
import { send, type Written, write } from "./sending.ts";
import { judge } from "./verdict.ts";

export interface FuzzOptions {
  kind: DatabaseKind;
  seed: number;
  /** How many requests are sent, about. */
  requests: number;
}

export interface FuzzResult {
  requests: number;
  seconds: number;
  /** How often each operation was answered with each status, as `method path`. */
  seen: Map<string, Map<number, number>>;
  /** Operations that were never answered as asked. */
  neverDone: string[];
  /** What went wrong, with the requests that led there; nothing if all is well. */
  failure: string | undefined;
}

/** Sequences that go on at the same time: a server has more than one client. */
const LANES = 6;
const LONGEST_SEQUENCE = 24;
/** Searching for a smaller example of what went wrong ends after this, in milliseconds. */
const SHRINKING_MS = 20_000;

/** Answered as asked only by a server that is connected to a chain or a payment provider, or after work that this one does not do. */
const NEEDS_MORE = new Set([
  "post /v1/orders/{order}/payment",
  "post /v1/payments/{provider}/callback",
  "post /v1/redemptions/{redemption}/undo",
  "post /v1/orders/{order}/refund",
  "post /v1/orders/{order}/gift",
  "put /v1/imports/{import}/columns",
  "get /v1/imports/{import}/codes.zip",
  "get /v1/imports/{import}/sheet.pdf",
  "post /v1/imports/{import}/start",
  "post /v1/imports/{import}/pause",
  "post /v1/imports/{import}/resume",
]);

const derivation = createHolderDerivation(Mnemonic.fromPhrase(`${"abandon ".repeat(11)}about`));

export async function fuzzApi({ kind, seed, requests }: FuzzOptions): Promise<FuzzResult> {
  const dataFolder = mkdtempSync(join(tmpdir(), "mintmark-fuzz-"));
  const world = await createAccountsWorld(kind, {
    dataFolder,
    keysOf: async (brandId) => (brandId === 1 ? { holderAddress: derivation.address } : undefined) as never,
  });
  try {
    await grantBenefits(world.application);
    const holderOf = () => derivation.address(KEPT.reference).toLowerCase();
    await world.issue({ collection: COLLECTION.address, firstSerial: KEPT.serial, count: 1, holderOf });
    const contract = await readContract(world.app);
    const started = performance.now();
    const seen: FuzzResult["seen"] = new Map();
    const done = new Set<string>();
    const operations = contract.operations(contract.document.tags.map(({ name }) => name));
    const resolve = resolverOf(contract.document);
    const requestArbitrary = fc.oneof(
      ...operations.map(([method, path, operation]) =>
        requestsOf({ method, path, ...operation } as unknown as FuzzedOperation, resolve),
      ),
    );
    const askers = createAskers(world);
    const shared = { contract, world, askers, requestArbitrary, resolve, seen, done };
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      runLane({ lane, seed: seed * LANES + lane, requests: Math.ceil(requests / LANES), ...shared }),
    );
    const failures = (await Promise.all(lanes)).filter((failure) => failure !== undefined);
    const neverDone = operations
      .map(([method, path]) => `${method} ${path}`)
      .filter((name) => !NEEDS_MORE.has(name) && !done.has(name));
    return {
      requests: [...seen.values()].flatMap((statuses) => [...statuses.values()]).reduce((sum, count) => sum + count, 0),
      seconds: (performance.now() - started) / 1000,
      seen,
      neverDone,
      failure: failures.length === 0 ? undefined : failures.join("\n\n"),
    };
  } finally {
    await world.close();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

/** What the demo of a brand has: without benefits, nothing could be redeemed. */
async function grantBenefits(application: AccountsWorld["application"]): Promise<void> {
  const place = { blockNumber: 20, logIndex: 0, startsAt: 0 };
  const terms = [
    { benefitId: 1, quota: 2 ** 32 - 1, period: 0 },
    { benefitId: 2, quota: 1_000, period: 30 * 86_400 },
    { benefitId: 3, quota: 2, period: 0 },
  ];
  const collections = [COLLECTION.address, COLLECTIONS.firstEdition.address];
  await application.benefit.createMany({
    data: collections.flatMap((collectionAddress) =>
      [1, 2, 3].flatMap((tier) => terms.map((term) => ({ collectionAddress, tier, ...term, ...place }))),
    ),
  });
}

interface Lane {
  lane: number;
  seed: number;
  requests: number;
  contract: Contract;
  world: AccountsWorld;
  askers: Askers;
  requestArbitrary: fc.Arbitrary<FuzzedRequest>;
  resolve: Resolve;
  seen: FuzzResult["seen"];
  /** Operations that were answered as asked. */
  done: Set<string>;
}

/** Sequences one after the other. Says what went wrong first, if anything did. */
async function runLane({
  lane,
  seed,
  requests,
  contract,
  world,
  askers,
  requestArbitrary,
  resolve,
  seen,
  done,
}: Lane): Promise<string | undefined> {
  const { app } = world;
  const memory = createMemory(resolve, {
    collection: [COLLECTION.slug, COLLECTIONS.firstEdition.slug, COLLECTIONS.tea.address],
    serial: [1, 2, KEPT.serial, ...Object.values(SERIALS)],
    holder: [COLLECTOR, addressOf("holder 1")],
    address: [COLLECTOR, ...Object.values(COLLECTIONS).map(({ address }) => address)],
    reference: ["CRM-1", "CRM-2"],
    customer: ["CRM-1", "CRM-2"],
    benefit: [1, 2, 3],
    tier: [1, 3],
    "Idempotency-Key": ["key-1", "key-2", "key-3"],
    minBlock: [1, 1_000, 1_024],
    provider: ["pingpp"],
    timeZone: ["Asia/Shanghai"],
    product: ["SKU-1", "*", "category:tea"],
  });
  async function ask(request: FuzzedRequest, transcript: Written[]): Promise<void> {
    const name = `${request.operation.method} ${request.operation.path}`;
    const credentials = await askers.headers(request.asker);
    const written = write(request, memory, credentials);
    transcript.push(written);
    const answer = await send(app.url, written);
    const statuses = seen.get(name) ?? new Map<number, number>();
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    seen.set(name, statuses);
    const { breach, body } = judge(contract, request, written, answer);
    if (breach !== undefined) {
      const requestId = answer.headers["x-request-id"];
      const logged = app.log.filter((line) => line["requestId"] === requestId && line["err"] !== undefined);
      throw new Error([breach, ...logged.map(({ err }) => (err as { stack?: string }).stack ?? "")].join("\n"));
    }
    if (answer.status === 401 && request.asker !== "nobody" && request.asker !== "stranger")
      askers.forget(request.asker);
    if (answer.status < 300) {
      if (request.changes.length === 0) done.add(name);
      memory.learn(body);
      const tag = answer.headers["etag"];
      if (tag !== undefined) memory.tags.set(`${request.operation.path} ${written.target}`, tag);
    }
    if (app.log.length > 5_000) app.log.splice(0, 4_000);
  }

  let sent = 0;
  let last: { transcript: Written[]; error: unknown } | undefined;
  let failing: number | undefined;
  const property = fc.asyncProperty(
    fc.array(requestArbitrary, {
      minLength: 1,
      maxLength: LONGEST_SEQUENCE,
      size: "max",
    }),
    async (sequence) => {
      if (sent >= requests && failing === undefined) return;
      // What is found is worth some minutes of searching, not more.
      if (failing !== undefined && performance.now() - failing > SHRINKING_MS) return;
      const transcript: Written[] = [];
      try {
        for (const request of sequence) {
          sent++;
          await ask(request, transcript);
        }
      } catch (error) {
        failing ??= performance.now();
        last = { transcript, error };
        throw error;
      }
    },
  );
  // More than are needed: the property itself counts requests, and ends early.
  const { failed } = await fc.check(property, { seed, numRuns: Math.ceil(requests / 4) });
  if (!failed || last === undefined) return undefined;
  const steps = last.transcript.slice(-LONGEST_SEQUENCE).map((written) => `  ${describe(written)}`);
  return [
    `In lane ${lane}, after these requests:`,
    ...steps,
    `The last one was answered wrongly: ${text(last.error)}`,
  ].join("\n");
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** As somebody would repeat it. */
function describe({ method, target, headers, body }: Written): string {
  const shown = Object.entries(headers).map(
    ([name, value]) => `-H ${JSON.stringify(`${name}: ${value}`.slice(0, 120))}`,
  );
  const data =
    body === undefined ? [] : [`--data-binary ${JSON.stringify(body.length > 600 ? `${body.slice(0, 600)}…` : body)}`];
  return [`curl -X ${method}`, ...shown, ...data, JSON.stringify(target.slice(0, 600))].join(" ");
}

/** Follows references into the document. */
function resolverOf(document: object): Resolve {
  const resolve: Resolve = (schema) => {
    if (schema.$ref === undefined) {
      const { type, ...rest } = schema;
      return Array.isArray(type) ? { anyOf: type.map((one: string) => ({ ...rest, type: one })) } : schema;
    }
    const found = schema.$ref
      .slice(2)
      .split("/")
      .reduce((place, key) => place[key] as Record<string, unknown>, document as Record<string, unknown>);
    return resolve(found as Schema);
  };
  return resolve;
}
