// npm run test:shop: the example store's end-to-end test in a real browser, after fetching the store's packages.

import { installShop } from "./lifecycle/example-shop.ts";
import { run } from "./run.ts";

await installShop();
process.exitCode = await run("mocha", ["--exit", "test/e2e/shop.test.ts", ...process.argv.slice(2)]);
