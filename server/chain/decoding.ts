// What the contracts answer and report, decoded so that no text can do harm: the chain takes any bytes for a string, and one
// that is not UTF-8 must not stop the mirror for everybody.

import { AbiCoder, ParamType, toUtf8String, Utf8ErrorFuncs } from "ethers";

/**
 * Decodes ABI-encoded values. Tuples become objects, arrays stay arrays. Throws what ethers throws if the data do not fit.
 */
// biome-ignore lint/suspicious/noExplicitAny: what ethers decodes is typed by the interface's text, not by TypeScript
export function decodeValues(types: readonly ParamType[], data: string): any[] {
  const raw = types.map((type) => ParamType.from(type.format("full").replaceAll(/\bstring\b/g, "bytes")));
  const values = AbiCoder.defaultAbiCoder().decode(raw, data).toArray();
  return types.map((type, index) => withText(type, values[index]));
}

/**
 * A decoded value with its bytes as text again. What is not UTF-8 in them becomes replacement characters, and so does NUL,
 * which is UTF-8 but which PostgreSQL cannot store.
 */
function withText(type: ParamType, value: unknown): unknown {
  if (type.isTuple()) {
    const parts = value as readonly unknown[];
    return Object.fromEntries(
      type.components.map((component, index) => [component.name, withText(component, parts[index])]),
    );
  }
  if (type.isArray()) return (value as readonly unknown[]).map((item) => withText(type.arrayChildren, item));
  if (type.baseType !== "string") return value;
  return toUtf8String(value as string, Utf8ErrorFuncs.replace).replaceAll("\0", "\ufffd");
}
