// A PostgreSQL server of this process's own, from the programs that the machine has: for tests and for what is tried out.
// Its data are in a temporary folder and end with it, so it need not survive a power cut, which makes it quick.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PrismaPg } from "@prisma/adapter-pg";
import { freePort } from "../lifecycle/free-port.ts";
import { spawnGuarded } from "../lifecycle/guarded-process.ts";

/** How a person gets the programs. */
export const INSTALL_POSTGRESQL = "apt-get install -y postgresql";

const DEBIAN_FOLDER = "/usr/lib/postgresql";
const USER = "mintmark";
const START_TIMEOUT_MS = 5 * 60_000;

export interface LocalPostgresql {
  host: string;
  port: number;
  user: string;
  password: string;
  /** Where its Unix socket is. */
  socketFolder: string;
  /** The URL of one of its databases; `postgres` is there from the beginning. */
  url(database: string): string;
  /** Ends all connections and the server; its data stay. */
  halt(): Promise<void>;
  /** Starts the server again after {@link LocalPostgresql.halt}. */
  resume(): Promise<void>;
  /** Lets all of the server's processes stand still, so that it neither answers nor refuses. Returns what lets them go on. */
  freeze(): () => void;
  /** Ends all connections and the server, and deletes everything. */
  stop(): Promise<void>;
}

/** The folder of the server's programs, the newest where there are several; nothing if the machine has none. */
export function findPostgresql(): string | undefined {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  const debian = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(DEBIAN_FOLDER, version, "bin"));
  const path = (process.env["PATH"] ?? "").split(delimiter);
  return [...debian, ...path].find((folder) =>
    ["initdb", "postgres"].every((program) => existsSync(join(folder, program))),
  );
}

/** Throws if the machine has no PostgreSQL: see {@link findPostgresql}. */
export async function startLocalPostgresql(): Promise<LocalPostgresql> {
  const programs = findPostgresql();
  if (programs === undefined) throw new Error(`PostgreSQL is not installed. Install it: ${INSTALL_POSTGRESQL}`);
  const owner = serverOwner();
  const folder = mkdtempSync(join(tmpdir(), "mintmark-postgresql-"));
  const password = randomBytes(12).toString("hex");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  for (const path of [folder, passwordFile]) if (owner !== undefined) chownSync(path, owner.uid, owner.gid);

  const data = join(folder, "data");
  const options = ["-D", data, "-U", USER, `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--no-sync"];
  const initialised = spawnSync(
    join(programs, "initdb"),
    [...options, "--encoding=UTF8", "--no-locale", ...languageOf(programs)],
    {
      cwd: folder,
      encoding: "utf8",
      ...owner,
    },
  );
  if (initialised.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`PostgreSQL's initdb failed:\n${initialised.stderr ?? initialised.error}`);
  }

  const host = "127.0.0.1";
  const port = await freePort();
  const settings = {
    listen_addresses: host,
    port: String(port),
    unix_socket_directories: folder,
    max_connections: "200",
    // A client that gives up while it signs in would hold up others for a minute.
    authentication_timeout: "3s",
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    log_min_messages: "fatal",
  };
  const launch = async () => {
    const args = ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
    const launched = await spawnGuarded(join(programs, "postgres"), args, { cwd: folder, stdio: "ignore", ...owner });
    launched.child.unref();
    return launched;
  };
  let server = await launch();
  // Not in order, but at once, for a process that ends without having stopped it.
  const abandon = () => {
    server.child.kill("SIGQUIT");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", abandon);

  const local: LocalPostgresql = {
    host,
    port,
    user: USER,
    password,
    socketFolder: folder,
    url: (database) => `postgresql://${USER}:${password}@${host}:${port}/${database}`,
    async halt() {
      // SIGTERM would wait for those who are connected.
      server.child.kill("SIGINT");
      await server.stop();
    },
    async resume() {
      server = await launch();
      await untilItAnswers();
    },
    freeze() {
      const children = spawnSync("pgrep", ["-P", String(server.pid)], { encoding: "utf8" })
        .stdout.trim()
        .split("\n");
      const all = [server.pid, ...children.map(Number)];
      for (const pid of all) process.kill(pid, "SIGSTOP");
      return () => {
        for (const pid of all) process.kill(pid, "SIGCONT");
      };
    },
    async stop() {
      process.off("exit", abandon);
      await local.halt();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  async function untilItAnswers(): Promise<void> {
    for (
      const deadline = performance.now() + START_TIMEOUT_MS;
      !(await answers(local.url("postgres")));
      await sleep(50)
    ) {
      if (performance.now() < deadline && server.child.exitCode === null) continue;
      await local.stop();
      throw new Error("PostgreSQL did not start");
    }
  }
  await untilItAnswers();
  return local;
}

async function answers(url: string): Promise<boolean> {
  const connection = await new PrismaPg(url).connect();
  try {
    await connection.queryRaw({ sql: "SELECT 1", args: [], argTypes: [] });
    return true;
  } catch {
    return false; // Why is of no interest while it starts.
  } finally {
    await connection.dispose();
  }
}

/** A language whose order of texts is not that of their bytes, where the server knows one: relying on it must show. */
function languageOf(programs: string): string[] {
  const help = spawnSync(join(programs, "initdb"), ["--help"], { encoding: "utf8" });
  return /--icu-locale/.test(help.stdout) ? ["--locale-provider=icu", "--icu-locale=en-US"] : [];
}

/** PostgreSQL refuses to run as root: then it is the user that its package has made. */
function serverOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (option: string) => Number(spawnSync("id", [option, "postgres"], { encoding: "utf8" }).stdout);
  const [uid, gid] = [id("-u"), id("-g")];
  if (!uid || !gid) throw new Error("PostgreSQL does not run as root, and this machine has no user postgres");
  return { uid, gid };
}
