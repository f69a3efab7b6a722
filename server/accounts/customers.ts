// Customers: who a brand knows, how they are found, and how they are forgotten. Must hold: once a customer is erased, no table tells
// who they were; what they have bought keeps pointing to an id that means nothing any more.

import { v7 as uuidv7 } from "uuid";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { recordAct } from "./audit.ts";
import { Refusal } from "./errors.ts";
import type { Phones } from "./phones.ts";
import { actorOf, type Principal } from "./principal.ts";

export type CustomerRow = NonNullable<Awaited<ReturnType<Database["customer"]["findUnique"]>>>;

/** How somebody has proved who they are: a phone in E.164, or a wallet in lower case. */
export type CustomerProof = { brandId: number } & ({ phone: string } | { wallet: string });

export interface Customers {
  /** A brand's name; nothing if there is no such brand. */
  brandName(brandId: number): Promise<string | undefined>;
  /** The id of the customer who has proved who they are; makes the customer, and what a session hangs on, if there is none. */
  signIn(proof: CustomerProof): Promise<string>;
  find(brandId: number, id: string): Promise<CustomerRow>;
  findByPhone(brandId: number, phone: string): Promise<CustomerRow>;
  /** In the order of their ids, from behind `after` on. */
  list(brandId: number, page: { after: string | undefined; limit: number }): Promise<CustomerRow[]>;
  /** The number; nothing if there is none. */
  phoneOf(customer: CustomerRow): string | undefined;
  /** Forgets a customer. Does nothing to one that is forgotten already. */
  erase(principal: Principal, id: string): Promise<void>;
}

export function createCustomers(options: { database: Database; phones: Phones; now(): number }): Customers {
  const { database, phones, now } = options;

  async function find(brandId: number, id: string): Promise<CustomerRow> {
    const customer = await database.customer.findUnique({ where: { id } });
    if (customer === null || customer.brandId !== brandId) throw noSuchCustomer();
    return customer;
  }

  async function makeOrFind(proof: CustomerProof): Promise<string> {
    const { brandId } = proof;
    const key =
      "phone" in proof
        ? { brandId_phoneHash: { brandId, phoneHash: phones.hash(brandId, proof.phone) } }
        : { brandId_wallet: { brandId, wallet: proof.wallet } };
    return await inTransaction(database, async (transaction) => {
      const known = await transaction.customer.findUnique({ where: key, select: { id: true } });
      const id = known?.id ?? (await make(transaction, proof));
      const date = new Date(now());
      await transaction.customerLogin.upsert({
        where: { id },
        update: {},
        // The library wants an address; this one leads nowhere (RFC 2606).
        create: { id, name: "", email: `${id}@customers.invalid`, createdAt: date, updatedAt: date },
      });
      return id;
    });
  }

  async function make(transaction: DatabaseTransaction, proof: CustomerProof): Promise<string> {
    const { brandId } = proof;
    const id = `cus_${uuidv7()}`;
    const proven =
      "phone" in proof
        ? { phoneHash: phones.hash(brandId, proof.phone), phoneCipher: phones.seal(proof.phone, id) }
        : { wallet: proof.wallet };
    await transaction.customer.create({ data: { id, brandId, reference: id, createdAt: now(), ...proven } });
    return id;
  }

  return {
    find,
    async brandName(brandId) {
      return (await database.brand.findUnique({ where: { id: brandId }, select: { name: true } }))?.name;
    },
    async signIn(proof) {
      // Whoever signs in twice at the same moment is made by one and found by the other.
      return await makeOrFind(proof);
    },
    async findByPhone(brandId, phone) {
      const phoneHash = phones.hash(brandId, phone);
      const customer = await database.customer.findUnique({ where: { brandId_phoneHash: { brandId, phoneHash } } });
      if (customer === null) throw noSuchCustomer();
      return customer;
    },
    list: (brandId, { after, limit }) =>
      database.customer.findMany({
        where: { brandId, ...(after === undefined ? {} : { id: { gt: after } }) },
        orderBy: { id: "asc" },
        take: limit,
      }),
    phoneOf: ({ id, phoneCipher }) => (phoneCipher === null ? undefined : phones.open(phoneCipher, id)),
    async erase(principal, id) {
      const { brandId } = principal;
      await inTransaction(database, async (transaction) => {
        // What is confirmed for the customer meanwhile waits, and finds them erased: see redemptions/holding.ts.
        await transaction.$executeRaw(
          Prisma.sql`UPDATE "Customer" SET "reference" = "reference" WHERE "id" = ${id} AND "brandId" = ${brandId}`,
        );
        await refuseWhileDeriving(transaction, id);
        const before = await transaction.customer.findUnique({ where: { id, brandId }, select: { reference: true } });
        const { count } = await transaction.customer.updateMany({
          where: { id, brandId, erasedAt: null },
          data: { reference: id, phoneHash: null, phoneCipher: null, wallet: null, erasedAt: now() },
        });
        await transaction.customerLogin.deleteMany({ where: { id } });
        if (count === 0) return;
        await forgetAnswers(transaction, id);
        // Who has a guess at the reference could hold it against what was made of it.
        await transaction.benefitHold.updateMany({ where: { customerId: id }, data: { requestHash: "" } });
        if (before !== null) await forgetImported(transaction, brandId, before.reference);
        const actor = actorOf(principal);
        await recordAct(transaction, { at: now(), brandId, actor, action: "customer.erased", subject: id });
      });
    },
  };
}

