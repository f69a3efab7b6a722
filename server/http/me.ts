// Who asks, as the server sees them.

import { z } from "zod";
import { BRAND_ROLES } from "../accounts/principal.ts";
import { one } from "./account-schemas.ts";
import { customerSchema, presentCustomer } from "./customers.ts";
import { defineOperation, type Operation } from "./operations.ts";
import type { Services } from "./services.ts";

const meSchema = z
  .strictObject({
    kind: z.enum(["user", "api-key", "customer"]),
    id: z.string(),
    brandId: z.int(),
    role: z.enum(BRAND_ROLES).nullable().meta({ description: "Null for customers." }),
    customer: customerSchema.nullable().meta({ description: "What the brand knows of the customer; null for others." }),
  })
  .meta({ id: "Me", description: "Who asks." });

export function meOperations({ accounts: { customers } }: Services): Operation[] {
  return [
    defineOperation({
      id: "getMe",
      tag: "accounts",
      path: "/v1/me",
      access: ["owner", "manager", "staff", "auditor", "customer"],
      summary: "Who am I?",
      description: "Whom the key or the session stands for, and at which brand.",
      answers: { 200: { description: "You.", schema: one(meSchema) } },
      problems: [],
      tagged: false,
      limited: true,
      open: false,
      async handle({ principal }) {
        const { kind, id, brandId } = principal;
        if (principal.kind !== "customer")
          return { body: { data: { kind, id, brandId, role: principal.role, customer: null } } };
        const row = await customers.find(brandId, id);
        const customer = presentCustomer(row, customers.phoneOf(row), principal);
        return { body: { data: { kind, id, brandId, role: null, customer } } };
      },
    }),
  ];
}
