// What is sent: an event as one endpoint gets it. Must hold: the same event is the same message each time, but for the name of a
// customer who was forgotten meanwhile.

import { selectRows } from "../database/bulk.ts";
import type { Database } from "../database/client.ts";
import { messageId } from "./signing.ts";

interface EventRow {
  id: string;
  type: string;
  happenedAt: bigint | number;
  data: string;
  customerId: string | null;
  reverts: string | null;
}

/** The messages' bodies by the events' ids. */
export async function bodiesOf(
  database: Database,
  endpointId: string,
  eventIds: readonly string[],
): Promise<Map<string, string>> {
  const events = await selectRows<EventRow>(database, {
    table: "WebhookEvent",
    key: ["id"],
    keys: eventIds.map((id) => [id]),
  });
  const customers = await selectRows<{ id: string; reference: string }>(database, {
    table: "Customer",
    key: ["id"],
    keys: [...new Set(events.flatMap(({ customerId }) => customerId ?? []))].map((id) => [id]),
  });
  const references = new Map(customers.map(({ id, reference }) => [id, reference]));
  return new Map(
    events.map(({ id, type, happenedAt, data, customerId, reverts }) => {
      const body = {
        type,
        timestamp: new Date(Number(happenedAt)).toISOString(),
        data: {
          ...(JSON.parse(data) as object),
          ...(type.startsWith("card.") || type.startsWith("benefit.") || type.startsWith("order.")
            ? {
                customer:
                  customerId === null ? null : { id: customerId, reference: references.get(customerId) ?? null },
              }
            : {}),
          ...(reverts === null ? {} : { reverts: messageId(endpointId, reverts) }),
        },
      };
      return [id, JSON.stringify(body)];
    }),
  );
}
