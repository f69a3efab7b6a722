// A brand whose customers' cards entitle to a benefit, and tills that reserve and grant it, on the real chain.

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { encodeBytes32String, type HDNodeWallet, Wallet, ZeroHash } from "ethers";
import { membershipCollectionInterface } from "../../../../server/chain/abi.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import { type BrandKeys, createKeystore, DEMO_PASSPHRASE } from "../../../../server/issuance/keystore.ts";
import { confirmHold, holdBenefit, undoRedemption } from "../../../../server/issuance/redemptions/holding.ts";
import type { RedemptionState, SignedAuthorisation } from "../../../../server/issuance/redemptions/redemption.ts";
import { ANY_STAFF, authorisationToSign } from "../../../../server/issuance/redemptions/typed-data.ts";
import { until } from "../../../support/patience.ts";
import type { IssuingDatabase, SendingWorld, TestBrand } from "./support.ts";

export const BENEFIT = 7;
const UNDO_WINDOW_MS = 24 * 3_600_000;

/** A brand with a keystore, from which its customers' addresses follow. */
export interface RedeemingBrand extends TestBrand {
  keys: BrandKeys;
  /** The keystore's file. */
  keystore: string;
  /** A key with all roles that no server knows. */
  hand: Wallet;
  forget(): void;
}

