// What to tell a person when a demonstration or a drill has failed.

import { describeFailure } from "../../server/failures.ts";
import { ShowError } from "./chain.ts";

/** The sentence that was written for people, or the stack of what nobody expected. */
export function describeShowFailure(error: unknown): string {
  return error instanceof ShowError || isHardhatError(error) ? error.message : describeFailure(error);
}

/** What Hardhat itself complains about, for example a node that is gone in the middle. */
function isHardhatError(error: unknown): error is Error {
  return error instanceof Error && error.name === "HardhatError";
}
