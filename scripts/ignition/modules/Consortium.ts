// Deploys the consortium and hands the registry over to it: the seats, the governor, and the timelock that from then on
// owns everything. The deployer keeps nothing.
//
// The deployer is the timelock's first proposer, and the timelock's first act is the handover: one transaction, all of it
// or nothing, after which the governor is the only proposer and the delay is what was asked for. So there is no moment at
// which both rule, and the deployer never is an administrator of the timelock.

import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { id, ZeroAddress, ZeroHash } from "ethers";
import registryModule from "./Registry.ts";

/** A seat that there is from the beginning. (A type, because Ignition takes no interface as a parameter.) */
export type FoundingSeat = { account: string; organisation: string };

const HOUR = 3_600;
const DAY = 24 * HOUR;

const DEFAULT_ADMIN_ROLE = ZeroHash;
const PROPOSER_ROLE = id("PROPOSER_ROLE");
const CANCELLER_ROLE = id("CANCELLER_ROLE");
const GUARDIAN_ROLE = id("GUARDIAN_ROLE");

export default buildModule("Consortium", (m) => {
  const deployer = m.getAccount(0);
  const seats = m.getParameter<FoundingSeat[]>("seats");
  const guardian = m.getParameter<string>("guardian");
  const votingDelay = m.getParameter("votingDelay", DAY);
  const votingPeriod = m.getParameter("votingPeriod", 5 * DAY);
  const proposalThreshold = m.getParameter("proposalThreshold", 1);
  const quorumPercent = m.getParameter("quorumPercent", 51);
  const timelockDelay = m.getParameter("timelockDelay", 2 * DAY);

  const deployed = m.useModule(registryModule);
  const { registry } = deployed;

  // Whoever likes executes what was decided and has waited: that is what the zero address among the executors means.
  const timelock = m.contract("TimelockController", [0, [deployer], [ZeroAddress], ZeroAddress]);
  const seat = m.contract("ConsortiumSeat", [timelock, seats]);
  const governor = m.contract("ConsortiumGovernor", [
    seat,
    timelock,
    votingDelay,
    votingPeriod,
    proposalThreshold,
    quorumPercent,
  ]);

  const registryGiven = m.call(registry, "grantRole", [DEFAULT_ADMIN_ROLE, timelock], { id: "giveRegistry" });

  const handover = [
    [registry, m.encodeFunctionCall(registry, "grantRole", [GUARDIAN_ROLE, guardian], { id: "appointGuardian" })],
    [registry, m.encodeFunctionCall(registry, "revokeRole", [DEFAULT_ADMIN_ROLE, deployer], { id: "takeRegistry" })],
    [timelock, m.encodeFunctionCall(timelock, "grantRole", [PROPOSER_ROLE, governor], { id: "governorProposes" })],
    [timelock, m.encodeFunctionCall(timelock, "grantRole", [CANCELLER_ROLE, governor], { id: "governorCancels" })],
    [timelock, m.encodeFunctionCall(timelock, "revokeRole", [PROPOSER_ROLE, deployer], { id: "deployerProposes" })],
    [timelock, m.encodeFunctionCall(timelock, "revokeRole", [CANCELLER_ROLE, deployer], { id: "deployerCancels" })],
    [timelock, m.encodeFunctionCall(timelock, "updateDelay", [timelockDelay], { id: "delay" })],
  ] as const;
  const batch = [handover.map(([target]) => target), handover.map(() => 0), handover.map(([, data]) => data)];
  const scheduled = m.call(timelock, "scheduleBatch", [...batch, ZeroHash, ZeroHash, 0], {
    after: [registryGiven],
  });
  m.call(timelock, "executeBatch", [...batch, ZeroHash, ZeroHash], { after: [scheduled] });

  return { ...deployed, timelock, seat, governor };
});
