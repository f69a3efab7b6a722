/** Something that the mirror and the chain say differently. */
export interface Difference {
  /** What it is about: `card 0x…/42`, `brand 1`, `collection 0x…`. */
  of: string;
  /** As the mirror has it; nothing if it has nothing. */
  mirror: Record<string, unknown> | undefined;
  /** As the contracts say; nothing if they know nothing of it. */
  chain: Record<string, unknown> | undefined;
}

/** The members in which both sides differ; nothing if they are equal. */
export function compare(of: string, mirror: Difference["mirror"], chain: Difference["chain"]): Difference[] {
  if (mirror === undefined || chain === undefined) return mirror === chain ? [] : [{ of, mirror, chain }];
  const names = [...new Set([...Object.keys(mirror), ...Object.keys(chain)])];
  const different = names.filter((name) => mirror[name] !== chain[name]);
  if (different.length === 0) return [];
  const only = (side: Record<string, unknown>) => Object.fromEntries(different.map((name) => [name, side[name]]));
  return [{ of, mirror: only(mirror), chain: only(chain) }];
}
