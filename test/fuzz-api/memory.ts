// What earlier answers have held, by the member that it was in: ids, serials, cursors, blocks. Only the newest of each, so that requests
// meet what is still there.

import { fits, type Known, type Resolve } from "./schema.ts";

export interface Memory {
  learn(answer: unknown): void;
  /** The value that a request wants to know; what it would take otherwise if no answer has held one. */
  recall(known: Known): unknown;
  tags: Map<string, string>;
}

const MOST_VALUES = 12;
/** Under which other names a member's values stand in answers. */
const SYNONYMS: Record<string, string[]> = {
  collection: ["slug", "address"],
  address: ["holder"],
  cursor: ["nextCursor"],
  atBlock: ["blockNumber"],
  minBlock: ["blockNumber"],
  benefit: ["benefitId"],
};
const OWN_NAMES = new Set(["slug", "reference", "serial", "holder", "token", "tier", "userId"]);

export function createMemory(resolve: Resolve, seen: Record<string, unknown[]>): Memory {
  const values = new Map<string, unknown[]>();

  function keep(name: string, value: unknown): void {
    const kept = (values.get(name) ?? []).filter((other) => other !== value);
    values.set(name, [value, ...kept].slice(0, MOST_VALUES));
  }

  function learn(answer: unknown, name = ""): void {
    if (Array.isArray(answer)) for (const item of answer.slice(0, 3)) learn(item, name);
    else if (typeof answer === "object" && answer !== null)
      for (const [member, value] of Object.entries(answer)) learn(value, member);
    else if (typeof answer === "number") keep(name, answer);
    else if (typeof answer === "string") {
      keep(name, answer);
      // Links carry what only their reader is to know.
      if (URL.canParse(answer)) for (const [member, value] of new URL(answer).searchParams) keep(member, value);
    }
  }

  // In the order in which they are asked for: the first is the last to be forgotten.
  for (const [name, known] of Object.entries(seen)) for (const value of known.toReversed()) keep(name, value);

  return {
    learn,
    recall({ name, schema, index, otherwise }) {
      const names = [name, ...(SYNONYMS[name] ?? []), ...(OWN_NAMES.has(name) ? [] : ["id"])];
      const candidates = names
        .flatMap((candidate) => [...(seen[candidate] ?? []), ...(values.get(candidate) ?? [])])
        .filter((value) => fits(schema, value, resolve));
      return candidates.length === 0 ? otherwise : candidates[index % candidates.length];
    },
    tags: new Map(),
  };
}
