// What can be ordered: collections as the mirror has them, and what their brand offers them as. Remembered for a second, because
// every order asks.

import type { Database } from "../../database/client.ts";
import type { DeclaredTerms } from "../terms.ts";

export interface OrderableCollection extends DeclaredTerms {
  /** Lower-case. */
  address: string;
  slug: string;
  name: string;
  brandId: number;
  brandStatus: string;
  maxSupply: number;
  windingDown: boolean;
  offer: Offer | undefined;
}

/** What a collection is offered as. Times in milliseconds. */
export interface Offer {
  free: boolean;
  tier: number;
  term: string | null;
  opensAt: number | undefined;
  closesAt: number | undefined;
  giftable: boolean;
}

export interface Catalogue {
  /** Nothing if there is none. */
  find(name: { slug: string } | { address: string }): Promise<OrderableCollection | undefined>;
  /** The name in links of a collection that was found before. */
  slugOf(address: string): string | undefined;
  /** Reads anew the next time, after an offer was changed. */
  forget(): void;
}

const REMEMBERED_MS = 1_000;
const MOST_REMEMBERED = 10_000;

export function createCatalogue({ database, steady }: { database: Database; steady(): number }): Catalogue {
  const remembered = new Map<string, { collection: Promise<OrderableCollection | undefined>; until: number }>();
  const slugs = new Map<string, string>();

  async function read(where: { slug: string } | { address: string }): Promise<OrderableCollection | undefined> {
    const row = await database.collection.findUnique({ where, include: { brand: { select: { status: true } } } });
    if (row === null) return undefined;
    const offer = await database.offer.findUnique({ where: { collectionAddress: row.address } });
    slugs.set(row.address, row.slug);
    const { address, slug, name, brandId, maxSupply, highestTier, longestTerm, windingDown, brand } = row;
    return {
      ...{ address, slug, name, brandId, maxSupply, highestTier, windingDown },
      longestTerm: Number(longestTerm),
      brandStatus: brand.status,
      offer: offer === null ? undefined : offerOf(offer),
    };
  }

  return {
    async find(name) {
      const key = "slug" in name ? name.slug : name.address;
      const known = remembered.get(key);
      if (known !== undefined && known.until > steady()) return await known.collection;
      const collection = read("slug" in name ? { slug: name.slug } : { address: name.address });
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(key, { collection, until: steady() + REMEMBERED_MS });
      const found = await collection.catch((error: unknown) => {
        remembered.delete(key);
        throw error;
      });
      // The mirror may be about to read it.
      if (found === undefined) remembered.delete(key);
      return found;
    },
    slugOf: (address) => slugs.get(address),
    forget: () => remembered.clear(),
  };
}

/** An offer as its row has it. */
export function offerOf(row: {
  free: boolean;
  tier: number;
  term: string | null;
  opensAt: bigint | null;
  closesAt: bigint | null;
  giftable: boolean;
}): Offer {
  const { free, tier, term, opensAt, closesAt, giftable } = row;
  return {
    free,
    tier,
    term,
    opensAt: opensAt === null ? undefined : Number(opensAt),
    closesAt: closesAt === null ? undefined : Number(closesAt),
    giftable,
  };
}
