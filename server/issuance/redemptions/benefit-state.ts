// How often a card's benefit can be used, with everything that was promised and is not on the chain yet. Must hold: mirror and promises
// are read by one statement, as of one moment, because a use goes from the one to the other while others count: read one after the
// other, it would be missed or counted twice.

import type { DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { type BenefitStanding, benefitStanding, type PendingUse, useAfter } from "../../membership/benefits.ts";

/** A card's benefit. The address is lower-case. */
export interface CardBenefit {
  collectionAddress: string;
  serial: number;
  benefitId: number;
}

export interface BenefitState {
  standing: BenefitStanding;
  holder: string;
  generation: number;
  /** The number that the next redemption has, once all that were confirmed are on the chain. */
  nextNumber: number;
}

type Integer = number | bigint;

/** The card, its benefit, the last redemption and undoing of it; and, once for each, what was promised. */
interface StateRow {
  holder: string;
  generation: Integer;
  status: string;
  expiresAt: Integer;
  brandStatus: string;
  quota: Integer | null;
  period: Integer;
  startsAt: Integer;
  lastNumber: Integer | null;
  periodStart: Integer;
  used: Integer;
  blockNumber: Integer;
  logIndex: Integer;
  undoneUsed: Integer | null;
  undoneBlock: Integer;
  undoneIndex: Integer;
  id: string | null;
  state: string;
  heldUntil: Integer;
  number: Integer | null;
  onChain: boolean | Integer;
}

/**
 * How a card's benefit stands; nothing if there is no such card.
 * @param now In milliseconds.
 * @param except A redemption that does not count.
 */
export async function readBenefitState(
  transaction: DatabaseTransaction,
  { collectionAddress, serial, benefitId }: CardBenefit,
  now: number,
  except?: string,
): Promise<BenefitState | undefined> {
  const of = (table: string) =>
    Prisma.sql`${Prisma.raw(table)}."collectionAddress" = ${collectionAddress} AND ${Prisma.raw(table)}."serial" = ${serial} AND ${Prisma.raw(table)}."benefitId" = ${benefitId}`;
  // With the number of a redemption somebody else may have redeemed: only what our own transaction did is this one.
  const rows = await transaction.$queryRaw<StateRow[]>(Prisma.sql`
    SELECT c."holder", c."generation", c."status", c."expiresAt", b."status" AS "brandStatus", t."quota", t."period", t."startsAt",
      r."number" AS "lastNumber", r."periodStart", r."used", r."blockNumber", r."logIndex",
      u."used" AS "undoneUsed", u."blockNumber" AS "undoneBlock", u."logIndex" AS "undoneIndex",
      h."id", h."state", h."heldUntil", h."number",
      EXISTS (SELECT 1 FROM "Command" AS m WHERE m."holdId" = h."id" AND m."kind" = 'redeem' AND (m."state" = 'done' OR EXISTS (
        SELECT 1 FROM "TransactionAttempt" AS a JOIN "Redemption" AS s ON s."transactionHash" = a."hash"
        WHERE a."signer" = m."signer" AND a."nonce" = m."nonce" AND ${of("s")} AND s."number" = m."redemptionNumber"))) AS "onChain"
    FROM "Card" AS c
    JOIN "Collection" AS k ON k."address" = c."collectionAddress"
    JOIN "Brand" AS b ON b."id" = k."brandId"
    LEFT JOIN "Benefit" AS t ON t."collectionAddress" = c."collectionAddress" AND t."tier" = c."tier" AND t."benefitId" = ${benefitId}
    LEFT JOIN "Redemption" AS r ON ${of("r")} AND r."number" = (SELECT MAX(s."number") FROM "Redemption" AS s WHERE ${of("s")})
    LEFT JOIN "RedemptionUndoing" AS u ON ${of("u")} AND u."number" = (
      SELECT s."number" FROM "RedemptionUndoing" AS s WHERE ${of("s")} ORDER BY s."blockNumber" DESC, s."logIndex" DESC LIMIT 1)
    LEFT JOIN "BenefitHold" AS h ON ${of("h")} AND (h."state" IN ('held', 'confirmed', 'undoing')
      OR (h."state" = 'redeemed' AND h."number" > COALESCE(r."number", 0)))
    WHERE c."collectionAddress" = ${collectionAddress} AND c."serial" = ${serial}`);
  const [card] = rows;
  if (card === undefined) return undefined;
  const redemptions = Number(card.lastNumber ?? 0);
  const pending = rows.flatMap(({ id, state, heldUntil, number, onChain }): PendingUse[] => {
    if (id === null || id === except) return [];
    const isCounted = Boolean(onChain) && number !== null && Number(number) <= redemptions;
    return isCounted
      ? []
      : [{ ...{ id, benefitId }, confirmed: state !== "held", heldUntil: Number(heldUntil), number: null }];
  });
  const place = { blockNumber: Number(card.blockNumber), logIndex: Number(card.logIndex) };
  const use = useAfter(
    card.lastNumber === null
      ? null
      : { ...place, number: redemptions, periodStart: Number(card.periodStart), used: Number(card.used) },
    card.undoneUsed === null
      ? null
      : {
          blockNumber: Number(card.undoneBlock),
          logIndex: Number(card.undoneIndex),
          used: Number(card.undoneUsed),
        },
  );
  return {
    standing: benefitStanding(
      card.quota === null
        ? { benefitId, quota: 0, period: 0, startsAt: 0 }
        : { benefitId, quota: Number(card.quota), period: Number(card.period), startsAt: Number(card.startsAt) },
      use,
      pending,
      { status: card.status, expiresAt: Number(card.expiresAt), brandStatus: card.brandStatus },
      now,
    ),
    holder: card.holder,
    generation: Number(card.generation),
    nextNumber: redemptions + pending.filter(({ confirmed }) => confirmed).length + 1,
  };
}
