import { collectDefaultMetrics, Histogram, type Registry } from "prom-client";

export interface HttpMetrics {
  /** One answered request. */
  observe(request: { method: string; route: string; status: number }, seconds: number): void;
}

/** Registers the process's own metrics and those of requests. Once for each registry. */
export function createHttpMetrics(registry: Registry): HttpMetrics {
  collectDefaultMetrics({ register: registry, prefix: "mintmark_" });
  const duration = new Histogram({
    name: "mintmark_http_request_duration_seconds",
    help: "How long requests took, by route template.",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  return {
    observe({ method, route, status }, seconds) {
      duration.observe({ method, route, status: String(status) }, seconds);
    },
  };
}
