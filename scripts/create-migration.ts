// npm run create-migration -- <name>: writes the migration that a change of schema.prisma needs.

import { createMigration } from "../server/database/migrate.ts";

const name = process.argv[2];
if (name === undefined || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error("Name the migration in lower case, for example: npm run create-migration -- add_orders");
  process.exit(2);
}
const created = await createMigration(name);
console.log(
  created === undefined
    ? "The schema has not changed: nothing to do."
    : `Created server/database/migrations/${created}`,
);
