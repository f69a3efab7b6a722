// What is wrong with a database, in a sentence that says what to do and shows no password.

import { type DatabaseLocation, describeDatabase } from "./location.ts";

/** The database cannot be used. The message is fit for a user. */
export class DatabaseUnusableError extends Error {
  override name = "DatabaseUnusableError";
}

type PostgresqlLocation = Extract<DatabaseLocation, { provider: "postgresql" }>;

/** The codes of those refusals of PostgreSQL that pass by themselves: it starts, it stops, it has too many guests. */
const PASSING = new Set(["57P01", "57P02", "57P03", "53300"]);

/** The codes of what an outage looks like from here, besides {@link PASSING}. Whoever mends the database ends them. */
const OUTAGE = new Set([
  ...[
    "ECONNREFUSED",
    "ECONNRESET",
    "EPIPE",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ETIMEDOUT",
    "ENOENT",
    "ENOTFOUND",
    "EAI_AGAIN",
  ],
  // PostgreSQL: no such database, which a restore goes through.
  "3D000",
  // The client: not reached, no connection free, no transaction begun in time.
  ...["P1001", "P1002", "P1008", "P1017", "P2024", "P2028"],
  // Ours: it has lost what was written.
  "DATABASE_LOST",
]);
/** What keeps a database that answers from taking what is written, or from doing its work. */
export type StorageFault = "disk-full" | "read-only" | "disk-fault" | "not-opened" | "no-memory" | "locked";

const STORAGE_FAULTS: Record<string, StorageFault> = {
  // SQLite, whose further codes begin with these.
  SQLITE_FULL: "disk-full",
  SQLITE_READONLY: "read-only",
  SQLITE_PERM: "read-only",
  SQLITE_IOERR: "disk-fault",
  SQLITE_CANTOPEN: "not-opened",
  SQLITE_NOMEM: "no-memory",
  SQLITE_BUSY: "locked",
  // PostgreSQL.
  "53100": "disk-full",
  "25006": "read-only",
  "58030": "disk-fault",
  "53200": "no-memory",
  "55P03": "locked",
  // The system, below a driver.
  ENOSPC: "disk-full",
  EDQUOT: "disk-full",
  EROFS: "read-only",
  EIO: "disk-fault",
  EMFILE: "not-opened",
  ENFILE: "not-opened",
  ENOMEM: "no-memory",
};
/** What is said of each to everybody. */
const STORAGE_SENTENCES: Record<StorageFault, string> = {
  "disk-full": "The database cannot be written, because its disk is full.",
  "read-only": "The database cannot be written, because it can only be read.",
  "disk-fault": "The database cannot be used, because reading or writing its disk fails.",
  "not-opened": "The database cannot be used, because its files cannot be opened.",
  "no-memory": "The database cannot be used, because its memory is used up.",
  locked: "The database cannot be written, because another program has locked it.",
};

/** What the driver says where it has no code. */
const OUTAGE_MESSAGES =
  /connection (terminated|error|ended)|not queryable|query read timeout|timeout exceeded when trying to connect/i;
/** What the adapters call failures to which they leave no code. */
const KIND_CODES: Record<string, string> = {
  DatabaseNotReachable: "ECONNREFUSED",
  ConnectionClosed: "ECONNRESET",
  SocketTimeout: "ETIMEDOUT",
};

interface Failure {
  /** PostgreSQL's SQLSTATE, or the system's name for an error of the network. */
  code: string | undefined;
  message: string;
}

/** Whether waiting may help. */
export function passesByItself(error: unknown): boolean {
  return PASSING.has(failureOf(error).code ?? "");
}

/** What is wrong with the disk, the memory or the files of the database, or that they are locked; nothing if the error is of another kind. */
export function storageFaultOf(error: unknown): StorageFault | undefined {
  const { code = "", message } = failureOf(error);
  const primary = /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code;
  // Where the code was lost on the way, the text of SQLite is left.
  if (/database or disk is full/i.test(message)) return "disk-full";
  if (/attempt to write a readonly database/i.test(message)) return "read-only";
  if (/database is locked/i.test(message)) return "locked";
  return STORAGE_FAULTS[primary];
}

