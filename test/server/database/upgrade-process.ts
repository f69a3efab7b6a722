// Migrates a database as a server that starts does; says when it begins.

import { migrate } from "../../../server/database/migrate.ts";

const [, , url = ""] = process.argv;
process.send?.("begins");
await migrate(url);
process.disconnect?.();
