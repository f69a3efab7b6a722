// The drills that there are.

import { adminLost } from "./admin-lost.ts";
import { brandStolen } from "./brand-stolen.ts";
import type { Drill } from "./drill.ts";
import { guardianLost, guardianStolen } from "./guardian.ts";
import { holderLost, holderStolen } from "./holder.ts";
import { issuerStolen } from "./issuer.ts";
import { seatLost, seatStolen } from "./seat.ts";
import { staffLost } from "./staff-lost.ts";
import { stewardStolen } from "./steward.ts";
import { tillStolen } from "./till.ts";

export const DRILLS: readonly Drill[] = [
  seatStolen,
  seatLost,
  guardianStolen,
  guardianLost,
  brandStolen,
  adminLost,
  issuerStolen,
  stewardStolen,
  tillStolen,
  staffLost,
  holderLost,
  holderStolen,
];
