// The typed client's generated files: the API's OpenAPI document, its types, and what is published (packages/client/dist).
// A part of npm run build by itself, because it follows from the server's sources and the rest of the build does not.

import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeApi } from "../server/http/description.ts";
import { run, runFile } from "./run.ts";

const PACKAGE = resolve(import.meta.dirname, "../packages/client");
/** Where a server is reached that nobody has set up otherwise. */
const USUAL_URL = "http://127.0.0.1:3000";

const started = performance.now();
console.error("Generating the typed client …");
writeFileSync(
  join(PACKAGE, "openapi.json"),
  `${JSON.stringify(describeApi({ publicUrl: USUAL_URL }), undefined, 2)}\n`,
);
rmSync(join(PACKAGE, "dist"), { recursive: true, force: true });
const code =
  (await runFile(process.execPath, [join(PACKAGE, "generate.ts")])) || (await run("tsc", ["--project", PACKAGE]));
if (code === 0)
  console.error(`Generating the typed client: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
process.exitCode = code;
