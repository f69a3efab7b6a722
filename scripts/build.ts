// npm run build: everything that is generated from the sources: the database client, the compiled contracts and the typed client of the
// API. Every other npm script does this by itself when a source has changed.

import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import {
  GENERATED_FOLDER,
  PROVIDERS,
  SCHEMA_FILE,
  schemaFileFor,
  schemaFor,
} from "../server/database/schema-variant.ts";
import { runScript } from "./run.ts";

const ROOT = resolve(import.meta.dirname, "..");

interface Tool {
  /** What is said while it runs. */
  title: string;
  command: string;
  args: string[];
}

const TOOLS: Tool[] = [
  ...PROVIDERS.map((provider) => ({
    title: `Generating the database client for ${provider}`,
    command: "prisma",
    args: ["generate", "--schema", schemaFileFor(provider)],
  })),
  { title: "Compiling the contracts", command: "hardhat", args: ["build", "--no-tests"] },
];

/** Runs a tool; what it says is shown only if it fails. */
async function runTool({ title, command, args }: Tool): Promise<boolean> {
  const started = performance.now();
  console.error(`${title} …`);
  const child = spawn(process.execPath, [join(ROOT, "node_modules", ".bin", command), ...args], {
    cwd: ROOT,
    // Without a terminal and with these, no tool asks a question or calls home.
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, CHECKPOINT_DISABLE: "1", HARDHAT_DISABLE_TELEMETRY: "1", PRISMA_HIDE_UPDATE_MESSAGE: "1" },
  });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  child.stderr.on("data", (data) => {
    output += data;
  });
  const code = await new Promise((done) => {
    child.on("error", (error) => {
      output += String(error);
      done(1);
    });
    child.on("close", done);
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code === 0) console.error(`${title}: done in ${seconds} s`);
  else console.error(`${title} failed:\n\n${output.trim()}\n`);
  return code === 0;
}

rmSync(GENERATED_FOLDER, { recursive: true, force: true });
mkdirSync(GENERATED_FOLDER);
for (const provider of PROVIDERS) {
  const file = schemaFileFor(provider);
  if (file === SCHEMA_FILE) continue;
  const origin = `// Generated from ${relative(ROOT, SCHEMA_FILE)} by npm run build. Do not edit.`;
  writeFileSync(file, `${origin}\n\n${schemaFor(provider)}`);
}
const done = await Promise.all(TOOLS.map(runTool));
// It reads the server's sources, which need the database client.
process.exitCode = done.every(Boolean)
  ? (await runScript("build-client.ts", [])) || (await runScript("build-contracts-package.ts", []))
  : 1;