/** Until the customer's address is derived, which takes a moment, the reference is needed. */
async function refuseWhileDeriving(transaction: DatabaseTransaction, id: string): Promise<void> {
  const orders = await transaction.order.findMany({ where: { customerId: id }, select: { id: true } });
  const waiting = await transaction.command.count({
    where: {
      orderId: { in: orders.map((order) => order.id) },
      kind: "issue",
      holder: null,
      state: { in: ["held", "queued"] },
    },
  });
  // And until the brand has signed for the customer what they have used.
  const holds = await transaction.benefitHold.findMany({
    where: { customerId: id, state: { in: ["confirmed", "undoing"] } },
    select: { id: true },
  });
  const unsigned = await transaction.command.count({
    where: { holdId: { in: holds.map((hold) => hold.id) }, kind: "redeem", state: { in: ["queued", "sent"] } },
  });
  if (unsigned > 0) {
    throw new Refusal(
      "conflict",
      "A benefit of the customer's is on its way to the chain. Try again in a few seconds.",
    );
  }
  if (waiting === 0) return;
  throw new Refusal(
    "conflict",
    "An order of the customer is about to be issued. Try again in a few seconds; one that waits for its payment must be cancelled first.",
  );
}

/** Takes a reference out of what is known of the brand's spreadsheets: their lines, what is wrong with them, and samples. */
async function forgetImported(transaction: DatabaseTransaction, brandId: number, reference: string): Promise<void> {
  const imports = await transaction.import.findMany({ where: { brandId }, select: { id: true } });
  for (const { id } of imports) {
    await transaction.importLine.updateMany({ where: { importId: id, customer: reference }, data: { customer: null } });
    await transaction.importProblem.updateMany({
      where: { importId: id, reason: { contains: reference } },
      data: { reason: "something was wrong with this line; the customer has been forgotten since" },
    });
    await transaction.import.updateMany({ where: { id, layout: { contains: reference } }, data: { layout: null } });
  }
}

/** What orders were answered with names the customer by their reference, and is kept to answer the same again. */
async function forgetAnswers(transaction: DatabaseTransaction, id: string): Promise<void> {
  const orders = await transaction.order.findMany({ where: { customerId: id }, select: { id: true } });
  const requests = await transaction.idempotentRequest.findMany({
    where: { orderId: { in: orders.map((order) => order.id) } },
  });
  for (const { scope, key, answer } of requests) {
    const forgotten = JSON.parse(answer) as { data: { customer: { reference: string } } };
    forgotten.data.customer.reference = id;
    await transaction.idempotentRequest.update({
      where: { scope_key: { scope, key } },
      data: { answer: JSON.stringify(forgotten) },
    });
  }
}

function noSuchCustomer(): Refusal {
  return new Refusal("not-found", "The brand has no such customer. Check the id or the number.");
}
