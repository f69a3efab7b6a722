// The benefits of a collection: what the chain grants, and what the brand says that it means.

import { z } from "zod";
import { recordAct } from "../accounts/audit.ts";
import { actorOf } from "../accounts/principal.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { type BenefitRow, checkpoint, many, readSnapshot } from "../database/snapshot.ts";
import { inTransaction } from "../database/transactions.ts";
import { UNLIMITED } from "../membership/benefits.ts";
import { type BenefitRule, type BenefitRules, ruleOf } from "../membership/rules.ts";
import { collectionNotFound, requireMoment, single } from "./answers.ts";
import { requireCollection } from "./brand-lookups.ts";
import { type BenefitAnswer, benefitIdParameter, benefitSchema, newBenefitRuleSchema } from "./entitlement-schemas.ts";
import { presentRule } from "./entitlements.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { collectionParameter } from "./parameters.ts";
import { isoTime } from "./present.ts";
import { singleOf } from "./schemas.ts";
import type { Services } from "./services.ts";

/** More tiers and benefits than this a collection is not given. */
const MOST_TERMS = 5_000;

export function benefitOperations(services: Services, rules: BenefitRules): Operation[] {
  const { application, database, mirror, now } = services;

  async function termsOf(collection: string) {
    return await readSnapshot(database, {
      checkpoint,
      terms: many("Benefit", {
        where: Prisma.sql`"collectionAddress" = ${collection}`,
        orderBy: Prisma.sql`"benefitId", "tier"`,
        limit: MOST_TERMS,
      }),
    });
  }

  return [
    defineOperation({
      id: "listBenefits",
      tag: "membership",
      path: "/v1/collections/{collection}/benefits",
      summary: "List the benefits of a collection",
      description:
        "What the chain grants the cards of each tier, and what the brand says that it means. How often a benefit may be used is the chain's; its meaning is the brand's word, and each change of it is in the brand's audit log.",
      access: "everyone",
      params: z.object({ collection: collectionParameter }),
      answers: { 200: { description: "The benefits.", schema: singleOf(z.array(benefitSchema)) } },
      problems: [404, 503],
      tagged: true,
      limited: true,
      open: true,
      async handle({ params }) {
        const { address, brandId } = await requireCollection(services, params.collection);
        const [found, brandRules] = await Promise.all([termsOf(address), rules.ofBrand(brandId)]);
        const data = presentBenefits(found.terms, brandRules.ofCollection(address));
        return single(data, requireMoment(found), mirror.status());
      },
    }),
    defineOperation({
      id: "setBenefit",
      method: "put",
      tag: "membership",
      path: "/v1/collections/{collection}/benefits/{benefit}",
      summary: "Say what a benefit means",
      description:
        "Gives a benefit its name, and says what it does for a basket. How often it may be used, and by which tiers, is on the chain: the brand's administrator sets it there (`setBenefit`), before or after.",
      access: ["owner", "manager"],
      params: z.object({ collection: collectionParameter, benefit: benefitIdParameter }),
      body: newBenefitRuleSchema,
      answers: { 200: { description: "The benefit.", schema: z.object({ data: benefitSchema }) } },
      problems: [404, 503],
      tagged: false,
      limited: true,
      open: false,
      async handle({ params, body, principal }) {
        const collection = await requireCollection(services, params.collection);
        if (collection.brandId !== principal.brandId) throw collectionNotFound();
        const { address: collectionAddress, brandId } = collection;
        const key = { collectionAddress, benefitId: params.benefit };
        const values = {
          brandId,
          kind: body.kind,
          name: body.name.en,
          nameZh: body.name["zh-CN"],
          basisPoints: body.discountPercent === null ? null : Math.round(body.discountPercent * 100),
          products: JSON.stringify(body.products),
          updatedAt: now(),
        };
        const row = await inTransaction(application, async (transaction) => {
          const written = await transaction.benefitRule.upsert({
            where: { collectionAddress_benefitId: key },
            create: { ...key, ...values },
            update: values,
          });
          await recordAct(transaction, {
            at: now(),
            brandId,
            actor: actorOf(principal),
            action: "benefit.set",
            subject: `${collectionAddress}/${params.benefit}`,
            details: {
              kind: body.kind,
              name: body.name.en,
              nameZh: body.name["zh-CN"],
              discountPercent: body.discountPercent,
              products: body.products.join(", "),
            },
          });
          return written;
        });
        rules.forget();
        const { terms } = await termsOf(collectionAddress);
        const [data] = presentBenefits(
          terms.filter(({ benefitId }) => benefitId === params.benefit),
          [ruleOf(row)],
        );
        return { body: { data } };
      },
    }),
  ];
}

/** Those that are granted to some tier, and those that have a meaning only. */
function presentBenefits(terms: readonly BenefitRow[], rules: readonly BenefitRule[]): BenefitAnswer[] {
  const ids = [...new Set([...terms, ...rules].map(({ benefitId }) => benefitId))].toSorted((a, b) => a - b);
  return ids.map((id) => ({
    id,
    ...presentRule(rules.find(({ benefitId }) => benefitId === id)),
    tiers: terms
      .filter(({ benefitId, quota }) => benefitId === id && quota !== 0)
      .map(({ tier, quota, period, startsAt }) => ({
        tier,
        quota: quota === UNLIMITED ? null : quota,
        periodSeconds: period === 0 ? null : period,
        startsAt: isoTime(startsAt),
      })),
  }));
}
