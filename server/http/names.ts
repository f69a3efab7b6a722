// The names of collections and brands as pages show them.

import { legible } from "../../web/text/formats.ts";
import type { CollectionWithBrand } from "../database/snapshot.ts";

/** A collection's name as pages show it; its slug where the name shows nothing. */
export function collectionNameOf({ name, slug }: Pick<CollectionWithBrand, "name" | "slug">): string {
  return legible(name, slug);
}

/** A brand's name as pages show it. */
export function brandNameOf({ brand }: Pick<CollectionWithBrand, "brand">): string {
  return legible(brand.name, "–");
}
