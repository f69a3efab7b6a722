// What is on the shelf for one visitor, and at which price. Who is no member does not see members-only products at all, neither
// in the list nor by their address; while Mintmark is away, nobody does.

import type { INestApplication } from "@nestjs/common";
import {
  ProductService,
  type ProductVariant,
  ProductVariantService,
  PromotionService,
  productsPercentageDiscount,
} from "@vendure/core";
import type { Entitlements } from "../membership/entitlements.ts";
import type { Visitor } from "./visitors.ts";

export interface ShelfProduct {
  variantId: string;
  sku: string;
  slug: string;
  name: string;
  description: string;
  category: string;
  /** What everybody pays. */
  usualPrice: number;
  /** What members pay, if this visitor is one and it is less. */
  memberPrice: number | undefined;
  flash: FlashPrice | undefined;
  /** What this visitor pays for one: the lowest. */
  price: number;
  membersOnly: boolean;
}

export interface FlashPrice {
  price: number;
  until: Date | undefined;
}

export interface Shelf {
  products(visitor: Visitor): Promise<{ products: ShelfProduct[]; member: boolean }>;
}

/** Enough for a small store; one with more asks for the products of one page. */
const MOST_PRODUCTS = 100;

export function createShelf(app: INestApplication, { entitlements }: { entitlements: Entitlements }): Shelf {
  const allProducts = app.get(ProductService);
  const variants = app.get(ProductVariantService);
  const promotions = app.get(PromotionService);

  return {
    async products({ ctx, customer }) {
      const { items } = await variants.findAll(ctx, {
        take: MOST_PRODUCTS,
        filter: { enabled: { eq: true } },
      });
      items.sort((a, b) => a.customFields.position - b.customFields.position);
      const named = await allProducts.findByIds(
        ctx,
        items.flatMap(({ productId }) => productId ?? []),
      );
      const asked = items.map(({ id, sku, customFields, priceWithTax }) => {
        const categories = [customFields.category].filter((category) => category !== "");
        return { id: String(id), product: sku, categories, quantity: 1, unitPrice: priceWithTax };
      });
      const answer = await entitlements.check(customer && String(customer.id), asked);
      const sale = await flashSale(ctx);
      const products = items.flatMap((variant): ShelfProduct[] => {
        const line = answer === "away" ? undefined : answer.lines.find(({ id }) => id === String(variant.id));
        if (line === undefined ? variant.customFields.membersOnly : line.locked) return [];
        const product = named.find(({ id }) => id === variant.productId);
        if (product === undefined) return [];
        const usualPrice = variant.priceWithTax;
        const discounted = line?.discount && !line.discount.needsRedemption ? line.total : usualPrice;
        const flash = sale(variant);
        return [
          {
            variantId: String(variant.id),
            sku: variant.sku,
            slug: product.slug,
            name: variant.name,
            description: product.description,
            category: variant.customFields.category,
            usualPrice,
            memberPrice: discounted < usualPrice ? discounted : undefined,
            flash,
            price: Math.min(usualPrice, discounted, flash?.price ?? usualPrice),
            membersOnly: variant.customFields.membersOnly,
          },
        ];
      });
      return { products, member: answer !== "away" && answer.member };
    },
  };

  /** What a sale of today makes of a price, as Vendure will in the basket. */
  async function flashSale(ctx: Visitor["ctx"]): Promise<(variant: ProductVariant) => FlashPrice | undefined> {
    const now = new Date();
    const sales = (await promotions.getActivePromotionsInChannel(ctx))
      .filter(
        ({ couponCode, startsAt, endsAt }) =>
          !couponCode && (!startsAt || startsAt <= now) && (!endsAt || endsAt > now),
      )
      .flatMap(({ actions, endsAt }) =>
        actions
          .filter(({ code }) => code === productsPercentageDiscount.code)
          .map(({ args }) => {
            const argument = (name: string) => args.find((arg) => arg.name === name)?.value ?? "";
            const ids = JSON.parse(argument("productVariantIds") || "[]") as string[];
            return { percent: Number(argument("discount")), ids, until: endsAt ?? undefined };
          }),
      );
    return (variant) => {
      const sale = sales.find(({ ids }) => ids.includes(String(variant.id)));
      if (sale === undefined) return undefined;
      return { price: Math.round(variant.priceWithTax * (1 - sale.percent / 100)), until: sale.until };
    };
  }
}
