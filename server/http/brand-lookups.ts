// What several operations ask of a brand before they can do anything: its collection, and its keys.

import type { OrderableCollection } from "../issuance/orders/catalogue.ts";
import { IssuanceError, KeystoreClosedError } from "../issuance/problems.ts";
import { collectionNotFound } from "./answers.ts";
import type { CollectionName } from "./parameters.ts";
import { mirrorNotReady, Problem, triedAgain } from "./problems.ts";
import type { OrderServices, Services } from "./services.ts";

/** The collection of that name. Throws 404, or 503 where it may be one that the mirror has not read yet. */
export async function requireCollection(
  { orders, mirror }: Pick<Services, "orders" | "mirror">,
  name: CollectionName,
): Promise<OrderableCollection> {
  const collection = await orders.catalogue.find(name);
  if (collection !== undefined) return collection;
  throw mirror.status().state === "following" ? collectionNotFound() : mirrorNotReady();
}

/**
 * What makes the addresses that the brand keeps for customers; nothing if this server has none of its keys. Throws 503 while the chain
 * cannot say which are the brand's. While its keystore is not open, making an address throws 503: not everybody needs one made.
 */
export async function keysOfBrand(
  { orders }: Pick<Services, "orders">,
  brandId: number,
): ReturnType<OrderServices["keysOf"]> {
  return await orders.keysOf(brandId).catch((error: unknown) => {
    if (!(error instanceof IssuanceError) || !error.retryable) throw error;
    if (!(error instanceof KeystoreClosedError)) throw chainUnavailable(error);
    return {
      holderAddress() {
        throw triedAgain(error);
      },
    };
  });
}

/** Why it is not known now which keys a brand has here, or they cannot be used. */
export function keysUnavailable(cause: IssuanceError): Problem {
  return cause instanceof KeystoreClosedError ? triedAgain(cause) : chainUnavailable(cause);
}

/** Which keystore is a brand's, only the chain knows. */
export function chainUnavailable(cause: unknown): Problem {
  return new Problem(
    "chain-unavailable",
    "The chain cannot be reached, and without it the customer's address cannot be made. Try again in a few seconds, or give the customer's own address as `holder`.",
    { headers: { "Retry-After": "5" }, cause },
  );
}
