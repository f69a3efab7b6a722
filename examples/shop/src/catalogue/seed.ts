// Fills an empty store: currency and languages, tax, the test payment, the products, and the promotions. Must be done once, with
// an empty database.

import type { INestApplication } from "@nestjs/common";
import { GlobalFlag } from "@vendure/common/lib/generated-types";
import {
  ChannelService,
  CurrencyCode,
  containsProducts,
  GlobalSettingsService,
  isGraphQlErrorResult,
  LanguageCode,
  orderPercentageDiscount,
  ProductService,
  ProductVariantService,
  PromotionService,
  productsPercentageDiscount,
  type RequestContext,
  RequestContextService,
  TransactionalConnection,
  User,
} from "@vendure/core";
import { populateInitialData } from "@vendure/core/cli/index.js";
import { TEST_PAYMENT } from "../payment.ts";
import { STAFF_NAME } from "../vendure-config.ts";
import { type CatalogueText, CLAIMED_BENEFIT, COUPON, FLASH_SALE, MEMBER_PRICE, PRODUCTS } from "./products.ts";

const LANGUAGES = [LanguageCode.en, LanguageCode.zh_Hans];
/** China's general rate of value-added tax. */
const TAX_PERCENT = 13;

export async function seed(app: INestApplication, { collection }: { collection: string }): Promise<void> {
  const first = await staffContext(app);
  await app.get(GlobalSettingsService).updateSettings(first, { availableLanguages: LANGUAGES, trackInventory: false });
  await populateInitialData(app, {
    defaultLanguage: LanguageCode.en,
    defaultZone: "China",
    countries: [{ code: "CN", name: "China", zone: "China" }],
    taxRates: [{ name: "Standard", percentage: TAX_PERCENT }],
    shippingMethods: [],
    paymentMethods: [{ name: TEST_PAYMENT, handler: { code: TEST_PAYMENT, arguments: [] } }],
    collections: [],
  });
  const channels = app.get(ChannelService);
  const { id } = await channels.getDefaultChannel();
  must(
    await channels.update(first, {
      id,
      defaultCurrencyCode: CurrencyCode.CNY,
      availableCurrencyCodes: [CurrencyCode.CNY],
      availableLanguageCodes: LANGUAGES,
      defaultLanguageCode: LanguageCode.en,
      pricesIncludeTax: true,
    }),
  );

  // With the channel as it is now.
  const ctx = await staffContext(app);
  const variants = new Map<string, string>();
  for (const [position, product] of PRODUCTS.entries())
    variants.set(product.sku, await addProduct(app, ctx, product, { collection, position }));
  await addPromotions(app, ctx, variants);
}

async function addProduct(
  app: INestApplication,
  ctx: RequestContext,
  product: (typeof PRODUCTS)[number],
  { collection, position }: { collection: string; position: number },
): Promise<string> {
  const { sku, slug, name, description, price, category, membersOnly = false, card } = product;
  const created = await app.get(ProductService).create(ctx, {
    translations: translations(name).map((translation) => ({
      ...translation,
      slug,
      description: translation.languageCode === LanguageCode.en ? description.en : description["zh-CN"],
    })),
  });
  const [variant] = await app.get(ProductVariantService).create(ctx, [
    {
      productId: created.id,
      sku,
      translations: translations(name),
      prices: [{ currencyCode: CurrencyCode.CNY, price }],
      price,
      trackInventory: GlobalFlag.FALSE,
      customFields: {
        category,
        position,
        membersOnly,
        ...(card === undefined ? {} : { cardCollection: collection, cardTier: card.tier, cardTerm: card.term }),
      },
    },
  ]);
  if (variant === undefined) throw new Error(`The product ${sku} was not created`);
  return String(variant.id);
}

async function addPromotions(app: INestApplication, ctx: RequestContext, variants: Map<string, string>): Promise<void> {
  const promotions = app.get(PromotionService);
  const now = Date.now();
  const flashProducts = JSON.stringify([variants.get(FLASH_SALE.sku)]);
  const common = { enabled: true, conditions: [] };
  const named = (name: CatalogueText) => translations(name).map((translation) => ({ ...translation, description: "" }));
  const all = [
    {
      ...common,
      translations: named(FLASH_SALE.name),
      startsAt: new Date(now),
      endsAt: new Date(now + FLASH_SALE.hours * 3_600_000),
      conditions: [
        {
          code: containsProducts.code,
          arguments: [
            { name: "minimum", value: "1" },
            { name: "productVariantIds", value: flashProducts },
          ],
        },
      ],
      actions: [
        {
          code: productsPercentageDiscount.code,
          arguments: [
            { name: "discount", value: String(FLASH_SALE.percent) },
            { name: "productVariantIds", value: flashProducts },
          ],
        },
      ],
    },
    {
      ...common,
      translations: named(MEMBER_PRICE),
      conditions: [{ code: "mintmark_member", arguments: [] }],
      actions: [{ code: "mintmark_member_price", arguments: [] }],
    },
    {
      ...common,
      translations: named(CLAIMED_BENEFIT),
      conditions: [{ code: "mintmark_claim", arguments: [] }],
      actions: [{ code: "mintmark_claimed_piece", arguments: [] }],
    },
    {
      ...common,
      translations: named(COUPON.name),
      couponCode: COUPON.code,
      actions: [
        { code: orderPercentageDiscount.code, arguments: [{ name: "discount", value: String(COUPON.percent) }] },
      ],
    },
  ];
  for (const promotion of all) must(await promotions.createPromotion(ctx, promotion));
}

/** As the store's staff, who may do everything. */
export async function staffContext(app: INestApplication): Promise<RequestContext> {
  const user = await app
    .get(TransactionalConnection)
    .rawConnection.getRepository(User)
    .findOneOrFail({ where: { identifier: STAFF_NAME }, relations: { roles: { channels: true } } });
  return await app.get(RequestContextService).create({ apiType: "admin", user });
}

function translations(name: CatalogueText): { languageCode: LanguageCode; name: string }[] {
  return [
    { languageCode: LanguageCode.en, name: name.en },
    { languageCode: LanguageCode.zh_Hans, name: name["zh-CN"] },
  ];
}

function must(result: object): void {
  if (isGraphQlErrorResult(result as never)) throw new Error(`Seeding failed: ${JSON.stringify(result)}`);
}