/** A fault of the database's storage in a sentence for everybody: without paths, and without the words of a driver. */
export function storageSentence(fault: StorageFault): string {
  return STORAGE_SENTENCES[fault];
}

/** What went wrong, in words for everybody: what a driver or its client says of a database is for the log alone. */
export function problemForEverybody(error: unknown): string {
  const fault = storageFaultOf(error);
  if (fault !== undefined) return STORAGE_SENTENCES[fault];
  if (isOutage(error)) return "The database cannot be reached.";
  if (!(error instanceof Error)) return String(error);
  const isOfDatabase = /^PrismaClient|^DriverAdapterError$/.test(error.name);
  return isOfDatabase ? "The database has refused a statement; the log says which, and why." : error.message;
}

/** Whether the database is out of reach, locked, overloaded or without room: nothing is wrong with what was asked. */
export function isOutage(error: unknown): boolean {
  const { code = "", message } = failureOf(error);
  if (storageFaultOf(error) !== undefined) return true;
  // Class 08 are PostgreSQL's failures of a connection.
  return (
    PASSING.has(code) ||
    OUTAGE.has(code) ||
    /^08...$/.test(code) ||
    code.startsWith("SQLITE_LOCKED") ||
    OUTAGE_MESSAGES.test(message) ||
    damageOf(error) !== undefined
  );
}

/** What a database says of its own damage; nothing if an error is about something else. */
export function damageOf(error: unknown): string | undefined {
  const { code = "", message } = failureOf(error);
  const isDamage =
    /^SQLITE_(CORRUPT|NOTADB)|^XX00[12]$/.test(code) || /disk image is malformed|not a database/i.test(message);
  return isDamage ? message : undefined;
}

/** The error that tells a user that a database is damaged. Most of what is in it is nowhere else. */
export function damaged(location: DatabaseLocation, damage: string, cause?: unknown): DatabaseUnusableError {
  const where = describeDatabase(location);
  return new DatabaseUnusableError(
    `The database ${where} is damaged (${damage}). Keep it: orders, keys, customers and webhooks are only there. Restore a backup with npm run restore -- <archive>; npm run check says what is damaged, and docs/operations.md what can be saved without a backup.`,
    { cause },
  );
}

/**
 * The error that tells a user why an SQLite file cannot be used; nothing if that is not a fault of its storage.
 * @param fault For who knows more than the error says.
 */
export function explainSqlite(
  file: string,
  error: unknown,
  fault = storageFaultOf(error),
): DatabaseUnusableError | undefined {
  if (fault === undefined) return undefined;
  const remedies: Record<StorageFault, string> = {
    "disk-full": "cannot be written, because its disk is full. Make room on it, and run this again.",
    "read-only":
      "can only be read. Correct the owner and the mode of the file and of its folder, or mount its disk writable.",
    "disk-fault": "cannot be used, because reading or writing its disk fails. See whether the disk is full or broken.",
    "not-opened":
      "cannot be opened. Correct the owner and the mode of the file and of its folder, or raise the limit of open files (ulimit -n).",
    "no-memory": "cannot be opened, because there is no memory left. End other programs, or give this one more.",
    locked: "is locked by another program. End that program and run this again.",
  };
  return new DatabaseUnusableError(`The database ${file} ${remedies[fault]}`, { cause: error });
}

/** The error that tells a user what PostgreSQL has refused. */
export function explainPostgresql(location: PostgresqlLocation, error: unknown): DatabaseUnusableError {
  if (error instanceof DatabaseUnusableError) return error;
  const { code, message } = failureOf(error);
  const sentence = explain(location, { code, message: withoutPassword(location, message) });
  return new DatabaseUnusableError(sentence, { cause: error });
}

