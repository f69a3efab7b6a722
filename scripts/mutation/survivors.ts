// The survivors that are known to be no gap in the tests, each with the reason, in a tracked file.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export const SURVIVORS_FILE = "test/contracts/mutation-survivors.json";

/** Why each of them cannot be noticed, by the mutant's id. */
export function explainedSurvivors(root: string): Map<string, string> {
  const file: unknown = JSON.parse(readFileSync(join(root, SURVIVORS_FILE), "utf8"));
  return new Map(Object.entries(z.record(z.string(), z.string().min(20)).parse(file)));
}
