// What the benefits of the store's cards mean here. Their numbers, quotas and periods stand on the chain; names and products
// do not.

import type { BenefitMeaning } from "../mintmark/client.ts";

export const BENEFITS: (BenefitMeaning & { id: number })[] = [
  {
    id: 1,
    name: { en: "Member price", "zh-CN": "会员价" },
    kind: "discount",
    discountPercent: 10,
    products: ["category:fragrance", "category:home"],
  },
  {
    id: 2,
    name: { en: "Members-only products", "zh-CN": "会员专享商品" },
    kind: "access",
    products: ["category:reserve"],
  },
  {
    id: 3,
    name: { en: "A coffee on the house", "zh-CN": "赠饮咖啡一杯" },
    kind: "use",
    products: ["category:coffee"],
  },
];
