// The package's generated sources: the ABIs, as the compiler has them (src/abi, committed), and the Solidity interfaces that others
// compile against (interfaces/, made when the package is built). A test compares the ABIs with the compiler's output.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";

export const PACKAGE = import.meta.dirname;
const ROOT = resolve(PACKAGE, "../..");

/** The contracts that there are deployments of, and where their sources stand. */
export const CONTRACTS = {
  BrandRegistry: "registry",
  CollectionFactory: "registry",
  MembershipCollection: "collection",
  ConsortiumGovernor: "consortium",
  ConsortiumSeat: "consortium",
  ConsortiumTimelock: "consortium",
} as const;
export type ContractName = keyof typeof CONTRACTS;

/** Libraries that collections are linked with; what they emit and refuse with, a collection does. */
const LIBRARIES_OF: Partial<Record<ContractName, readonly string[]>> = {
  MembershipCollection: ["Announcements", "BatchStarts", "BenefitBook", "Corrections"],
};

interface Entry {
  type: string;
  name?: string;
  inputs?: unknown[];
}

/** A contract's ABI from the compiler's output: what can be called, what it emits, what it refuses with. */
export function compiledAbi(name: ContractName): Entry[] {
  const own = abiOf(CONTRACTS[name], name).filter(({ type }) => type !== "constructor");
  const linked = (LIBRARIES_OF[name] ?? []).flatMap((library) =>
    abiOf(CONTRACTS[name], library).filter(({ type }) => type === "event" || type === "error"),
  );
  // A collection refuses with what the registry refuses with, unchanged.
  const asked = name === "MembershipCollection" ? abiOf("registry", "BrandRegistry").filter(isError) : [];
  const seen = new Set<string>();
  return [...own, ...linked, ...asked].filter((entry) => {
    const key = JSON.stringify([entry.type, entry.name, entry.inputs]);
    return seen.has(key) ? false : seen.add(key);
  });
}

const isError = ({ type }: Entry) => type === "error";

function abiOf(folder: string, name: string): Entry[] {
  const file = join(ROOT, "artifacts", "contracts", folder, `${name}.sol`, `${name}.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { abi: Entry[] }).abi;
}

/** Where an ABI's source stands. */
export function abiFile(name: ContractName): string {
  return join(PACKAGE, "src", "abi", `${constantName(name)}.ts`);
}

/** The source of an ABI: one entry a line. */
export function abiSource(name: ContractName): string {
  const lines = compiledAbi(name).map((entry) => `  ${JSON.stringify(entry)},`);
  return [
    `// ${name}'s ABI, as the compiler has it. Generated: npm run contracts-abi`,
    "",
    `export const ${constantName(name)}Abi = [`,
    ...lines,
    "] as const;",
    "",
  ].join("\n");
}

function constantName(name: string): string {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
}

export function writeAbis(): void {
  mkdirSync(join(PACKAGE, "src", "abi"), { recursive: true });
  for (const name of Object.keys(CONTRACTS) as ContractName[]) writeFileSync(abiFile(name), abiSource(name));
}

/** Copies the interfaces, and what they import of ours, so that they compile from where they are. */
export function copyInterfaces(): void {
  const target = join(PACKAGE, "interfaces");
  rmSync(target, { recursive: true, force: true });
  const waiting = [
    "collection/IMembershipCollection.sol",
    "registry/IBrandRegistry.sol",
    "registry/ICollectionFactory.sol",
    "consortium/IConsortiumSeat.sol",
  ];
  const copied = new Set<string>();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (copied.has(file)) continue;
    copied.add(file);
    const source = join(ROOT, "contracts", file);
    mkdirSync(dirname(join(target, file)), { recursive: true });
    copyFileSync(source, join(target, file));
    for (const [, path = ""] of readFileSync(source, "utf8").matchAll(/from "(\.[^"]+)"/g))
      waiting.push(relative(join(ROOT, "contracts"), resolve(dirname(source), path)));
  }
  if (![...copied].some((file) => basename(file) === "CardRecord.sol")) throw new Error("The interfaces lack the card");
}