export async function createRedeemingBrand(world: SendingWorld): Promise<RedeemingBrand> {
  const brand = await world.createBrand();
  const folder = mkdtempSync(join(tmpdir(), "mintmark-keystore-"));
  const keystore = join(folder, "brand.json");
  const keys = await createKeystore({ file: keystore, label: "brand", passphrase: DEMO_PASSPHRASE, demo: true });
  const hand = new Wallet(Wallet.createRandom().privateKey);
  await brand.grant("Issuer", keys.issuer.address);
  await brand.grant("Staff", brand.key.address);
  for (const role of ["Issuer", "Steward", "Staff"] as const) await brand.grant(role, hand.address);
  return { ...brand, keys, keystore, hand, forget: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Terms {
  quota?: number;
  period?: number;
  startsAt?: number;
}

/** The redemptions of one collection, at whichever server. */
export interface Tills {
  collection: string;
  /** Issues cards to customers by their references, or to addresses; the first has serial 1. */
  issue(holders: readonly string[]): Promise<void>;
  /** Reserves a use. */
  hold(serial: number, reference: string): Promise<string>;
  confirm(id: string, authorisation?: SignedAuthorisation): Promise<void>;
  /** Reserves and grants a use. */
  redeem(serial: number, reference: string): Promise<string>;
  undo(id: string): Promise<boolean>;
  untilState(id: string, ...states: RedemptionState[]): Promise<void>;
  /** Its state, its number, and why it waits or has failed. */
  stateOf(id: string): Promise<(string | number | null)[]>;
  /** What a holder signs. */
  sign(
    by: Wallet | HDNodeWallet,
    serial: number,
    number: number,
    options?: { deadline?: number },
  ): Promise<SignedAuthorisation>;
  /** Somebody else's program redeems with the next number. */
  redeemByHand(serial: number, reference: string, number: number): Promise<void>;
  undoByHand(serial: number, number: number): Promise<void>;
  /** What the chain has: `serial number` of each redemption, in its order; and `serial number reason` of what was undone. */
  redeemed(): Promise<string[]>;
  undone(): Promise<string[]>;
  /** Holds the chain against the database: each redemption on the chain is one that is redeemed or undone, and has its number. */
  expectExact(options?: { byHand?: string[] }): Promise<void>;
}

/** A collection whose tier 1 has a benefit: a new one, or one that has it already. */
export async function createTills(
  world: SendingWorld,
  brand: RedeemingBrand,
  office: IssuingDatabase,
  { quota = 1, period = 0, startsAt = 0 }: Terms = {},
  known?: string,
): Promise<Tills> {
  const collection = known ?? (await brand.createCollection());
  if (known === undefined) await brand.callAsAdmin(collection, "setBenefit", 1, BENEFIT, [quota, period, startsAt]);
  const now = () => Date.now() + office.clock.ahead + office.clock.set;
  const addressFor = (holder: string) => (holder.startsWith("0x") ? holder : brand.keys.holderAddress(holder));
  const act = <Result>(work: Parameters<typeof inTransaction<Result>>[1]) => inTransaction(office.application, work);

  async function logs(name: "BenefitRedeemed" | "RedemptionUndone") {
    const topics = [membershipCollectionInterface.getEvent(name)?.topicHash ?? ""];
    const found = await world.provider.getLogs({ address: collection, topics, fromBlock: 0 });
    return found.map((log) => {
      const args = membershipCollectionInterface.parseLog(log)?.args;
      return { serial: Number(args?.["serial"]), number: Number(args?.["number"]), reason: String(args?.["reason"]) };
    });
  }

  const tills: Tills = {
    collection,
    async issue(holders) {
      const terms = { tier: 1, expiresAt: 0 };
      await brand.call(collection, brand.hand, "issue", 1, holders.map(addressFor), terms, ZeroHash, ZeroHash);
      const where = { collectionAddress: collection };
      await until(async () => (await office.database.card.count({ where })) === holders.length);
    },
    async hold(serial, reference) {
      const customer = reference.startsWith("0x") ? { holder: reference.toLowerCase() } : { reference };
      const outcome = await act((transaction) =>
        holdBenefit(transaction, {
          brandId: brand.id,
          customer,
          keptAddress: (reference) => brand.keys.holderAddress(reference).toLowerCase(),
          ...{ collectionAddress: collection, serial, benefitId: BENEFIT },
          heldUntil: now() + 60_000,
          note: null,
          ...{ idempotencyKey: randomUUID(), requestHash: "", createdBy: "api-key:key_test" },
          now: now(),
          answerOf: () => "",
        }),
      );
      if (outcome.kind !== "held") throw new Error(`It was not held: ${outcome.kind}`);
      return outcome.id;
    },
    confirm: (id, authorisation) => act((transaction) => confirmHold(transaction, id, { authorisation, now: now() })),
    async redeem(serial, reference) {
      const id = await tills.hold(serial, reference);
      await tills.confirm(id);
      return id;
    },
    undo: (id) =>
      act((transaction) =>
        undoRedemption(transaction, id, { reason: "wrong till", windowMs: UNDO_WINDOW_MS, now: now() }),
      ),
    async untilState(id, ...states) {
      let seen = "";
      await until(
        async () => {
          const { state, failure, failureDetail } = await office.database.benefitHold.findUniqueOrThrow({
            where: { id },
          });
          seen = `${state} ${failure ?? ""} ${failureDetail ?? ""}`;
          return (states as string[]).includes(state);
        },
        () => `The redemption is ${seen} and not ${states.join(" or ")}`,
      );
    },
    async stateOf(id) {
      const { state, number, failure } = await office.database.benefitHold.findUniqueOrThrow({ where: { id } });
      return [state, number, failure];
    },
    async sign(by, serial, number, { deadline = Math.floor(now() / 1000) + 900 } = {}) {
      const message = { serial, benefitId: BENEFIT, number, generation: 0, staff: ANY_STAFF, deadline };
      const { domain, types } = authorisationToSign(collection, world.deployment.chainId, message);
      return { number, deadline, signature: await by.signTypedData(domain, types, message) };
    },
    async redeemByHand(serial, reference, number) {
      const { deadline, signature } = await tills.sign(brand.keys.holderWallet(reference), serial, number);
      await brand.call(collection, brand.hand, "redeem", [serial, BENEFIT, number, 0, ANY_STAFF, deadline], signature);
    },
    undoByHand: (serial, number) =>
      brand.call(collection, brand.hand, "undoRedemption", serial, BENEFIT, number, encodeBytes32String("by hand")),
    redeemed: async () => (await logs("BenefitRedeemed")).map(({ serial, number }) => `${serial} ${number}`),
    async undone() {
      const found = await logs("RedemptionUndone");
      return found.map(({ serial, number, reason }) => {
        const text = Buffer.from(reason.slice(2), "hex").toString().replaceAll("\0", "");
        return `${serial} ${number} ${text}`;
      });
    },
    async expectExact({ byHand = [] } = {}) {
      const holds = await office.database.benefitHold.findMany({
        where: { collectionAddress: collection, state: { in: ["redeemed", "undone"] }, number: { not: null } },
      });
      const expected = [...holds.map(({ serial, number }) => `${serial} ${number}`), ...byHand];
      expect((await tills.redeemed()).toSorted()).to.deep.equal(expected.toSorted());
      const open = { state: { in: ["planned", "signed"] } };
      expect(await office.database.chainTransaction.count({ where: open }), "open transactions").to.equal(0);
    },
  };
  return tills;
}
