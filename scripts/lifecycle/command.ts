// What every command that a person runs begins with.

import { giveLastWords } from "../../server/failures.ts";
import { keepFromOthers } from "../../server/system/data-folder.ts";

/** What the command writes is for its owner only, and nothing unhandled ends it without a last line that says what happened. */
export function beginCommand(): void {
  keepFromOthers();
  giveLastWords();
}
