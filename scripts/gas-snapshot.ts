// npm run gas-snapshot: writes what each operation takes to test/contracts/gas-snapshot.json and says what has changed.

import { existsSync } from "node:fs";
import { measureOperations } from "./gas/operations.ts";
import { differences, readSnapshot, SNAPSHOT_FILE, writeSnapshot } from "./gas/snapshot.ts";
import { createGasWorld } from "./gas/world.ts";

const world = await createGasWorld();
try {
  const before = existsSync(SNAPSHOT_FILE) ? readSnapshot() : {};
  const after = await measureOperations(world);
  writeSnapshot(after);
  const changes = differences(before, after);
  console.log(changes.length === 0 ? "Every operation takes what it took before." : changes.join("\n"));
} finally {
  await world.connection.close();
}
