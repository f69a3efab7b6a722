// Parameters of JSON-RPC calls, checked.

import { z } from "zod";
import { CODE, JsonRpcError } from "./errors.ts";

const hexNumber = z.string().regex(/^0x[0-9a-f]+$/i, "must be a hexadecimal number");
export const quantityValue = z.union([hexNumber, z.int().min(0)]).transform((value) => BigInt(value));
export const address = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/i, "must be an address")
  .transform((value) => value.toLowerCase());
export const hash = z.string().regex(/^0x[0-9a-f]{64}$/i, "must be a hash of 32 bytes");
export const bytes = z.string().regex(/^0x([0-9a-f]{2})*$/i, "must be bytes in hexadecimal");

/** EIP-1898: a number, a name, or an object that names a block. */
export const blockReference = z
  .union([
    z.enum(["latest", "pending", "safe", "finalized", "earliest"]),
    hexNumber,
    z.object({ blockHash: hash }).transform(({ blockHash }) => ({ hash: blockHash })),
    z.object({ blockNumber: hexNumber }).transform(({ blockNumber }) => blockNumber),
  ])
  .nullish()
  .transform((value) => value ?? "latest");
export type BlockReference = z.output<typeof blockReference>;

/** Clients write `data`, `input` or both. Fees are accepted and mean nothing here. */
export const callRequest = z
  .object({
    from: address.nullish(),
    to: address.nullish(),
    data: bytes.nullish(),
    input: bytes.nullish(),
    value: quantityValue.nullish(),
    gas: quantityValue.nullish(),
    nonce: quantityValue.nullish(),
  })
  .transform(({ from, to, data, input, value, gas, nonce }) => ({
    from: from ?? undefined,
    to: to ?? undefined,
    data: input ?? data ?? undefined,
    value: value ?? undefined,
    gas: gas ?? undefined,
    nonce: nonce ?? undefined,
  }));

const someOf = <Item extends z.ZodType>(item: Item) =>
  z
    .union([item, z.array(item)])
    .nullish()
    .transform((value) => (value == null ? undefined : ([value].flat() as z.output<Item>[])));
export const logFilter = z.object({
  fromBlock: blockReference,
  toBlock: blockReference,
  blockHash: hash.nullish(),
  address: someOf(address),
  topics: z
    .array(someOf(hash))
    .max(4)
    .nullish()
    .transform((value) => value ?? []),
});
export type LogFilter = z.output<typeof logFilter>;

/** Checks a call's parameters against a tuple. Throws {@link JsonRpcError}. */
export function parse<Schema extends z.ZodType>(schema: Schema, params: unknown): z.output<Schema> {
  const result = schema.safeParse(params);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.length ? `params[${issue.path.join(".")}]: ` : "";
  throw new JsonRpcError(
    CODE.invalidParams,
    `Invalid params: ${where}${issue?.message ?? "not what the method takes"}`,
  );
}

/** A tuple whose last members may be left out. */
export function params<const Items extends readonly [z.ZodType, ...z.ZodType[]]>(...items: Items) {
  return z.preprocess(
    (value) => (Array.isArray(value) ? Array.from({ length: items.length }, (_, index) => value[index]) : value),
    z.tuple(items as unknown as [z.ZodType, ...z.ZodType[]]),
  ) as unknown as z.ZodType<{ -readonly [Index in keyof Items]: z.output<Items[Index]> }>;
}
