// Where the contracts that can be upgraded keep what, so that an upgrade finds it again: the fields of every ERC-7201 namespace
// and of the structs in them, state variables outside of namespaces, the numbers behind enums, and how packed slots are cut. The
// compiler gives the layout of state variables only, so each namespace's struct is compiled as the one variable of a contract
// made for that.

import { AbiCoder, id, keccak256, toBeHex } from "ethers";
import {
  type CompilerInput,
  compile,
  deployableContracts,
  type Node,
  ownSources,
  SOURCE_PREFIX,
  syntaxTrees,
} from "./compiler.ts";
import { range, sourceText, walk } from "./syntax.ts";

/** One field of a struct: its slot, its byte in the slot from the low end, its type and its name. `0:20 uint32 brandCount` */
export type Field = string;

export interface StorageLayout {
  /** By ERC-7201 namespace. */
  namespaces: Record<string, { location: string; fields: Field[] }>;
  /** State variables outside of namespaces, by contract, each with the contract that it comes from. */
  variables: Record<string, Field[]>;
  /** The structs that are reached from the fields, by name. */
  structs: Record<string, Field[]>;
  /** The values of every enum, in order. */
  enums: Record<string, string[]>;
  /** The numbers of libraries, as they are written: they cut packed slots into fields. */
  numbers: Record<string, string>;
}

interface CompiledLayout {
  storage: { label: string; offset: number; slot: string; type: string }[];
  types: Record<string, CompiledType> | null;
}

interface CompiledType {
  label: string;
  encoding: string;
  numberOfBytes: string;
  base?: string;
  key?: string;
  value?: string;
  members?: CompiledLayout["storage"];
}

const NAMESPACE = /@custom:storage-location erc7201:(\S+)/;
const NAMESPACE_IN_TREE = /storage-location erc7201:(\S+)/;
const LAYOUT_SOURCE = "mintmark-storage-layout.sol";

/** Where a namespace begins, by ERC-7201. */
export function namespaceLocation(namespace: string): string {
  const inner = AbiCoder.defaultAbiCoder().encode(["uint256"], [BigInt(id(namespace)) - 1n]);
  return toBeHex(BigInt(keccak256(inner)) & ~0xffn, 32);
}

/** The layout of all our contracts. */
export function readStorageLayout(input: CompilerInput, trees = syntaxTrees(input)): StorageLayout {
  const layout: StorageLayout = { namespaces: {}, variables: {}, structs: {}, enums: {}, numbers: {} };
  const found: { namespace: string; file: string; contract: string; struct: string }[] = [];
  for (const [file, content] of ownSources(input)) {
    const tree = trees.get(SOURCE_PREFIX + file);
    if (tree === undefined) continue;
    for (const [node, above] of walk(tree, () => false)) {
      const name = node["name"] as string;
      const contract = above.findLast(({ nodeType }) => nodeType === "ContractDefinition")?.["name"] as
        | string
        | undefined;
      if (node.nodeType === "EnumDefinition") {
        layout.enums[node["canonicalName"] as string] = (node["members"] as Node[]).map(
          (member) => member["name"] as string,
        );
      }
      const type = (node["typeDescriptions"] as { typeString?: string } | undefined)?.typeString;
      if (node["constant"] === true && type?.startsWith("uint") && above.at(-1)?.["contractKind"] === "library") {
        const { start, end } = range(node["value"] as Node);
        layout.numbers[`${contract ?? file}.${name}`] = sourceText(content).slice(start, end);
      }
      const text = (node["documentation"] as { text?: string } | undefined)?.text ?? "";
      const namespace = (NAMESPACE.exec(text) ?? NAMESPACE_IN_TREE.exec(text))?.[1];
      if (node.nodeType === "StructDefinition" && namespace !== undefined && contract !== undefined) {
        found.push({ namespace, file, contract, struct: name });
      }
    }
  }

  const compiled = compileLayouts(input, found);
  for (const [index, { namespace }] of found.entries()) {
    const { storage, types } = compiled(LAYOUT_SOURCE, `Layout${index}`);
    const struct = types?.[storage[0]?.type ?? ""];
    layout.namespaces[namespace] = {
      location: namespaceLocation(namespace),
      fields: fieldsOf(struct?.members ?? [], types ?? {}, layout.structs),
    };
  }
  const definitions = new Map<number, Node>();
  for (const [source, tree] of trees) {
    for (const node of tree["nodes"] as Node[]) {
      if (node.nodeType === "ContractDefinition") definitions.set(node.id, { ...node, source });
    }
  }
  const namespaced = new Set(found.map(({ file, contract }) => `${SOURCE_PREFIX}${file}:${contract}`));
  for (const [contract, source] of deployableContracts(trees)) {
    const name = contract.slice(source.length + 1);
    const definition = [...definitions.values()].find((node) => node["source"] === source && node["name"] === name);
    const bases = ((definition?.["linearizedBaseContracts"] as number[] | undefined) ?? []).flatMap(
      (base) => definitions.get(base) ?? [],
    );
    if (!bases.some((base) => namespaced.has(`${base["source"] as string}:${base["name"] as string}`))) continue;
    const { storage, types } = compiled(source, name);
    const fields = fieldsOf(storage, types ?? {}, layout.structs);
    layout.variables[name] = fields.map((field, index) => {
      const declares = (base: Node) => (base["nodes"] as Node[]).some((node) => node["name"] === storage[index]?.label);
      return `${field} of ${bases.find(declares)?.["name"] as string}`;
    });
  }
  return sortedKeys(layout);
}

