// npm run restore -- <archive>: puts back what `npm run backup` has made. What has happened since is found on the chain at the next start.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError, loadConfig } from "../server/config.ts";
import { DatabaseUnusableError } from "../server/database/unusable.ts";
import { BackupError } from "./backup/problems.ts";
import { putBack } from "./backup/put-back.ts";
import { AlreadyRunningError } from "./lifecycle/run-file.ts";

const USAGE = `Usage: npm run restore -- <archive> [--replace] [--keep-chain | --replace-chain]

Puts back an archive of npm run backup, while nothing runs. All of it is checked before anything is touched.

  --replace         set aside what is there (nothing is deleted)
  --keep-chain      keep the local chain that is there, whatever the archive has
  --replace-chain   put back the archive's local chain, also where the one that is there has more blocks

Without the last two, the chain that has all blocks of the other one counts.`;

const EXPECTED = [BackupError, ConfigError, DatabaseUnusableError, AlreadyRunningError];

async function main(): Promise<void> {
  let archive: string | undefined;
  let flags: { replace?: boolean; "keep-chain"?: boolean; "replace-chain"?: boolean };
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        replace: { type: "boolean" },
        "keep-chain": { type: "boolean" },
        "replace-chain": { type: "boolean" },
      },
    });
    [archive] = positionals.length === 1 ? positionals : [];
    flags = values;
  } catch (error) {
    throw new BackupError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  if (archive === undefined) throw new BackupError(`Say which archive to put back.\n\n${USAGE}`);
  if (flags["keep-chain"] === true && flags["replace-chain"] === true)
    throw new BackupError("Say either --keep-chain or --replace-chain.");
  const chain = flags["keep-chain"] === true ? "keep" : flags["replace-chain"] === true ? "replace" : undefined;
  const config = loadConfig();
  const done = await putBack(resolve(archive), config, {
    replace: flags.replace === true,
    chain,
    say: (line) => console.log(line),
  });
  if (done.manifest === undefined) {
    console.log(`${config.dataFolder} is as it was in the archive.`);
  } else {
    const { createdAt, mirror } = done.manifest;
    const to = mirror === null ? "" : `, the mirror at block ${mirror.block.number}`;
    console.log(`${config.dataFolder} is as it was on ${new Date(createdAt).toLocaleString()}${to}.`);
  }
  if (done.aside !== undefined) console.log(`What was there is at ${done.aside}. Delete it once all is well.`);
  console.log(
    "Start now: before it sends anything, the server finds what was issued and redeemed since on the chain. Then see what is left to a person: npm run reconcile",
  );
}

try {
  await main();
} catch (error) {
  console.error(EXPECTED.some((kind) => error instanceof kind) ? (error as Error).message : error);
  process.exitCode = 1;
}
