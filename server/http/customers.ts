// A brand's customers. Must hold: a plain phone number is shown only to who may act for the whole brand, and to the customer.

import { getAddress } from "ethers";
import { z } from "zod";
import type { CustomerRow } from "../accounts/customers.ts";
import { maskPhone, normalizePhone } from "../accounts/phones.ts";
import { entrantOf, type Principal } from "../accounts/principal.ts";
import { idParameter, one, pageOf, pageQuery, readPage, time, timeOf, timeOrNull } from "./account-schemas.ts";
import { defineOperation, invalidRequest, type Operation } from "./operations.ts";
import { Problem } from "./problems.ts";
import type { Services } from "./services.ts";

const address = z.string().nullable();
export const customerSchema = z
  .strictObject({
    id: z.string(),
    reference: z.string().nullable().meta({ description: "What the brand calls the customer; null where it has not." }),
    phone: z.string().nullable().meta({
      description: "In E.164; with asterisks for staff and auditors, and in lists. Null if it is not known.",
      example: "+86138****8000",
    }),
    wallet: address.meta({ description: "The customer's own wallet." }),
    holder: address.meta({ description: "The address that the brand keeps for the customer." }),
    createdAt: time,
    erasedAt: time.nullable().meta({ description: "When the customer was forgotten." }),
  })
  .meta({ id: "Customer", description: "Somebody whom the brand knows." });
const params = z.object({ customer: idParameter("cus", "a customer") });

const common = { tag: "accounts", tagged: false, limited: true, open: false } as const;

export function customerOperations({ accounts: { customers } }: Services): Operation[] {
  const present = (row: CustomerRow, principal: Principal) => presentCustomer(row, customers.phoneOf(row), principal);
  return [
    defineOperation({
      ...common,
      id: "listCustomers",
      path: "/v1/customers",
      access: ["owner", "manager", "staff", "auditor"],
      summary: "List the brand's customers",
      description: "In the order of their ids, which is that of their coming. Phone numbers have asterisks in them.",
      query: pageQuery,
      answers: { 200: { description: "A page of customers.", schema: pageOf(customerSchema) } },
      problems: [],
      async handle({ principal: { brandId }, query }) {
        const read = (page: Parameters<typeof customers.list>[1]) => customers.list(brandId, page);
        const show = (row: CustomerRow) => presentCustomer(row, customers.phoneOf(row));
        return { body: await readPage(query, read, ({ id }) => id, show) };
      },
    }),
    // Before what has an id in its place, which would take it for one.
    defineOperation({
      ...common,
      id: "findCustomerByPhone",
      method: "post",
      path: "/v1/customers/search",
      access: ["owner", "manager", "staff"],
      summary: "Find a customer by phone number",
      description:
        "The number goes into the body because addresses are logged. Without a country code it is one of mainland China. Reads only.",
      body: z.strictObject({ phone: z.string().max(40, "must be a phone number") }),
      answers: { 200: { description: "The customer.", schema: one(customerSchema) } },
      problems: [404],
      async handle({ principal, body }) {
        const phone = normalizePhone(body.phone);
        if (phone === undefined) {
          const detail = "must be a phone number with its country code, for example +8613800138000";
          throw invalidRequest([{ parameter: "phone", detail }]);
        }
        return { body: { data: present(await customers.findByPhone(principal.brandId, phone), principal) } };
      },
    }),
    defineOperation({
      ...common,
      id: "getCustomer",
      path: "/v1/customers/{customer}",
      access: ["owner", "manager", "staff", "auditor"],
      summary: "Get a customer",
      description: "One customer of the brand.",
      params,
      answers: { 200: { description: "The customer.", schema: one(customerSchema) } },
      problems: [404],
      async handle({ principal, params: { customer } }) {
        return { body: { data: present(await customers.find(principal.brandId, customer), principal) } };
      },
    }),
    defineOperation({
      ...common,
      id: "eraseCustomer",
      method: "delete",
      path: "/v1/customers/{customer}",
      access: ["owner", "manager", "customer"],
      summary: "Forget a customer",
      description:
        "Erases phone number, wallet, reference and sessions. Orders stay and keep the id, which then means nobody; cards stay on the chain. A customer may forget themselves.",
      params,
      answers: { 204: { description: "The customer is forgotten." } },
      problems: [404, 409],
      async handle({ principal, params: { customer } }) {
        if (principal.kind === "customer" && principal.id !== customer) {
          throw new Problem("not-found", "The brand has no such customer. Check the id.");
        }
        await customers.find(principal.brandId, customer);
        await customers.erase(principal, customer);
        return { status: 204 };
      },
    }),
  ];
}

/** `principal`: who may see the number whole. */
export function presentCustomer(row: CustomerRow, phone: string | undefined, principal?: Principal) {
  const whole = principal !== undefined && ["owner", "manager", "customer"].includes(entrantOf(principal));
  return {
    id: row.id,
    reference: row.reference === row.id ? null : row.reference,
    phone: phone === undefined ? null : whole ? phone : maskPhone(phone),
    wallet: row.wallet === null ? null : getAddress(row.wallet),
    holder: row.holder === null ? null : getAddress(row.holder),
    createdAt: timeOf(Number(row.createdAt)),
    erasedAt: timeOrNull(row.erasedAt),
  };
}
