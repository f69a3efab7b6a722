// An archive: a compressed tar whose first file says what is in it, with the hash of each. Must hold: an archive of the given name is whole, or not
// there; and nothing of one is believed before all of it was compared with its hashes.

import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { create, extract } from "tar";
import { syncToDisk } from "../../server/system/durable-files.ts";
import { filesToKeep, sha256Of } from "./files.ts";
import { ARCHIVE_FORMAT, MANIFEST_FILE, type Manifest, parseManifest } from "./manifest.ts";
import { BackupError } from "./problems.ts";

/** Packs the files of a folder, which the manifest names. Replaces what is there only if that is asked for. */
export async function writeArchive(
  file: string,
  options: { folder: string; manifest: Manifest; overwrite: boolean },
): Promise<void> {
  const { folder, manifest, overwrite } = options;
  writeFileSync(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  const draft = draftOf(file);
  const files = [MANIFEST_FILE, ...manifest.files.map(({ path }) => path)];
  await create({ file: draft, cwd: folder, gzip: true, portable: true, strict: true, mode: 0o600 }, files);
  chmodSync(draft, 0o600);
  syncToDisk(draft);
  if (overwrite) {
    renameSync(draft, file);
  } else {
    try {
      // Unlike a rename, a link fails if there is something meanwhile.
      linkSync(draft, file);
      rmSync(draft);
    } catch (error) {
      if (existsSync(file)) throw alreadyThere(file);
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      renameSync(draft, file);
    }
  }
  syncToDisk(dirname(file));
}

export function alreadyThere(file: string): BackupError {
  return new BackupError(`${file} is there already. Choose another name, or say --overwrite.`);
}

/** The name of an archive that is not whole yet, or of a folder with what is to be in it. */
export function draftOf(file: string, what = "unfinished"): string {
  return `${file}.${what}.${process.pid}`;
}

/** Removes what runs have left behind that were killed while they made this archive. */
export function removeLeftovers(file: string): void {
  const folder = dirname(file);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const [, pid] = /\.(?:unfinished|staging)\.(\d+)$/.exec(name) ?? [];
    if (pid === undefined || !name.startsWith(`${basename(file)}.`) || isAlive(Number(pid))) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Throws {@link BackupError} if there is no such file. */
export function requireArchive(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    throw new BackupError(`There is no archive ${file}.`);
}

/** Unpacks an archive into an empty folder, and compares all of it with its hashes. Throws {@link BackupError}. */
export async function readArchive(file: string, folder: string): Promise<Manifest> {
  requireArchive(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    await extract({
      file,
      cwd: folder,
      strict: true,
      preserveOwner: false,
      noMtime: true,
      umask: 0o077,
      filter: (path, entry) =>
        /^(manifest\.json|(database|data)\/)/.test(path) && "type" in entry && /File$/.test(entry.type),
    });
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall !== undefined && code !== undefined && !/^(TAR_|Z_)/.test(code)) throw cause;
    throw damaged(file, (cause as Error).message, cause);
  }
  const manifestFile = join(folder, MANIFEST_FILE);
  if (!existsSync(manifestFile)) throw damaged(file, "it has no manifest");
  const text = readFileSync(manifestFile, "utf8");
  const manifest = parseManifest(text);
  if (manifest === undefined || manifest.format !== ARCHIVE_FORMAT) {
    if (formatOf(text) > ARCHIVE_FORMAT)
      throw new BackupError(
        `${file} was made by a newer version of Mintmark. Put it back with that version or a newer one.`,
      );
    throw damaged(file, "its manifest cannot be read");
  }
  const named = new Set(manifest.files.map(({ path }) => path));
  const extra = filesToKeep(folder, () => false).find((path) => path !== MANIFEST_FILE && !named.has(path));
  if (extra !== undefined) throw damaged(file, `its manifest does not name ${extra}`);
  for (const { path, size, sha256 } of manifest.files) {
    const about = statSync(join(folder, path), { throwIfNoEntry: false });
    if (about === undefined) throw damaged(file, `${path} is missing`);
    if (about.size !== size || (await sha256Of(join(folder, path))) !== sha256)
      throw damaged(file, `${path} is not what it was`);
    chmodSync(join(folder, path), 0o600);
  }
  return manifest;
}

function formatOf(text: string): number {
  try {
    return Number((JSON.parse(text) as { format?: unknown }).format);
  } catch {
    return Number.NaN;
  }
}

function damaged(file: string, what: string, cause?: unknown): BackupError {
  return new BackupError(
    `${file} is damaged or no archive of Mintmark: ${what}. Nothing was changed; use another one.`,
    {
      cause,
    },
  );
}
