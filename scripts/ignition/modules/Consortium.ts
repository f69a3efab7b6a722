// Deploys the consortium and hands the registry over to it: the seats, the governor, and the timelock that from then on
// owns everything. The deployer keeps nothing.
//
// The deployer is the timelock's first proposer, and the timelock's first act settles who decides: one transaction, all of it
// or nothing, after which the governor is the only proposer and the delay is what was asked for. The deployer never is an
// administrator of the timelock. The registry is handed over last, to a timelock on which only the governor decides.

import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { id, ZeroHash } from "ethers";
import registryModule from "./Registry.ts";

/** A seat that there is from the beginning. (A type, because Ignition takes no interface as a parameter.) */
export type FoundingSeat = { account: string; organisation: string };

const HOUR = 3_600;
const DAY = 24 * HOUR;

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

  const timelock = m.contract("ConsortiumTimelock", [[deployer]]);
  const seat = m.contract("ConsortiumSeat", [timelock, seats]);
  const governor = m.contract("ConsortiumGovernor", [
    seat,
    timelock,
    votingDelay,
    votingPeriod,
    proposalThreshold,
    quorumPercent,
  ]);

  const appointed = m.call(registry, "grantRole", [GUARDIAN_ROLE, guardian], { id: "appointGuardian" });

  const acts = [
    m.encodeFunctionCall(timelock, "settleGovernor", [governor], { id: "governorDecides" }),
    m.encodeFunctionCall(timelock, "revokeRole", [PROPOSER_ROLE, deployer], { id: "deployerProposes" }),
    m.encodeFunctionCall(timelock, "revokeRole", [CANCELLER_ROLE, deployer], { id: "deployerCancels" }),
    m.encodeFunctionCall(timelock, "updateDelay", [timelockDelay], { id: "delay" }),
  ];
  const batch = [acts.map(() => timelock), acts.map(() => 0), acts];
  const scheduled = m.call(timelock, "scheduleBatch", [...batch, ZeroHash, ZeroHash, 0]);
  const settled = m.call(timelock, "executeBatch", [...batch, ZeroHash, ZeroHash], { after: [scheduled] });
  m.call(registry, "handOver", [timelock], { after: [settled, appointed] });

  return { ...deployed, timelock, seat, governor };
});
