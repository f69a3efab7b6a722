// What went wrong, in one sentence that a person can act on: what happened, where, and what to do. The one place that knows the
// operating system's names for errors. Plain JavaScript: the oldest Node reads it too.
// Must hold: an expected error needs no stack; one that nobody expected keeps it.

import { writeSync } from "node:fs";
import { userInfo } from "node:os";

/** Errors whose message was written for the person who reads it. */
const FOR_PEOPLE = new Set([
  "AlreadyRunningError",
  "BackupError",
  "BlocksMissingError",
  "BootstrapError",
  "ChainRefusedError",
  "ConfigError",
  "DataFolderError",
  "DatabaseUnusableError",
  "InconsistentAnswerError",
  "IssuanceError",
  "KeystoreError",
  "NothingToResumeError",
  "PortInUseError",
  "Refusal",
  "RpcError",
  "SecretError",
  "StartError",
  "WrongChainError",
]);

/** The layers of an error: itself, what caused it, and what caused that. */
function layersOf(error) {
  const layers = [];
  for (let layer = error; typeof layer === "object" && layer !== null && !layers.includes(layer); layer = layer.cause)
    layers.push(layer);
  return layers;
}

/** The layer that the operating system has made, if one has. */
function systemErrorIn(error) {
  return layersOf(error).find(({ code, syscall }) => typeof code === "string" && typeof syscall === "string");
}

function user() {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`; // One without an entry in the list of users, as in many containers.
  }
}

/**
 * An error of the operating system as a sentence; nothing if it is none, or one that needs its stack to be understood.
 * @param {unknown} error
 * @param {string} [place] The file or folder, where the system does not name it.
 */
export function explainSystemError(error, place) {
  const found = systemErrorIn(error);
  if (found === undefined) return undefined;
  const { code, syscall, path: named, port, address } = found;
  const path = place ?? named;
  const file = path ?? "A file or folder";
  if (syscall.startsWith("spawn") || syscall === "fork") return explainSpawn(code, path ?? "a program");
  switch (code) {
    case "ENOSPC":
      return `The disk${path === undefined ? "" : ` of ${path}`} is full. Make room on it, and run this again.`;
    case "EDQUOT":
      return `The disk quota of ${user()}${path === undefined ? "" : ` for ${path}`} is used up. Make room or raise the quota, and run this again.`;
    case "EROFS":
      return `${file} cannot be written, because its file system is read-only. Mount it writable, or use another folder (DATA_DIR).`;
    case "EACCES":
    case "EPERM":
      if (syscall === "listen" || syscall === "bind")
        return `Port ${port} may be used by the administrator only: choose one above 1023.`;
      return `${file} is not accessible to the user ${user()} (${code}). Correct its owner and its mode, or use another folder (DATA_DIR).`;
    case "EMFILE":
      return "This process has as many files and connections open as it may. Raise the limit, for example with ulimit -n 4096, and run this again.";
    case "ENFILE":
      return "This machine has as many files open as it may. End other programs or raise its limit (fs.file-max), and run this again.";
    case "ENOMEM":
      return "There is no memory left. End other programs or give this one more, and run this again.";
    case "EIO":
      return `${file} cannot be read or written, because the disk reports a fault. Check the disk and the system's log.`;
    case "EFBIG":
      return `${file} has reached the largest size that a file may have here (ulimit -f). Raise the limit, and run this again.`;
    case "ENOENT":
      return path === undefined ? undefined : `${path} does not exist. Correct the path, or create it.`;
    case "ENOTDIR":
    case "EEXIST":
      return path === undefined
        ? undefined
        : `${path} cannot be used as a folder, because it or a part of its path is a file (${code}). Move that file away, or use another folder (DATA_DIR).`;
    case "EISDIR":
      return `${file} is a folder where a file is needed. Correct the path.`;
    case "ELOOP":
    case "ENAMETOOLONG":
      return `${file} is not a path that can be used (${code}). Correct it.`;
    case "EADDRINUSE":
      return `Port ${port} of ${address} is in use by another program. Choose another, or end that program.`;
    case "EADDRNOTAVAIL":
      return `${address} is not an address of this machine, so nothing can listen there.`;
  }
  return undefined;
}

function explainSpawn(code, program) {
  switch (code) {
    case "ENOENT":
      return `The program ${program} was not found. Install it, or correct PATH.`;
    case "EACCES":
      return `The program ${program} may not be run by the user ${user()}. Correct its owner and its mode.`;
    case "EAGAIN":
      return `No further process could be started for ${program}. End other programs, or raise the limit (ulimit -u).`;
    case "EMFILE":
    case "ENFILE":
      return `${program} could not be started, because too many files and connections are open. Raise the limit, for example with ulimit -n 4096.`;
    case "ENOMEM":
      return `There is no memory left to start ${program}. End other programs, or give this one more.`;
  }
  return undefined;
}

/**
 * What to tell a person of any error: its message if that was written for people, a sentence for an error of the operating
 * system, and otherwise the stack.
 * @param {unknown} error
 */
export function describeFailure(error) {
  if (!(error instanceof Error)) return String(error);
  if (FOR_PEOPLE.has(error.name)) return error.message;
  return explainSystemError(error) ?? error.stack ?? error.message;
}

/**
 * Sees to it that nothing unhandled ends this process without a last line that says what happened: it is told, and the process
 * ends with code 1. A stream that nobody reads any more is no reason to end.
 * @param {(sentence: string, error: unknown) => void} [tell] Must be done when it returns. Writes to the error output if not given.
 */
export function giveLastWords(tell = writeError) {
  // A terminal that was closed, a pipe without a reader, a full disk: what is said is lost then, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  process.on("uncaughtException", (error) => {
    try {
      tell(describeFailure(error), error);
    } finally {
      process.exit(1);
    }
  });
}

/** Writes to the error output, and is done when it returns. */
export function writeError(sentence) {
  try {
    writeSync(2, `${sentence}\n`);
  } catch {
    // Nobody is there to read it.
  }
}
