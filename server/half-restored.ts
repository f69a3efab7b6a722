// A data folder into which an archive is being put back is neither the old one nor the new one: nobody may start on it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError, loadConfig } from "./config.ts";

/** Written before the first file is moved, and removed after the last: see scripts/backup/moves.ts. */
export const UNDER_WAY_FILE = "restore-under-way.json";

/** Throws {@link ConfigError}. */
export function refuseHalfRestored(dataFolder: string): void {
  if (!existsSync(join(dataFolder, UNDER_WAY_FILE))) return;
  throw new ConfigError(
    `A restore of ${dataFolder} was broken off before all files were in their places. Run it again, and it goes on: npm run restore -- <archive>`,
  );
}

/** The settings of a command that works on the data folder or its database. Throws {@link ConfigError} where that is half restored. */
export function loadWholeConfig(): Config {
  const config = loadConfig();
  refuseHalfRestored(config.dataFolder);
  return config;
}