function explain(location: PostgresqlLocation, { code, message }: Failure): string {
  const { user, database, schema } = location;
  const where = describeDatabase(location);
  if (/client password must be a string/.test(message)) {
    return `The database ${where} asks the user ${user} for a password. Add it to DATABASE_URL: postgresql://${user}:<password>@…`;
  }
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The host of the database ${where} is not known. Correct it in DATABASE_URL.`;
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENOENT":
    case "ETIMEDOUT":
      return `The database ${where} cannot be reached (${code}). Start PostgreSQL there, or set DATABASE_URL to where it is.`;
    case "28P01":
      return `The database ${where} does not accept the password of the user ${user}. Correct user and password in DATABASE_URL.`;
    case "28000":
      return `The database ${where} does not let the user ${user} in (${message}). Correct DATABASE_URL, or the server's roles and its pg_hba.conf.`;
    case "3D000":
      return `PostgreSQL has no database ${database} (${where}). Create it, for example with: createdb --owner=${user} --encoding=UTF8 --template=template0 ${database}`;
    case "42501":
    case "3F000":
      return `The user ${user} may not do in the database ${where} what the server has to (${message}). Give it the right, as the database's owner: GRANT ALL ON SCHEMA ${schema} TO ${user}; and let it own the tables.`;
    case "53100":
      return `The disk of the database ${where} is full. Make room on it, and run this again.`;
    case "53200":
      return `The database ${where} has no memory left. Give PostgreSQL more, or end programs that use it.`;
    case "25006":
      return `The database ${where} can only be read. Set DATABASE_URL to the primary server, not to a replica.`;
    case "53300":
      return `The database ${where} has no connection left (${message}). End programs that use it, or raise its max_connections.`;
    case "55P03":
      return `The database ${where} is being migrated by another program for longer than this one waits. Let it finish, then run this again.`;
    case "57P01":
    case "57P02":
    case "57P03":
      return `The database ${where} is starting or stopping (${message}). Run this again when it is up.`;
    case "P3005":
      return `The database ${where} has tables of another program. Give Mintmark a database of its own, or a schema: add ?schema=mintmark to DATABASE_URL.`;
  }
  if (/SSL|TLS|certificate/i.test(message)) {
    return `The connection to the database ${where} could not be encrypted as DATABASE_URL asks (${message}). Correct its sslmode, or the server's certificate.`;
  }
  if (/timeout|terminated/i.test(message)) {
    return `The database ${where} cannot be reached (${message}). Start PostgreSQL there, or set DATABASE_URL to where it is.`;
  }
  return `The database ${where} cannot be used: ${message}`;
}

/** What failed, out of the layers that the driver, its adapter and the schema engine put around it. */
function failureOf(error: unknown): Failure {
  let code: string | undefined;
  const messages: string[] = [];
  for (let layer: unknown = error; isObject(layer); layer = layer["cause"] ?? adapterErrorOf(layer)) {
    const ofKind = KIND_CODES[String(layer["kind"])];
    // Where several addresses of a host were tried, one of the errors stands for all.
    const first = Array.isArray(layer["errors"]) ? layer["errors"].find(isObject) : undefined;
    const found = layer["originalCode"] ?? layer["code"] ?? first?.["code"] ?? ofKind;
    if (typeof found === "string" && found !== "") code = found;
    const message = layer["originalMessage"] ?? layer["message"] ?? first?.["message"];
    if (typeof message === "string" && message !== "") messages.push(message);
  }
  // The engine adds where in its sources it was, on further lines.
  const [message = ""] = (messages.at(-1) ?? String(error)).trim().split("\n");
  return { code, message };
}

/** Where the client hides what its adapter has thrown. */
function adapterErrorOf({ meta }: Record<string, unknown>): unknown {
  return isObject(meta) ? meta["driverAdapterError"] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** What the server says, without the password, should it ever repeat it. */
function withoutPassword({ url }: PostgresqlLocation, message: string): string {
  const encoded = new URL(url).password;
  if (encoded === "") return message;
  return message.replaceAll(encoded, "…").replaceAll(decodeURIComponent(encoded), "…");
}
