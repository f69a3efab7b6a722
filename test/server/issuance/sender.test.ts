// Issuing against a real chain with a connection that fails on purpose. Whatever fails, each card is issued once or the
// failure is told, and calling again finishes the work.

import { expect } from "chai";
import { Contract, getAddress } from "ethers";
import { BRAND_ROLE } from "../../../server/chain/abi.ts";
import { type IssuanceChain, openIssuanceChain } from "../../../server/issuance/chain.ts";
import { ContractRefusal } from "../../../server/issuance/contract-errors.ts";
import type { CardToIssue } from "../../../server/issuance/plan.ts";
import { IssuanceError } from "../../../server/issuance/problems.ts";
import {
  type IssuanceDependencies,
  issueCards,
  planIssuance,
  planOutstanding,
} from "../../../server/issuance/sender.ts";
import { randomAddress } from "../../support/chain.ts";
import { createFixture, type Fixture, grantIssuer } from "./fixture.ts";

describe("sender", () => {
  let fixture: Fixture;
  let chain: IssuanceChain;
  let slugs = 0;

  before(async () => {
    fixture = await createFixture();
    chain = await openIssuanceChain({
      rpcUrl: fixture.chain.rpcUrl,
      registry: () => fixture.chain.deployment.registry,
    });
  });
  after(async () => {
    chain.close();
    await fixture.close();
  });

  /** A new collection, cards for it, and what sending them needs; `faults` replaces members of the chain. */
  async function prepare(count: number, faults: (real: IssuanceChain) => Partial<IssuanceChain> = () => ({})) {
    const slug = `noirance-sender-${++slugs}`;
    const address = await fixture.chain.createCollection({ brandId: fixture.brandId, slug, maxSupply: 1000 });
    const collection = await chain.collection(slug);
    const cards: CardToIssue[] = Array.from({ length: count }, (_, index) => ({
      line: index + 2,
      serial: index + 1,
      holder: getAddress(randomAddress()),
      tier: index % 10 === 0 ? 2 : 1,
      expiresAt: 0,
    }));
    const dependencies: IssuanceDependencies = {
      chain: { ...chain, ...faults(chain) },
      collection,
      keys: fixture.keys,
      maxCards: 20,
      receiptTimeoutMs: 1500,
    };
    const expected = new Map(cards.map(({ serial, holder, tier }) => [serial, `${holder} ${tier} 0 Active`]));
    return { address, collection, cards, dependencies, expected };
  }

  async function rejection(promise: Promise<unknown>): Promise<Error> {
    return await promise.then(
      () => expect.fail("It was expected to fail"),
      (error) => error,
    );
  }

  it("issues what is outstanding, tells how far it is, and ends at once when there is nothing left", async () => {
    const { address, cards, dependencies, expected } = await prepare(50);
    const seen: number[] = [];
    const outcome = await issueCards(dependencies, cards, { onProgress: (issued) => seen.push(issued) });
    expect(outcome).to.deep.equal({ issued: 50, interrupted: false });
    expect(seen).to.deep.equal([0, 20, 40, 50]);
    expect(await fixture.state(address)).to.deep.equal(expected);
    const nonce = await chain.nonce(fixture.keys.issuer.address);
    expect(await issueCards(dependencies, cards)).to.deep.equal({ issued: 50, interrupted: false });
    expect(await chain.nonce(fixture.keys.issuer.address)).to.equal(nonce);
  });

  it("plans anew when another run issues the first cards while this one makes its plan", async () => {
    let others = 2;
    const { cards, dependencies } = await prepare(50, (real) => ({
      async estimateGas(call) {
        if (others-- > 0) await issueCards({ ...dependencies, chain: real }, cards.slice(0, 40 - 20 * others));
        return await real.estimateGas(call);
      },
    }));
    const { outstanding, transactions } = await planOutstanding(dependencies, cards);
    expect(outstanding.map(({ serial }) => serial)).to.deep.equal([41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
    expect(transactions.map(({ cards }) => cards)).to.deep.equal([10]);
  });

  it("asks the chain when the connection breaks while sending, whether the transaction arrived or not", async () => {
    let sends = 0;
    const { address, cards, dependencies, expected } = await prepare(60, (real) => ({
      async submit(signed) {
        sends++;
        // The second one gets lost, of the others only the answer.
        if (sends !== 2) await real.submit(signed);
        return { kind: "uncertain" };
      },
    }));
    expect(await issueCards(dependencies, cards)).to.deep.equal({ issued: 60, interrupted: false });
    expect(sends).to.equal(4);
    expect(await fixture.state(address)).to.deep.equal(expected);
    expect([...(await fixture.transfers(address)).values()].every((count) => count === 1)).to.equal(true);
  });

  it("waits for the receipt through lost connections", async () => {
    let asked = 0;
    const { address, cards, dependencies, expected } = await prepare(20, (real) => ({
      async receipt(hash) {
        if (++asked <= 2) throw new IssuanceError("The chain's node cannot be reached", { retryable: true });
        return await real.receipt(hash);
      },
    }));
    const told: string[] = [];
    await issueCards({ ...dependencies, onTrouble: (reason) => told.push(reason) }, cards);
    expect(asked).to.be.above(2);
    expect(told).to.deep.equal(["The chain's node cannot be reached"]);
    expect(await fixture.state(address)).to.deep.equal(expected);
  });

  it("goes on when another run issues the same cards between its look at the chain and its transaction", async () => {
    let rival: (() => Promise<unknown>) | undefined;
    const { address, cards, dependencies, expected } = await prepare(60, (real) => ({
      async submit(signed) {
        await rival?.();
        rival = undefined;
        return await real.submit(signed);
      },
    }));
    // The rival's batches overlap with this run's, and its transactions take this run's nonces.
    const others = cards.slice(10, 45);
    rival = () => issueCards({ ...dependencies, chain, maxCards: 7 }, others);
    expect(await issueCards(dependencies, cards)).to.deep.equal({ issued: 60, interrupted: false });
    expect(await fixture.state(address)).to.deep.equal(expected);
    expect((await fixture.transfers(address)).size).to.equal(60);
  });

  it("stops with the line when somebody else issues a card otherwise meanwhile", async () => {
    let meddled = false;
    const { address, cards, dependencies } = await prepare(40, (real) => ({
      async nonce(account) {
        if (!meddled) {
          meddled = true;
          await fixture.chain.issue({ collection: address, firstSerial: 30, holders: 1 });
        }
        return await real.nonce(account);
      },
    }));
    const error = await rejection(issueCards(dependencies, cards));
    expect(error).to.be.instanceOf(IssuanceError);
    expect(error.message).to.contain("line 31: card 30 was already issued to another holder");
    // The transaction with the cards before it went through; the one with the conflict did not, not even partly.
    expect([...(await fixture.state(address)).keys()]).to.deep.equal([
      ...Array.from({ length: 20 }, (_, i) => i + 1),
      30,
    ]);
  });

  it("gives up after a bounded number of attempts, with the reason", async () => {
    let sends = 0;
    const { address, cards, dependencies } = await prepare(10, () => ({
      async submit() {
        sends++;
        return { kind: "refused", error: new IssuanceError("The node refused: pool is full", { retryable: true }) };
      },
    }));
    const error = await rejection(issueCards(dependencies, cards));
    expect(error.message).to.contain("pool is full");
    expect(sends).to.equal(6);
    expect((await fixture.state(address)).size).to.equal(0);
  });

  it("stops after the transaction in flight when it is told to", async () => {
    const stop = new AbortController();
    const { address, cards, dependencies, expected } = await prepare(60, (real) => ({
      async submit(signed) {
        stop.abort();
        return await real.submit(signed);
      },
    }));
    expect(await issueCards(dependencies, cards, { signal: stop.signal })).to.deep.equal({
      issued: 20,
      interrupted: true,
    });
    expect((await fixture.state(address)).size).to.equal(20);
    expect(await issueCards({ ...dependencies, chain }, cards)).to.deep.equal({ issued: 60, interrupted: false });
    expect(await fixture.state(address)).to.deep.equal(expected);
  });

  it("gives more gas when the contracts cost more than the plan thinks", async () => {
    let estimates = 0;
    const { address, cards, dependencies, expected } = await prepare(40, (real) => ({
      async estimateGas(call) {
        estimates++;
        return (await real.estimateGas(call)) * 2;
      },
    }));
    const gas = async (chainOf: IssuanceChain) =>
      (await planIssuance({ ...dependencies, chain: chainOf }, cards)).transactions[0]?.gas ?? 0;
    expect(await gas(dependencies.chain)).to.be.above((await gas(chain)) * 1.5);
    await issueCards(dependencies, cards);
    expect(estimates).to.equal(2);
    expect(await fixture.state(address)).to.deep.equal(expected);
  });

  it("plans with gas that really suffices and is not lavish", async () => {
    for (const [count, maxCards] of [
      [1, 200],
      [200, 200],
      [60, 20],
    ] as const) {
      const { cards, dependencies } = await prepare(count);
      const { transactions, gasFactor } = await planIssuance({ ...dependencies, maxCards }, cards);
      expect(gasFactor).to.equal(1);
      await issueCards({ ...dependencies, maxCards }, cards);
      const block = await fixture.chain.rpc.call<{ gasUsed: string }>("eth_getBlockByNumber", ["latest", false]);
      const planned = transactions.at(-1)?.gas ?? 0;
      expect(Number(block.gasUsed)).to.be.within(planned * 0.5, planned * 0.95);
    }
  });

  it("refuses a chain that takes fees", async () => {
    const { cards, dependencies } = await prepare(1, (real) => ({
      head: async () => ({ ...(await real.head()), baseFee: 7n }),
    }));
    expect((await rejection(issueCards(dependencies, cards))).message).to.contain("base fee of 7 wei");
    const small = { ...chain, head: async () => ({ ...(await chain.head()), gasLimit: 100_000 }) };
    expect((await rejection(planIssuance({ ...dependencies, chain: small }, cards))).message).to.contain("too small");
  });

  it("says which role is missing, before anything is sent", async () => {
    const { address, cards, dependencies } = await prepare(5);
    const registry = new Contract(
      fixture.chain.deployment.registry,
      ["function revokeRole(bytes32,address)", "function roleId(uint32,uint8) view returns (bytes32)"],
      await fixture.chain.signer(1),
    );
    const role = await registry.getFunction("roleId")(fixture.brandId, BRAND_ROLE.Issuer);
    await (await registry.getFunction("revokeRole")(role, fixture.keys.issuer.address, { gasPrice: 0 })).wait();
    try {
      const error = await rejection(issueCards(dependencies, cards));
      expect(error).to.be.instanceOf(ContractRefusal);
      expect(error.message).to.contain(`${fixture.keys.issuer.address} does not have the Issuer role of brand 1`);
      expect((await fixture.state(address)).size).to.equal(0);
    } finally {
      await grantIssuer(fixture.chain, fixture.brandId, fixture.keys.issuer.address);
    }
  });

  it("reads the cards of scattered serials", async () => {
    const { cards, collection, dependencies } = await prepare(1000);
    const wanted = cards.filter(({ serial }) => serial === 3 || serial === 500 || serial === 501 || serial > 995);
    await issueCards(dependencies, wanted);
    const asked = [1000, 1, 3, 4, 500, 501, 502, 997];
    const found = await chain.cards(collection.address, asked);
    expect([...found.keys()].sort((left, right) => left - right)).to.deep.equal([3, 500, 501, 997, 1000]);
    expect(found.get(501)).to.deep.equal({
      serial: 501,
      holder: cards[500]?.holder,
      tier: 2,
      expiresAt: 0,
      status: "Active",
      generation: 0,
    });
  });
});
