// What benefits mean at the till: the brand says so here, because the chain knows numbers only. Remembered for a second, because every
// basket asks.

import type { Database } from "../database/client.ts";

/**
 * `discount`: so much off the price. `access`: products that only who has it may buy. `use`: something that is used up, a coffee for
 * example, of which the benefit's quota says how many.
 */
export const BENEFIT_KINDS = ["discount", "access", "use"] as const;
export type BenefitKind = (typeof BENEFIT_KINDS)[number];

export interface BenefitRule {
  /** Lower-case. */
  collection: string;
  benefitId: number;
  kind: BenefitKind;
  name: { en: string; "zh-CN": string | null };
  /** Of a discount: hundredths of a percent. */
  basisPoints: number | null;
  /** Which products it is about: as the shop calls them, `category:…`, or `*` for all. */
  products: string[];
}

export interface BenefitRules {
  ofBrand(brandId: number): Promise<BrandRules>;
  /** Reads anew the next time, after a rule was changed. */
  forget(): void;
}

/** The rules of one brand. */
export interface BrandRules {
  find(collection: string, benefitId: number): BenefitRule | undefined;
  ofCollection(collection: string): BenefitRule[];
  /** Those that shut products off from whoever is not entitled. */
  access: BenefitRule[];
}

const REMEMBERED_MS = 1_000;
const MOST_REMEMBERED = 1_000;

export function createBenefitRules({ database, steady }: { database: Database; steady(): number }): BenefitRules {
  const remembered = new Map<number, { rules: Promise<BrandRules>; until: number }>();

  async function read(brandId: number): Promise<BrandRules> {
    const rows = await database.benefitRule.findMany({
      where: { brandId },
      orderBy: [{ collectionAddress: "asc" }, { benefitId: "asc" }],
    });
    const rules = rows.map(ruleOf);
    const byBenefit = new Map(rules.map((rule) => [`${rule.collection} ${rule.benefitId}`, rule]));
    return {
      find: (collection, benefitId) => byBenefit.get(`${collection} ${benefitId}`),
      ofCollection: (collection) => rules.filter((rule) => rule.collection === collection),
      access: rules.filter(({ kind }) => kind === "access"),
    };
  }

  return {
    async ofBrand(brandId) {
      const known = remembered.get(brandId);
      if (known !== undefined && known.until > steady()) return await known.rules;
      const rules = read(brandId);
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(brandId, { rules, until: steady() + REMEMBERED_MS });
      rules.catch(() => remembered.delete(brandId));
      return await rules;
    },
    forget: () => remembered.clear(),
  };
}

/** A rule as its row has it. */
export function ruleOf(row: {
  collectionAddress: string;
  benefitId: number;
  kind: string;
  name: string;
  nameZh: string | null;
  basisPoints: number | null;
  products: string;
}): BenefitRule {
  return {
    collection: row.collectionAddress,
    benefitId: row.benefitId,
    kind: row.kind as BenefitKind,
    name: { en: row.name, "zh-CN": row.nameZh },
    basisPoints: row.basisPoints,
    products: JSON.parse(row.products),
  };
}

/** Whether a rule is about a product, which may be in categories. */
export function isAbout(
  { products }: Pick<BenefitRule, "products">,
  { product, categories = [] }: { product: string; categories?: readonly string[] | undefined },
): boolean {
  return products.some(
    (named) => named === "*" || named === product || categories.some((category) => named === `category:${category}`),
  );
}