/** The constants of our contracts that hold 32 bytes: among them must be the location of every namespace. */
export function wordConstants(input: CompilerInput, trees = syntaxTrees(input)): Set<string> {
  const words = new Set<string>();
  for (const file of ownSources(input).keys()) {
    const tree = trees.get(SOURCE_PREFIX + file);
    if (tree === undefined) continue;
    for (const [node] of walk(tree, () => false)) {
      const value = node["value"];
      if (node.nodeType === "Literal" && typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value)) {
        words.add(value.toLowerCase());
      }
    }
  }
  return words;
}

function compileLayouts(input: CompilerInput, structs: readonly { file: string; contract: string; struct: string }[]) {
  const lines = structs.map(
    ({ file, contract, struct }, index) =>
      `import {${contract} as C${index}} from "${SOURCE_PREFIX}${file}";\ncontract Layout${index} { C${index}.${struct} s; }`,
  );
  const content = ["// SPDX-License-Identifier: MIT", "pragma solidity ^0.8.28;", ...lines].join("\n");
  const output = compile({
    ...input,
    sources: { ...input.sources, [LAYOUT_SOURCE]: { content } },
    settings: { ...input.settings, outputSelection: { "*": { "*": ["storageLayout"] } } },
  });
  return (source: string, contract: string) => output.contracts?.[source]?.[contract]?.storageLayout as CompiledLayout;
}

/** The fields as they are compared, and into `structs` those of every struct that they lead to. */
function fieldsOf(
  members: CompiledLayout["storage"],
  types: Record<string, CompiledType>,
  structs: Record<string, Field[]>,
): Field[] {
  return members.map(
    ({ label, slot, offset, type }) => `${slot}:${offset} ${describe(types[type], types, structs)} ${label}`,
  );
}

function describe(
  type: CompiledType | undefined,
  types: Record<string, CompiledType>,
  structs: Record<string, Field[]>,
): string {
  if (type === undefined) throw new Error("the compiler left out a type");
  const { label, members, base, value, encoding } = type;
  if (members !== undefined && structs[label] === undefined) {
    structs[label] = []; // Before its fields, because a struct can lead to itself.
    structs[label] = fieldsOf(members, types, structs);
  }
  const inner = types[value ?? base ?? ""];
  if (inner !== undefined) describe(inner, types, structs);
  // An element that grows moves all those behind it.
  return encoding === "dynamic_array" && inner !== undefined ? `${label}, ${inner.numberOfBytes} bytes each` : label;
}

/** What an upgrade from `old` to `next` would not find again. Empty if all that changed was appended. */
export function breakingChanges(old: StorageLayout, next: StorageLayout): string[] {
  const problems: string[] = [];
  const appendOnly = (where: string, before: readonly string[], after: readonly string[] = []) => {
    for (const [index, entry] of before.entries()) {
      const now = after[index];
      if (now !== entry)
        problems.push(`${where}: ${index} was "${entry}" and is ${now === undefined ? "gone" : `"${now}"`}`);
    }
  };
  for (const [namespace, { location, fields: before }] of Object.entries(old.namespaces)) {
    const now = next.namespaces[namespace];
    if (now !== undefined && now.location !== location) problems.push(`${namespace} has moved`);
    appendOnly(namespace, before, now?.fields);
  }
  for (const [name, before] of Object.entries(old.variables)) appendOnly(name, before, next.variables[name]);
  for (const [name, before] of Object.entries(old.structs)) appendOnly(name, before, next.structs[name]);
  for (const [name, before] of Object.entries(old.enums)) appendOnly(name, before, next.enums[name]);
  for (const [name, value] of Object.entries(old.numbers)) {
    if (next.numbers[name] !== value) problems.push(`${name} was ${value}; is ${next.numbers[name] ?? "gone"}`);
  }
  return problems;
}

function sortedKeys(layout: StorageLayout): StorageLayout {
  const sorted = <T>(record: Record<string, T>) =>
    Object.fromEntries(Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1)));
  return {
    namespaces: sorted(layout.namespaces),
    variables: sorted(layout.variables),
    structs: sorted(layout.structs),
    enums: sorted(layout.enums),
    numbers: sorted(layout.numbers),
  };
}
