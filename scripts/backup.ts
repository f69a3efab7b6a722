// npm run backup -- <file>: one archive of everything that a restore needs, as of one moment, also while servers write.

import { parseArgs } from "node:util";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { backUp } from "./backup/back-up.ts";
import { BackupError } from "./backup/problems.ts";
import { beginCommand } from "./lifecycle/command.ts";

const USAGE = `Usage: npm run backup -- <file> [--overwrite]

Makes one archive of the database, the local chain, keys, secrets, art and deployments, also while everything runs.

  --overwrite   replace an archive of this name`;

async function main(): Promise<void> {
  let name: string | undefined;
  let overwrite = false;
  try {
    const { positionals, values } = parseArgs({ allowPositionals: true, options: { overwrite: { type: "boolean" } } });
    overwrite = values.overwrite === true;
    [name] = positionals.length === 1 ? positionals : [];
  } catch (error) {
    throw new BackupError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  if (name === undefined) throw new BackupError("Say which file to write: npm run backup -- /backups/mintmark.tar.gz");
  const { file, bytes, manifest, missing } = await backUp(name, loadWholeConfig(), { overwrite });
  const { chain, mirror, files } = manifest;
  console.log(
    `${file} has everything that a restore needs (${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB, ${files.length} files): ` +
      `${mirror === null ? "a mirror that is empty" : `the mirror to block ${mirror.block.number}`}` +
      `${chain === null ? "" : `, the local chain to block ${chain.head.number}`}.`,
  );
  console.log(
    "It holds keys and secrets: keep it where only you can read it. Whoever has it and a keystore's passphrase can issue cards.",
  );
  if (missing.length > 0) console.log(`Not in it, because settings say where: ${missing.join(", ")}. Keep these too.`);
}

beginCommand();
try {
  await main();
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
