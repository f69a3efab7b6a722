// Puts the parts of accounts together.

import type { Logger } from "pino";
import type { Rpc } from "../chain/rpc.ts";
import { steadyClock } from "../clocks.ts";
import type { Config } from "../config.ts";
import type { Database } from "../database/client.ts";
import { type ApiKeys, createApiKeys } from "./api-keys.ts";
import { createAttempts } from "./attempts.ts";
import { type Authenticator, createAuthenticator } from "./authenticator.ts";
import { type CustomerSignIn, createCustomerSignIn } from "./customer-sign-in.ts";
import { type Customers, createCustomers } from "./customers.ts";
import { type Housekeeping, startHousekeeping } from "./housekeeping.ts";
import { createInvitations, type Invitations } from "./invitations.ts";
import { createKeyMemory, type KeyMemory } from "./key-memory.ts";
import { createMembers, type Members } from "./members.ts";
import { createPhones } from "./phones.ts";
import { loadSecrets } from "./secrets.ts";
import type { SmsAdapter } from "./sms.ts";
import { createUsers, type Users } from "./users.ts";
import { createWallets, type Wallets } from "./wallets.ts";

export interface Accounts {
  authenticator: Authenticator;
  apiKeys: ApiKeys;
  keys: KeyMemory;
  customers: Customers;
  customerSignIn: CustomerSignIn;
  housekeeping: Housekeeping;
  invitations: Invitations;
  members: Members;
  users: Users;
  wallets: Wallets;
  close(): Promise<void>;
}

export interface AccountsOptions {
  config: Pick<Config, "publicUrl" | "authSecret" | "dataKey" | "dataFolder">;
  /** Where keys are looked up, hundreds of times a second. */
  database: Database;
  /** The connection for application tables. */
  application: Database;
  /** Which chain the mirror follows; nothing before it has reached one. */
  chainId(): number | undefined;
  rpc: Pick<Rpc, "call">;
  sms: SmsAdapter;
  logger: Logger;
  /** The wall clock, in milliseconds since the Unix epoch. */
  now(): number;
  /** The steady clock. */
  steady?(): number;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { config, database, application, chainId, rpc, sms, logger, now, steady = steadyClock } = options;
  const { publicUrl } = config;
  const secrets = loadSecrets(config);
  const phones = createPhones(secrets);
  const attempts = createAttempts({ database: application, secrets, now, steady });
  const customers = createCustomers({ database: application, phones, now });
  const users = createUsers({ database: application, secrets, publicUrl, attempts, logger, now });
  const wallets = createWallets({ publicUrl, chainId, rpc, now });
  const customerSignIn = createCustomerSignIn({
    database: application,
    secrets,
    publicUrl,
    attempts,
    customers,
    phones,
    sms,
    wallets,
    logger,
  });
  const housekeeping = startHousekeeping({ database: application, logger, now });
  const keys = createKeyMemory({ database, application, logger, now, steady });
  return {
    authenticator: createAuthenticator({ database: application, keys, users, customerSignIn, publicUrl }),
    apiKeys: createApiKeys({ database: application, now, forget: keys.forget }),
    keys,
    customers,
    customerSignIn,
    housekeeping,
    invitations: createInvitations({ database: application, publicUrl, now }),
    members: createMembers({ database: application, now }),
    users,
    wallets,
    async close() {
      housekeeping.close();
      await keys.close();
    },
  };
}
