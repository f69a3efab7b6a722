// Takes out what has run its time: sessions, single-use values and invitations. Each is refused anyway once it has; kept longer, they
// would only say who was where.

import type { Logger } from "pino";
import type { Database } from "../database/client.ts";

const EVERY_MS = 3_600_000;

export interface Housekeeping {
  /** Takes out what has run its time by now. */
  tidy(): Promise<void>;
  close(): void;
}

export function startHousekeeping(options: { database: Database; logger: Logger; now(): number }): Housekeeping {
  const { database, logger, now } = options;

  async function tidy(): Promise<void> {
    const over = { where: { expiresAt: { lt: new Date(now()) } } };
    await database.userSession.deleteMany(over);
    await database.customerSession.deleteMany(over);
    await database.verification.deleteMany(over);
    await database.invitation.deleteMany({ where: { expiresAt: { lt: now() } } });
  }
  const timer = setInterval(() => {
    tidy().catch((error: unknown) =>
      logger.warn({ err: error }, "what has expired was not taken out; trying again in an hour"),
    );
  }, EVERY_MS);
  timer.unref();
  return { tidy, close: () => clearInterval(timer) };
}
