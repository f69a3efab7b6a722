// The libraries that a collection's code is linked with.

const COLLECTION_LIBRARIES = ["Announcements", "BatchStarts", "BenefitBook", "Corrections"] as const;

export type CollectionLibraries<Address> = Record<(typeof COLLECTION_LIBRARIES)[number], Address>;

/** Deploys each of them. Returns what linking takes. */
export async function deployCollectionLibraries<Address>(
  deploy: (name: string) => Promise<Address>,
): Promise<CollectionLibraries<Address>> {
  const entries: [string, Address][] = [];
  // One after the other: a node counts an account's transactions in the order in which they come.
  for (const name of COLLECTION_LIBRARIES) entries.push([name, await deploy(name)]);
  return Object.fromEntries(entries) as CollectionLibraries<Address>;
}

/** The same where nothing has to be waited for, as in a plan. */
export function planCollectionLibraries<Library>(plan: (name: string) => Library): CollectionLibraries<Library> {
  return Object.fromEntries(COLLECTION_LIBRARIES.map((name) => [name, plan(name)])) as CollectionLibraries<Library>;
}
