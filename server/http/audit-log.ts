// What was done at a brand, newest first.

import { z } from "zod";
import { pageOf, pageQuery, readPage, time, timeOf } from "./account-schemas.ts";
import { defineOperation, type Operation } from "./operations.ts";
import type { Services } from "./services.ts";

const LARGEST_ID = 2 ** 31 - 1;

const entrySchema = z
  .strictObject({
    id: z.int(),
    at: time,
    actor: z.string().meta({ description: "Who: `user:…`, `api-key:…`, `customer:…`, `command-line` or `system`." }),
    action: z.string().meta({ description: "What was done.", example: "member.role-changed" }),
    subject: z.string().meta({ description: "The id of what it was done to." }),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: "AuditEntry", description: "One thing that was done." });

export function auditLogOperations({ application }: Services): Operation[] {
  return [
    defineOperation({
      id: "listAuditLog",
      tag: "accounts",
      path: "/v1/audit-log",
      access: ["owner", "manager", "auditor"],
      summary: "Read the audit log",
      description:
        "What was done at the brand and by whom, newest first. Entries are never changed and never removed; they hold no secrets and no personal data.",
      query: pageQuery,
      answers: { 200: { description: "A page of entries.", schema: pageOf(entrySchema) } },
      problems: [],
      tagged: false,
      limited: true,
      open: false,
      async handle({ principal: { brandId }, query }) {
        const read = ({ after, limit }: { after: string | undefined; limit: number }) =>
          application.auditEntry.findMany({
            where: { brandId, ...(after === undefined ? {} : { id: { lt: positionOf(after) } }) },
            orderBy: { id: "desc" },
            take: limit,
          });
        return { body: await readPage(query, read, ({ id }) => String(id), present) };
      },
    }),
  ];
}

/** A cursor that we did not make stands at the beginning. */
function positionOf(cursor: string): number {
  const id = Number(cursor);
  return Number.isInteger(id) && id >= 0 ? Math.min(id, LARGEST_ID) : LARGEST_ID;
}

interface EntryRow {
  id: number;
  at: bigint;
  actor: string;
  action: string;
  subject: string;
  details: string;
}

function present({ id, at, actor, action, subject, details }: EntryRow) {
  return { id, at: timeOf(Number(at)), actor, action, subject, details: JSON.parse(details) as unknown };
}
