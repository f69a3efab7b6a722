// Bodies that are granted: what follows from them, and what is changed in them, is looked into more deeply than what was made up from a
// schema, which knows nothing of what belongs together.

import { COLLECTIONS, COLLECTOR } from "../support/mirror-fixture.ts";

/** A customer whose card the brand keeps, and the serial of that card in the collection of all examples. */
export const KEPT = { reference: "CRM-1", serial: 60 } as const;
export const COLLECTION = COLLECTIONS.atelier;

const collection = COLLECTION.slug;
const order = { customer: { reference: KEPT.reference }, items: [{ collection, tier: 1, term: "P1Y" }] };
const line = { id: "1", product: "SKU-1", unitPrice: 4_800 };

export const EXAMPLES: Record<string, unknown[]> = {
  "post /v1/orders": [
    order,
    { ...order, customer: { reference: "CRM-2", holder: COLLECTOR }, paid: { amount: 12_800, currency: "CNY" } },
  ],
  "post /v1/redemptions": [
    { customer: KEPT.reference, collection, serial: KEPT.serial, benefit: 1, note: "till 1" },
    { holder: COLLECTOR, collection, serial: 1, benefit: 2, holdSeconds: 60 },
  ],
  "post /v1/redemptions/{redemption}/confirm": [{}],
  "post /v1/redemptions/{redemption}/undo": [{ reason: "wrong till" }],
  "post /v1/orders/{order}/refund": [{ reason: "withdrawn" }],
  "post /v1/entitlements/check": [
    {
      customer: KEPT.reference,
      lines: [
        { ...line, categories: ["tea"], quantity: 2 },
        { ...line, id: "2" },
      ],
    },
    { holder: COLLECTOR, lines: [line], minBlock: 1_000 },
  ],
  "put /v1/collections/{collection}/benefits/{benefit}": [
    { name: { en: "Member price", "zh-CN": "会员价" }, kind: "discount", discountPercent: 12.5, products: ["*"] },
    { name: { en: "Early access" }, kind: "access", products: ["category:tea", "SKU-1"] },
  ],
  "post /v1/webhook-endpoints": [
    { url: "http://127.0.0.1:9/hooks", events: ["card.*", "order.issued"], description: "shop" },
  ],
  "patch /v1/webhook-endpoints/{endpoint}": [{ events: ["*"] }, { state: "disabled" }],
  "post /v1/webhook-endpoints/{endpoint}/rotate-secret": [{ graceSeconds: 60 }],
  "post /v1/webhook-endpoints/{endpoint}/replay": [{ since: "2026-01-01T00:00:00Z", only: "all" }],
  "patch /v1/members/{userId}": [{ role: "staff" }, { role: "owner" }],
  "post /v1/customers/search": [{ phone: "+8613800000001" }],
};
