// Calls as a person reads them and repeats them: contract, function, each argument by its name.

import {
  dataLength,
  decodeBytes32String,
  getAddress,
  type Interface,
  type ParamType,
  ZeroAddress,
  ZeroHash,
} from "ethers";
import { FINAL_ACTS } from "../../../server/chain/abi.ts";
import type { Act } from "../decisions.ts";

/** What is behind the values that a person cannot read. */
export interface Names {
  /** Of contracts and accounts, by address. */
  addresses: ReadonlyMap<string, string>;
  /** Of role ids. */
  roles: ReadonlyMap<string, string>;
}

/** More than this of a list is left out. */
const LIST_LENGTH = 3;

/** `registry.suspendBrand(brandId: 1, reason: "key stolen")` */
export async function describeCall({ target, data }: Act, names: Names): Promise<string> {
  const address = await target.getAddress();
  const contract = names.addresses.get(getAddress(address)) ?? address;
  const call = (target.interface as Interface).parseTransaction({ data });
  if (call === null) throw new Error(`${contract} has no such function`);
  const args = call.fragment.inputs.map((input, place) => describeField(input, call.args[place], names));
  return `${contract}.${call.name}(${args.join(", ")})`;
}

function describeField(type: ParamType, value: unknown, names: Names): string {
  return `${type.name}: ${describeValue(type, value, names)}`;
}

function describeValue(type: ParamType, value: unknown, names: Names): string {
  if (type.arrayChildren !== null) {
    const { arrayChildren } = type;
    const items = (value as unknown[]).map((item) => describeValue(arrayChildren, item, names));
    const rest = items.length - LIST_LENGTH;
    return `[${[...items.slice(0, LIST_LENGTH), ...(rest > 0 ? [`… ${rest} more`] : [])].join(", ")}]`;
  }
  if (type.components !== null) {
    const fields = type.components.map((part, place) => describeField(part, (value as unknown[])[place], names));
    return `{${fields.join(", ")}}`;
  }
  const text = String(value);
  if (text === ZeroAddress) return "nobody (0x0)";
  if (type.type === "address") return names.addresses.get(getAddress(text)) ?? text;
  if (type.type === "bytes32") return describeWord(text, names);
  if (type.type === "bytes") return text === "0x" ? text : `<${dataLength(text)} bytes>`;
  if (type.type === "string") return JSON.stringify(text);
  // Solidity's enums are numbers in an ABI.
  if (type.name === "act") return `${text} (${FINAL_ACTS[Number(text)]})`;
  const isMoment = /At$|^deadline$/.test(type.name) && text !== "0";
  return isMoment ? `${text} (${new Date(Number(text) * 1_000).toISOString().slice(0, 10)})` : text;
}

/** A role, a short reason, nothing, or what it is. */
function describeWord(word: string, { roles }: Names): string {
  const role = roles.get(word);
  if (role !== undefined) return role;
  if (word === ZeroHash) return "0";
  try {
    return JSON.stringify(decodeBytes32String(word));
  } catch {
    return word;
  }
}
