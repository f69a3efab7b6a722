import { z } from "zod";
import { mirrorDoubt } from "../verification/verdict.ts";
import { verifyCard } from "../verification/verify-card.ts";
import { collectionNotFound, requireCheckpoint, single } from "./answers.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { collectionParameter, noQuery, serialParameter } from "./parameters.ts";
import { presentVerification } from "./present.ts";
import { mirrorNotReady } from "./problems.ts";
import type { Queries } from "./queries.ts";
import { singleOf, verificationSchema } from "./schemas.ts";
import type { Services } from "./services.ts";

export function verifyOperations({ config, database, mirror, now }: Services, queries: Queries): Operation[] {
  return [
    defineOperation({
      id: "verifyCard",
      tag: "verification",
      path: "/v1/verify/{collection}/{serial}",
      summary: "Verify a card",
      description:
        "Whether a card is genuine. Every verdict is a 200, `not-found` and `cannot-confirm` too: the verdict is the answer. Only a collection that the registry does not know is a 404.",
      params: z.object({ collection: collectionParameter, serial: serialParameter }),
      query: noQuery,
      answers: { 200: { description: "The verdict.", schema: singleOf(verificationSchema) } },
      problems: [404, 503],
      tagged: true,
      limited: true,
      open: true,
      async handle({ params }) {
        const status = mirror.status();
        const verification = await verifyCard({
          database,
          mirror: status,
          maxLagSeconds: config.maxLagSeconds,
          now: Math.floor(now() / 1000),
          collectionAddress: await queries.resolveCollection(params.collection),
          serial: params.serial,
        });
        const checkpoint = requireCheckpoint(verification.checkpoint);
        const { record } = verification;
        if (record === undefined) {
          // A mirror that is behind may not have read of the collection yet: then 404 would be a guess.
          if (mirrorDoubt(status, config.maxLagSeconds) === undefined) throw collectionNotFound();
          throw mirrorNotReady(
            "The registry does not know this collection, but is behind the chain. Try again in a minute.",
          );
        }
        const data = presentVerification(
          { ...verification, record, checkpoint },
          { publicUrl: config.publicUrl, serial: params.serial },
        );
        return single(data, checkpoint, status);
      },
    }),
  ];
}
