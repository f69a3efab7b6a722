// npm run lint: types, style and formatting of everything. npm run format: mends what can be mended.

import { runChecks } from "./checks.ts";

process.exitCode = (await runChecks({ fix: process.argv.includes("--fix") })).failed === 0 ? 0 : 1;
