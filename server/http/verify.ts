import { z } from "zod";
import { mirrorDoubt } from "../verification/verdict.ts";
import { verifyCard, verifyCardAt } from "../verification/verify-card.ts";
import { collectionNotFound, requireMoment, single } from "./answers.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { collectionParameter, momentQuery, serialParameter } from "./parameters.ts";
import { presentVerification } from "./present.ts";
import { mirrorNotReady } from "./problems.ts";
import type { Queries } from "./queries.ts";
import { singleOf, verificationSchema } from "./schemas.ts";
import type { Services } from "./services.ts";

export function verifyOperations({ config, database, mirror, now }: Services, queries: Queries): Operation[] {
  const present = (found: Parameters<typeof presentVerification>[0], serial: bigint) =>
    presentVerification(found, { publicUrl: config.publicUrl, serial });
  return [
    defineOperation({
      id: "verifyCard",
      tag: "verification",
      path: "/v1/verify/{collection}/{serial}",
      summary: "Verify a card",
      description:
        "Whether a card is genuine. Every verdict is a 200, `not-found` and `cannot-confirm` too: the verdict is the answer. Only a collection that the registry does not know is a 404. With `atBlock` the verdict is what it was at that block, by that block's own time, and its `reasons` hold `past-block`: it says nothing about now. The time of a block in which nothing happened is known only to lie between those of its neighbours; a card that expired in between is `cannot-confirm` with `block-time-unknown`. A registry that lags behind the chain still answers for the past; one that has stopped over an incident adds `mirror-degraded`.",
      params: z.object({ collection: collectionParameter, serial: serialParameter }),
      query: momentQuery,
      answers: { 200: { description: "The verdict.", schema: singleOf(verificationSchema) } },
      problems: [404, 409, 503],
      tagged: true,
      limited: true,
      open: true,
      access: "everyone",
      async handle({ params, query: { atBlock } }) {
        const status = mirror.status();
        const asked = { collectionAddress: await queries.resolveCollection(params.collection), serial: params.serial };
        if (atBlock !== undefined) {
          const verification = await verifyCardAt({ database, mirror: status, atBlock, ...asked });
          const moment = requireMoment(verification);
          const { record } = verification;
          if (record === undefined) throw collectionNotFound(atBlock);
          return single(present({ ...verification, record, ...moment }, params.serial), moment, status);
        }
        const verification = await verifyCard({
          database,
          mirror: status,
          maxLagSeconds: config.maxLagSeconds,
          now: Math.floor(now() / 1000),
          ...asked,
        });
        const moment = requireMoment(verification);
        const { record } = verification;
        if (record === undefined) {
          // A mirror that is behind may not have read of the collection yet: then 404 would be a guess.
          if (mirrorDoubt(status, config.maxLagSeconds) === undefined) throw collectionNotFound();
          throw mirrorNotReady(
            "The registry does not know this collection, but is behind the chain. Try again in a minute.",
          );
        }
        return single(present({ ...verification, record, ...moment }, params.serial), moment, status);
      },
    }),
  ];
}
