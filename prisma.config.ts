// For the Prisma CLI only, which generates the client. Migrations go through server/database/migrate.ts.

import { defineConfig } from "prisma/config";

// The CLI insists on a schema engine binary, which it would download, even for commands that never start it.
process.env["PRISMA_SCHEMA_ENGINE_BINARY"] ??= process.execPath;

export default defineConfig({
  schema: "server/database/schema.prisma",
});
