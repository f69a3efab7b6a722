// The file that describes a consortium to be founded. docs/consortium.md says what its settings mean.

import { readFileSync } from "node:fs";
import { isAddress } from "ethers";
import { z } from "zod";
import { ConfigError } from "../../server/config.ts";

const account = z.string().refine(isAddress, "must be an address: 0x and 40 hexadecimal digits");
const seconds = z.int().min(0, "must not be negative");

const consortiumSchema = z.strictObject({
  guardian: account,
  seats: z
    .array(
      z.strictObject({
        account,
        organisation: z
          .string()
          .min(1, "must not be empty")
          .refine((name) => Buffer.byteLength(name) <= 100, "must have at most 100 bytes"),
      }),
    )
    .min(1, "must be at least one"),
  votingDelay: seconds.exactOptional(),
  votingPeriod: seconds.min(1, "must be at least 1").exactOptional(),
  timelockDelay: seconds.exactOptional(),
  proposalThreshold: z.int().min(1, "must be at least 1").exactOptional(),
  quorumPercent: z.int().min(51, "must be at least 51").max(100, "must be at most 100").exactOptional(),
});

/** What the Ignition module takes; what is missing has the module's default. */
export type ConsortiumParameters = z.infer<typeof consortiumSchema>;

/** Reads the file. Throws {@link ConfigError} with what is wrong in it. */
export function readConsortiumParameters(file: string): ConsortiumParameters {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const parsed = consortiumSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `  ${path.join(".") || "the file"}: ${message}`);
  throw new ConfigError(`${file} does not describe a consortium:\n${lines.join("\n")}`);
}
