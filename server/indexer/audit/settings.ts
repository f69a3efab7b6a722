// Compares brands, collections and benefits with what the contracts say. There are few of them.

import { BRAND_STATUS, BURN_AUTH } from "../../chain/abi.ts";
import type { BenefitRow, BrandRow, CollectionRow } from "../../database/snapshot.ts";
import { ask, askStructs, ofCollection, ofRegistry, type Witness } from "./asking.ts";
import { compare, type Difference } from "./difference.ts";

export async function auditBrands(witness: Witness, brands: readonly BrandRow[]): Promise<Difference[]> {
  const [count] = await ask(witness, [ofRegistry(witness, "brandCount")]);
  const answers = await ask(
    witness,
    brands.map(({ id }) => ofRegistry(witness, "brandOf", id)),
  );
  const differences = compare("number of brands", { count: brands.length }, { count: Number(count?.[0]) });
  for (const [index, brand] of brands.entries()) {
    const { id, blockNumber: _, transactionHash: __, ...mirror } = brand;
    const [brandNow] = answers[index] as [Record<string, bigint> & { handle: string; profile: Record<string, string> }];
    const { status, keyEpoch, suspension, handle, profile } = brandNow;
    const { profileURI: profileUri, ...texts } = profile;
    const chain = {
      ...texts,
      profileUri,
      status: BRAND_STATUS[Number(status)],
      keyEpoch: Number(keyEpoch),
      suspension: Number(suspension),
      handle,
    };
    differences.push(...compare(`brand ${id}`, mirror, chain));
  }
  return differences;
}

export async function auditCollections(witness: Witness, collections: readonly CollectionRow[]): Promise<Difference[]> {
  const [count] = await ask(witness, [ofRegistry(witness, "collectionCount")]);
  const differences = compare("number of collections", { count: collections.length }, { count: Number(count?.[0]) });
  const methods = [
    ...["collectionTerms", "name", "symbol", "issuedCount", "contentHash"],
    ...["contentFrozen", "benefitsFrozen", "windingDown"],
  ];
  for (const collection of collections) {
    const { address, slug } = collection;
    const answers = await ask(witness, [
      ...methods.map((method) => ofCollection(address, method)),
      ofRegistry(witness, "collectionOf", slug),
    ]);
    const [terms, name, symbol, issuedCount, contentHash, contentFrozen, benefitsFrozen, windingDown, bySlug] =
      answers.map(([value]) => value);
    const { brandId, maxSupply, burnAuth, reissueDelay, highestTier, longestTerm } = terms as Record<string, bigint>;
    differences.push(
      ...compare(
        `collection ${address}`,
        {
          address,
          brandId: collection.brandId,
          maxSupply: collection.maxSupply,
          burnAuth: collection.burnAuth,
          reissueDelay: collection.reissueDelay,
          highestTier: collection.highestTier,
          longestTerm: collection.longestTerm,
          name: collection.name,
          symbol: collection.symbol,
          issuedCount: collection.issuedCount,
          contentHash: collection.contentHash,
          contentFrozen: Boolean(collection.contentFrozen),
          benefitsFrozen: Boolean(collection.benefitsFrozen),
          windingDown: Boolean(collection.windingDown),
        },
        {
          address: String(bySlug).toLowerCase(),
          brandId: Number(brandId),
          maxSupply: Number(maxSupply),
          burnAuth: BURN_AUTH[Number(burnAuth)],
          reissueDelay: Number(reissueDelay),
          highestTier: Number(highestTier),
          longestTerm: Number(longestTerm),
          name,
          symbol,
          issuedCount: Number(issuedCount),
          contentHash,
          contentFrozen,
          benefitsFrozen,
          windingDown,
        },
      ),
    );
  }
  return differences;
}

export async function auditBenefits(witness: Witness, benefits: readonly BenefitRow[]): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const [address, some] of Map.groupBy(benefits, ({ collectionAddress }) => collectionAddress)) {
    const args = some.map(({ tier, benefitId }) => [tier, benefitId]);
    const terms = await askStructs(witness, address, "benefitOf", args);
    for (const [index, { tier, benefitId, quota, period, startsAt }] of some.entries())
      differences.push(
        ...compare(`benefit ${benefitId} of tier ${tier} of ${address}`, { quota, period, startsAt }, terms[index]),
      );
  }
  return differences;
}
