// Commands as calls of a collection. One transaction carries commands for one collection that need the same role.

import { getAddress, ZeroAddress, ZeroHash } from "ethers";
import { membershipCollectionInterface } from "../../chain/abi.ts";
import { batchReference, cardOfFile, tagsOf } from "../batch-reference.ts";
import { commitmentRoot } from "../commitment.ts";
import type { BrandKeys } from "../keystore.ts";
import type { CommandKind } from "../orders/order.ts";
import { markOrigin, type Origin } from "../origin.ts";
import { type CardToIssue, encodeTransaction, type PlanLimits, planTransactions } from "../plan.ts";

/** What the sender needs to know of a command. */
export interface SendableCommand {
  id: number;
  brandId: number;
  /** Lower-case. */
  collectionAddress: string;
  kind: CommandKind;
  serial: number;
  holder: string | null;
  tier: number | null;
  expiresAt: bigint | number | null;
  physicalNumber: string | null;
  reason: string | null;
  orderId: string | null;
  /** Which card of its order it is: see batch-reference.ts. */
  standsFor: string | null;
  holdId: string | null;
  importId: string | null;
  /** Of a redemption, or of its undoing. The number, staff, deadline and signature once they are known. */
  benefitId: number | null;
  redemptionNumber: number | null;
  generation: number | null;
  /** Who alone may send it, lower-case; nothing where any staff of the brand may. */
  staff: string | null;
  deadline: bigint | number | null;
  signature: string | null;
}

/** Commands that go into one transaction. */
export interface SendableGroup {
  commands: SendableCommand[];
  data: string;
  /** The gas limit; nothing where the chain has to be asked. */
  gas: number | undefined;
}

/** As many cards as one transaction changes other than by issuing them. */
const CHANGES_AT_ONCE = 50;

export type SendingRole = "Issuer" | "Steward" | "Staff";

export function roleFor(kind: CommandKind): SendingRole {
  switch (kind) {
    case "issue":
      return "Issuer";
    case "redeem":
    case "undo-redemption":
      return "Staff";
    default:
      return "Steward";
  }
}

/** What a command's transaction is for: what orders and what imports want is never in one transaction. */
export function originOfCommand({ importId }: Pick<SendableCommand, "importId">): Origin {
  return importId === null ? "order" : "import";
}

/** The transactions for commands of one collection, role and origin, in the order in which they should be sent. */
export function groupCommands(
  commands: readonly SendableCommand[],
  limits: PlanLimits,
  keys: Pick<BrandKeys, "commitmentSalt" | "cardTag"> | undefined,
): SendableGroup[] {
  const [first] = commands;
  if (first === undefined) return [];
  const collection = getAddress(first.collectionAddress);
  if (roleFor(first.kind) !== "Issuer") {
    return Array.from({ length: Math.ceil(commands.length / CHANGES_AT_ONCE) }, (_, index) => {
      const here = commands.slice(index * CHANGES_AT_ONCE, (index + 1) * CHANGES_AT_ONCE);
      return { commands: here, data: encodeChanges(here), gas: undefined };
    });
  }
  const bySerial = new Map(commands.map((command) => [command.serial, command]));
  const commandOf = ({ serial }: Pick<CardToIssue, "serial">) => bySerial.get(serial) as SendableCommand;
  const origin = originOfCommand(first);
  return planTransactions(commands.map(cardOf), limits).map((planned) => {
    const cards = planned.batches.flat();
    // All of them or none: where a tag stands in the call data follows from how many cards come before it.
    const tags = tagsOf(cards.map(commandOf).map(standsFor), collection, keys);
    const tagOf = new Map(cards.map((card, index) => [card.serial, tags?.[index] ?? ""]));
    const data = encodeTransaction(planned, (batch) => ({
      commitmentRoot: commitmentRoot(batch, collection, saltOf(keys)),
      batchReference:
        tags === undefined ? ZeroHash : batchReference(batch.map(({ serial }) => tagOf.get(serial) ?? "")),
    }));
    return {
      commands: cards.map(commandOf),
      data: markOrigin(data, origin, tags),
      gas: planned.gas,
    };
  });
}

/** What the card of a command stands for; nothing if that was not written down when it was wanted. */
function standsFor(command: SendableCommand): string | null {
  return originOfCommand(command) === "order" ? command.standsFor : cardOfFile(cardOf(command));
}

/** The card that an issue command is for. */
export function cardOf(command: SendableCommand): CardToIssue {
  const { id, serial, holder, tier, expiresAt, physicalNumber } = command;
  return {
    line: id,
    serial,
    holder: getAddress(holder ?? ""),
    tier: tier ?? 0,
    expiresAt: Number(expiresAt),
    physicalNumber: physicalNumber ?? undefined,
  };
}

/** Numbers of physical cards are hidden by salts of the brand's keystore; without it there is nothing to hide them with. */
function saltOf(keys: Pick<BrandKeys, "commitmentSalt"> | undefined): Pick<BrandKeys, "commitmentSalt"> {
  return (
    keys ?? {
      commitmentSalt() {
        throw new Error("A card with a physical number needs the brand's keystore");
      },
    }
  );
}

function encodeChanges(commands: readonly SendableCommand[]): string {
  const revoked = commands.filter(({ kind }) => kind === "revoke");
  const calls = [
    ...[...Map.groupBy(revoked, ({ reason }) => reason)].map(([reason, cards]) =>
      membershipCollectionInterface.encodeFunctionData("revoke", [cards.map(({ serial }) => serial), reason]),
    ),
    ...commands.flatMap((command) => {
      const { kind, serial, holder, reason, benefitId, redemptionNumber } = command;
      if (kind === "redeem") {
        const redemption = [
          ...[serial, benefitId, redemptionNumber, command.generation],
          ...[command.staff ?? ZeroAddress, command.deadline],
        ];
        return [membershipCollectionInterface.encodeFunctionData("redeem", [redemption, command.signature])];
      }
      if (kind === "undo-redemption") {
        const undone = [serial, benefitId, redemptionNumber, reason];
        return [membershipCollectionInterface.encodeFunctionData("undoRedemption", undone)];
      }
      if (kind === "request-reissue")
        return [membershipCollectionInterface.encodeFunctionData("requestReissue", [serial, holder, reason])];
      if (kind === "execute-reissue")
        return [membershipCollectionInterface.encodeFunctionData("executeReissue", [serial])];
      return [];
    }),
  ];
  const [only, ...others] = calls;
  return only !== undefined && others.length === 0
    ? only
    : membershipCollectionInterface.encodeFunctionData("multicall", [calls]);
}
