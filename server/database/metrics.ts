// What is measured of the database itself, for Prometheus.

import { Gauge, type Registry } from "prom-client";

/** Measures, whenever it is asked, whether the database has lost or damaged what was written. Once for each registry. */
export function measureDatabase(registry: Registry, problem: () => string | undefined): void {
  new Gauge({
    name: "mintmark_database_lost",
    help: "1 once the database was deleted, replaced or damaged while this server runs: nothing more is written",
    registers: [registry],
    collect() {
      this.set(problem() === undefined ? 0 : 1);
    },
  });
}
