// What a database URL says: which database it is, and where. The one place that reads such URLs.

import { userInfo } from "node:os";
import { resolve } from "node:path";

/** A database file, or a database of a PostgreSQL server. */
export type DatabaseLocation =
  | {
      provider: "sqlite";
      /** Absolute. */
      file: string;
    }
  | {
      provider: "postgresql";
      /** What the driver connects with. Holds the password: not for messages. */
      url: string;
      host: string;
      port: number;
      user: string;
      database: string;
      /** The PostgreSQL schema that holds the tables. */
      schema: string;
    };

/** A URL that is none of ours. The message completes "DATABASE_URL …" and shows nothing of the URL. */
export class DatabaseUrlError extends Error {
  override name = "DatabaseUrlError";
}

const FORMS = "file:<path> or postgresql://<user>:<password>@<host>:<port>/<database>";

/** Throws {@link DatabaseUrlError}. */
export function locateDatabase(url: string): DatabaseLocation {
  if (url.startsWith("file:")) {
    const path = url.slice("file:".length);
    if (path === "") throw new DatabaseUrlError("must name a file, for example file:./data/mintmark.db");
    return { provider: "sqlite", file: resolve(path) };
  }
  if (!/^postgres(ql)?:\/\//.test(url)) throw new DatabaseUrlError(`must be ${FORMS}`);
  return locatePostgresql(url);
}

function locatePostgresql(url: string): DatabaseLocation {
  const encoding = "with %XX for every character of the user or the password that is not a letter or a digit";
  let parsed: URL;
  let database: string;
  let user: string;
  try {
    parsed = new URL(url);
    database = decodeURIComponent(parsed.pathname.slice(1));
    user = decodeURIComponent(parsed.username);
  } catch {
    throw new DatabaseUrlError(`must be postgresql://<user>:<password>@<host>:<port>/<database>, ${encoding}`);
  }
  // A password with a slash, a question mark or a number sign ends up behind the host.
  if (/[@/]/.test(database) || /@/.test(parsed.search + parsed.hash)) {
    throw new DatabaseUrlError(`must be postgresql://<user>:<password>@<host>:<port>/<database>, ${encoding}`);
  }
  if (database === "") {
    throw new DatabaseUrlError("must name a database: postgresql://<user>:<password>@<host>:<port>/<database>");
  }
  const parameters = parsed.searchParams;
  const schema = parameters.get("schema") ?? "public";
  if (!/^[a-z_][a-z0-9_]*$/.test(schema)) {
    throw new DatabaseUrlError("must name a schema in lower case without special characters: ?schema=<name>");
  }
  return {
    provider: "postgresql",
    url,
    // As a parameter, it may be the folder of a Unix socket.
    host: parameters.get("host") || decodeURIComponent(parsed.hostname) || process.env["PGHOST"] || "localhost",
    port: Number(parsed.port || parameters.get("port") || process.env["PGPORT"] || 5432),
    user: user || parameters.get("user") || process.env["PGUSER"] || userInfo().username,
    database,
    schema,
  };
}

/** A database as messages name it: never with the password. */
export function describeDatabase(location: DatabaseLocation): string {
  if (location.provider === "sqlite") return location.file;
  const { host, port, database } = location;
  const schema = location.schema === "public" ? "" : `?schema=${location.schema}`;
  // A host that is a folder is the one of a Unix socket.
  return host.startsWith("/")
    ? `postgresql:///${database}${schema} (socket in ${host}, port ${port})`
    : `postgresql://${host}:${port}/${database}${schema}`;
}
