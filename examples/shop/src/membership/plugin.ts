// Membership as a Vendure plugin: its fields and tables, prices, who may buy what, and what follows from a paid order.
//
// Decorators are called as functions: Node runs these sources as they are, and decorators are no syntax that it can strip.

import { type OrderInterceptor, type OrderProcess, PluginCommonModule, type Type, VendurePlugin } from "@vendure/core";
import { CUSTOM_FIELDS } from "./fields.ts";
import type { createMembershipPromotions } from "./promotions.ts";
import { ReceivedMessages, ShopCards } from "./records.ts";

export interface MembershipParts {
  promotions: ReturnType<typeof createMembershipPromotions>;
  interceptor: OrderInterceptor;
  process: OrderProcess<string>;
}

export function membershipPlugin({ promotions, interceptor, process }: MembershipParts): Type<unknown> {
  class MembershipPlugin {}
  VendurePlugin({
    imports: [PluginCommonModule],
    compatibility: "^3.7.0",
    // TypeORM takes schemas for classes wherever it takes entities; Vendure's type knows only the latter.
    entities: () => [ShopCards, ReceivedMessages] as unknown as Type<unknown>[],
    configuration(config) {
      for (const [entity, fields] of Object.entries(CUSTOM_FIELDS))
        config.customFields[entity as keyof typeof CUSTOM_FIELDS]?.push(...(fields ?? []));
      config.promotionOptions.promotionConditions?.push(...promotions.conditions);
      config.promotionOptions.promotionActions?.push(...promotions.actions);
      config.orderOptions.orderInterceptors?.push(interceptor);
      config.orderOptions.process?.push(process);
      return config;
    },
  })(MembershipPlugin);
  return MembershipPlugin;
}
