// Gauges of what a database says: whoever collects them asks it once for all of them.

import { Gauge, type Registry } from "prom-client";

/** Registers a gauge that shows one of the figures whenever somebody asks; nothing while the figures cannot be had. */
export type DefineGauge<Figures> = (name: string, help: string, value: (figures: Figures) => number) => void;

export function gaugesOf<Figures>(registry: Registry, figures: () => Promise<Figures>): DefineGauge<Figures> {
  let asking: Promise<Figures | undefined> | undefined;
  return (name, help, value) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        asking ??= figures()
          .catch(() => undefined)
          .finally(() => {
            asking = undefined;
          });
        const found = await asking;
        if (found === undefined) this.reset();
        else this.set(value(found));
      },
    });
  };
}
