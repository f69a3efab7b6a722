// What the store sells. Prices are in fen and include tax.

/** In both languages of the store. */
export interface CatalogueText {
  en: string;
  "zh-CN": string;
}

export interface CatalogueProduct {
  sku: string;
  slug: string;
  name: CatalogueText;
  description: CatalogueText;
  price: number;
  /** What benefits name as `category:…`. */
  category: "fragrance" | "home" | "reserve" | "coffee" | "membership";
  membersOnly?: true;
  /** The card that is sold. */
  card?: { tier: number; term: string };
}

export const PRODUCTS: CatalogueProduct[] = [
  {
    sku: "CARD-1Y",
    slug: "membership-card",
    name: { en: "Membership card, one year", "zh-CN": "会员卡（一年）" },
    description: {
      en: "A numbered card in your name, on the chain within seconds. Fragrances and candles for 10 % less, the Reserve that nobody else sees, and two coffees a month at the counter.",
      "zh-CN": "专属于你的编号会员卡，数秒内上链。香水与香氛九折，可选购仅会员可见的珍藏系列，每月到店赠饮两杯咖啡。",
    },
    price: 19_900,
    category: "membership",
    card: { tier: 1, term: "P1Y" },
  },
  {
    sku: "EDP-NOIR-50",
    slug: "noir-eau-de-parfum",
    name: { en: "Noir, eau de parfum 50 ml", "zh-CN": "「夜」淡香精 50 毫升" },
    description: {
      en: "Black tea, iris and smoked cedar. It begins cool and ends warm.",
      "zh-CN": "红茶、鸢尾与烟熏雪松。初闻清冷，尾调温暖。",
    },
    price: 48_000,
    category: "fragrance",
  },
  {
    sku: "EDT-RAIN-100",
    slug: "after-rain-eau-de-toilette",
    name: { en: "After Rain, eau de toilette 100 ml", "zh-CN": "「雨后」淡香水 100 毫升" },
    description: {
      en: "Wet stone, green bamboo and a little mint: a garden wall in June.",
      "zh-CN": "湿石、青竹与一丝薄荷，像六月雨后的园墙。",
    },
    price: 36_000,
    category: "fragrance",
  },
  {
    sku: "CANDLE-OSM",
    slug: "osmanthus-candle",
    name: { en: "Osmanthus candle 190 g", "zh-CN": "桂花香氛蜡烛 190 克" },
    description: {
      en: "Soy wax, forty hours, the two weeks of autumn when the whole street smells of it.",
      "zh-CN": "大豆蜡，可燃约四十小时，留住满街桂香的那两周秋天。",
    },
    price: 16_800,
    category: "home",
  },
  {
    sku: "COFFEE-FLAT",
    slug: "flat-white",
    name: { en: "Flat white at the counter", "zh-CN": "到店馥芮白咖啡" },
    description: {
      en: "Two shots, fine milk, made while your parcel is wrapped.",
      "zh-CN": "双份浓缩，细腻奶泡，包装礼物的时间刚好一杯。",
    },
    price: 3_200,
    category: "coffee",
  },
  {
    sku: "RESERVE-ABS-30",
    slug: "reserve-absolute",
    name: { en: "Reserve, absolute 30 ml", "zh-CN": "珍藏净油 30 毫升" },
    description: {
      en: "Twelve-year agarwood, in three hundred bottles a year. For members.",
      "zh-CN": "十二年沉香，每年仅三百瓶，会员专享。",
    },
    price: 128_000,
    category: "reserve",
    membersOnly: true,
  },
];

export const FLASH_SALE = {
  name: { en: "Flash sale", "zh-CN": "限时特惠" },
  sku: "CANDLE-OSM",
  percent: 20,
  hours: 48,
};

export const COUPON = {
  code: "WELCOME10",
  name: { en: "Welcome: 10 % off", "zh-CN": "新客礼：整单九折" },
  percent: 10,
};

/** The names of the promotions that membership makes. */
export const MEMBER_PRICE = { en: "Member price", "zh-CN": "会员价" };
export const CLAIMED_BENEFIT = { en: "On your card", "zh-CN": "会员卡权益抵扣" };
