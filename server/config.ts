// What can be set from outside, by environment variables or a `.env` file (the environment wins). Parsed once, at start;
// everything after that takes typed values. .env.example lists them with what they mean.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { config as loadDotenv } from "dotenv";
import { z } from "zod";
import { secretProblem } from "./accounts/secret-text.ts";
import { DatabaseUrlError, locateDatabase } from "./database/location.ts";
import { PINGPP_CHANNELS, type PingppChannel } from "./payments/pingpp.ts";

/** Of secp256k1 (SEC 2, 2.4.1). */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const port = z.coerce
  .number("must be a number")
  .int("must be a whole number")
  .min(1, "must be 1 to 65535")
  .max(65_535, "must be 1 to 65535");
const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" });
const httpUrls = z
  .string()
  .transform((text) => text.split(",").map((url) => url.trim()))
  .pipe(z.array(httpUrl));
const secondsList = z
  .string()
  .regex(/^\s*\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*\s*$/, "must be numbers of seconds, separated by commas")
  .transform((text) => text.split(",").map((seconds) => Number(seconds) * 1000));
const webSocketUrl = z.url({ protocol: /^wss?$/, error: "must be a ws:// or wss:// URL, or none" });
const PRIVATE_KEY = /^0x[0-9a-fA-F]{64}$/;
/** One of the curve's: most numbers of 32 bytes are, but not all. */
function isPrivateKey(text: string): boolean {
  return PRIVATE_KEY.test(text) && BigInt(text) > 0n && BigInt(text) < CURVE_ORDER;
}
const privateKeys = z
  .string()
  .transform((text) => text.split(",").map((key) => key.trim()))
  .superRefine((keys, context) => {
    for (const [index, key] of keys.entries()) {
      if (isPrivateKey(key)) continue;
      const which = keys.length === 1 ? "it" : `number ${index + 1} of them`;
      context.addIssue({
        code: "custom",
        message: `must be private keys, separated by commas: 0x and 64 hexadecimal digits each; ${which} is none`,
      });
    }
  });
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "must be an address: 0x and 40 hexadecimal digits");

const secret = z.string().superRefine((value, context) => {
  const problem = secretProblem(value);
  if (problem === undefined) return;
  context.addIssue({ code: "custom", message: `${problem}: make one with openssl rand -base64 32` });
});

const databaseUrl = z.string().superRefine((value, context) => {
  try {
    locateDatabase(value);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    context.addIssue({ code: "custom", message: error.message });
  }
});

const environmentSchema = z.object({
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: port.default(3000),
  PUBLIC_URL: httpUrl.optional(),
  RPC_URL: httpUrl.default("http://127.0.0.1:8545"),
  FALLBACK_RPC_URLS: httpUrls.optional(),
  RPC_WS_URL: z.union([z.literal("none"), webSocketUrl]).optional(),
  DATA_DIR: z.string().min(1).default("./data"),
  DATABASE_URL: databaseUrl.optional(),
  REGISTRY_ADDRESS: address.optional(),
  KEYSTORE_FILE: z.string().min(1).optional(),
  KEYSTORE_PASSPHRASE: z.string().min(1).optional(),
  DEPLOYER_PRIVATE_KEY: z.string().regex(PRIVATE_KEY, "must be a private key: 0x and 64 hexadecimal digits").optional(),
  ISSUER_PRIVATE_KEYS: privateKeys.optional(),
  REMOTE_SIGNER_URL: httpUrl.optional(),
  PINGPP_API_URL: httpUrl.default("https://api.pingxx.com"),
  PINGPP_APP_ID: z
    .string()
    .regex(/^app_\w+$/, "must be the id of an app of Ping++: app_…")
    .optional(),
  PINGPP_API_KEY: z
    .string()
    .regex(/^sk_(live|test)_\w+$/, "must be a secret key of Ping++: sk_live_… or sk_test_…")
    .optional(),
  PINGPP_PRIVATE_KEY_FILE: z.string().min(1).optional(),
  PINGPP_PUBLIC_KEY_FILE: z.string().min(1).optional(),
  PINGPP_CHANNEL: z.enum(PINGPP_CHANNELS, `must be ${PINGPP_CHANNELS.join(", ")}`).default("alipay_qr"),
  FINALITY_DEPTH: z.coerce
    .number("must be a number")
    .int("must be a whole number")
    .min(0, "must not be negative")
    .default(64),
  MAX_LAG_SECONDS: z.coerce.number("must be a number").positive("must be more than 0").default(30),
  RATE_LIMIT_PER_MINUTE: z.coerce
    .number("must be a number")
    .int("must be a whole number")
    .min(0, "must not be negative")
    .default(600),
  KEY_RATE_LIMIT_PER_MINUTE: z.coerce
    .number("must be a number")
    .int("must be a whole number")
    .min(0, "must not be negative")
    .default(60_000),
  AUTH_SECRET: secret.optional(),
  DATA_KEY: secret.optional(),
  SMS_ADAPTER: z.enum(["console"], "must be console").optional(),
  MAX_IMPORT_MEGABYTES: z.coerce
    .number("must be a number")
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .default(64),
  TRUST_PROXY: z.coerce
    .number("must be a number")
    .int("must be a whole number")
    .min(0, "must not be negative")
    .default(0),
  REDEMPTION_UNDO_HOURS: z.coerce.number("must be a number").min(0, "must not be negative").default(24),
  ORDER_TIME_ZONE: z
    .string()
    .refine(isTimeZone, "must be a time zone, as Asia/Shanghai or Europe/Paris")
    .default("Asia/Shanghai"),
  WEBHOOK_ALLOW_LOOPBACK: z.enum(["true", "false"], "must be true or false").optional(),
  WEBHOOK_TIMEOUT_SECONDS: z.coerce.number("must be a number").min(1, "must be at least 1").max(60).default(15),
  WEBHOOK_RETRY_SECONDS: secondsList.optional(),
  WEBHOOK_EXPIRING_DAYS: z.coerce
    .number("must be a number")
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .default(30),
  WEBHOOK_KEPT_DAYS: z.coerce
    .number("must be a number")
    .int("must be a whole number")
    .min(4, "must be at least 4: messages are tried for three days")
    .default(30),
  LOG_LEVEL: z
    .enum(
      ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
      "must be fatal, error, warn, info, debug, trace or silent",
    )
    .default("info"),
});

/** Every setting, typed, with the defaults filled in. */
export interface Config {
  /** The interface the server listens on. */
  host: string;
  /** The port the server listens on. */
  port: number;
  /** Where people reach the server; what QR codes and links begin with. No slash at the end. */
  publicUrl: string;
  /** The chain's JSON-RPC endpoint. */
  rpcUrl: string;
  /** Further nodes of the same chain, for reading when the first fails. */
  fallbackRpcUrls: string[];
  /** Where the node tells of new blocks; nothing if it is only to be asked. */
  rpcWebSocketUrl: string | undefined;
  /** The folder of everything that is kept, absolute. */
  dataFolder: string;
  /** The database: a file, or a database of a PostgreSQL server. May hold a password. */
  databaseUrl: string;
  /** The registry, where it is not the one that the data folder's deployment record names. */
  registryAddress: string | undefined;
  /** The brand's encrypted keystore, where it is not the one in the data folder. */
  keystoreFile: string | undefined;
  /** The passphrase of the keystores that are no demo's; who issues from a file is asked for it if it is not set. */
  keystorePassphrase: string | undefined;
  /** Keys that the server signs with besides those of the keystores. */
  issuerPrivateKeys: string[];
  /** Where another program signs for the server, over JSON-RPC; nothing if none does. */
  remoteSignerUrl: string | undefined;
  /** The key that deploys the registry and acts for the consortium; for `npm run deploy` only. */
  deployerPrivateKey: string | undefined;
  /** Nothing where no payments are taken through Ping++. */
  pingpp: PingppSettings | undefined;
  /** How many blocks the chain may take back; 0 where blocks are final at once. */
  finalityDepth: number;
  /** From how many seconds without news from the chain on the mirror says that it cannot confirm anything. */
  maxLagSeconds: number;
  /** How many requests one client may send per minute; 0 for no limit. */
  rateLimitPerMinute: number;
  /** How many requests may be sent with one API key per minute; 0 for no limit. */
  keyRateLimitPerMinute: number;
  /** Signs sessions; made once and kept in the data folder if not set. */
  authSecret: string | undefined;
  /** Encrypts personal data at rest; follows from the auth secret if not set. */
  dataKey: string | undefined;
  /** How codes reach customers' phones. */
  smsAdapter: "console" | undefined;
  /** How large an uploaded spreadsheet may be, in MiB. */
  maxImportMegabytes: number;
  /** How many reverse proxies stand before the server. */
  trustProxy: number;
  /** For how many hours a redemption can be undone. */
  redemptionUndoHours: number;
  /** Where a card's last day ends that was sold for a term. */
  orderTimeZone: string;
  /** How brands are told of what happens. */
  webhooks: WebhookSettings;
  /** The least severe log lines that are written. */
  logLevel: string;
}

/** How webhooks are sent. */
export interface WebhookSettings {
  /** Whether this machine may be called; where it is not said, it may if the server itself is for this machine only. */
  allowLoopback: boolean | undefined;
  /** How long a receiver may take to answer. */
  timeoutMs: number;
  /** How long to wait after each attempt that has failed; the usual table if not set. */
  retryDelaysMs: number[] | undefined;
  /** How many days before a card expires it is told that it will. */
  expiringDays: number;
  /** How many days deliveries are kept. */
  keptDays: number;
}

/** How payments through Ping++ are taken. */
export interface PingppSettings {
  apiUrl: string;
  appId: string;
  apiKey: string;
  /** PEM: our key, and Ping++'s public one. */
  privateKeyFile: string;
  publicKeyFile: string;
  channel: PingppChannel;
}

/** A setting is missing or wrong. The message names each variable, says what it must be, and is fit for a user. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Reads the settings from the environment and, where present, from `.env` in the current folder.
 * An empty variable counts as not set. Throws {@link ConfigError}.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const variables: Record<string, string | undefined> = {};
  if (environment === process.env && existsSync(".env"))
    loadDotenv({ processEnv: variables as Record<string, string>, quiet: true });
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== "") variables[name] = value;
  }
  for (const name of Object.keys(variables)) {
    if (variables[name] === "") delete variables[name];
  }

  const parsed = environmentSchema.safeParse(variables);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      // Never the value of a secret: an error message ends up in logs.
      const value = /PASSPHRASE|PRIVATE_KEY|API_KEY|AUTH_SECRET|DATA_KEY/.test(name)
        ? ""
        : ` (it is ${JSON.stringify(withoutSecrets(variables[name]))})`;
      return `  ${name}: ${issue.message}${value}`;
    });
    throw new ConfigError(`These settings are wrong. Correct them in the environment or in .env:\n${lines.join("\n")}`);
  }

  const values = parsed.data;
  const dataFolder = resolve(values.DATA_DIR);
  return {
    host: values.HOST,
    port: values.PORT,
    publicUrl: (values.PUBLIC_URL ?? `http://${urlHost(values.HOST)}:${values.PORT}`).replace(/\/+$/, ""),
    rpcUrl: values.RPC_URL,
    fallbackRpcUrls: values.FALLBACK_RPC_URLS ?? [],
    // Development nodes serve both at one address.
    rpcWebSocketUrl:
      values.RPC_WS_URL === "none" ? undefined : (values.RPC_WS_URL ?? values.RPC_URL.replace(/^http/, "ws")),
    dataFolder,
    databaseUrl: values.DATABASE_URL ?? `file:${join(dataFolder, "mintmark.db")}`,
    registryAddress: values.REGISTRY_ADDRESS?.toLowerCase(),
    keystoreFile: values.KEYSTORE_FILE,
    keystorePassphrase: values.KEYSTORE_PASSPHRASE,
    issuerPrivateKeys: values.ISSUER_PRIVATE_KEYS ?? [],
    remoteSignerUrl: values.REMOTE_SIGNER_URL,
    deployerPrivateKey: values.DEPLOYER_PRIVATE_KEY,
    pingpp: pingppSettings(values),
    finalityDepth: values.FINALITY_DEPTH,
    maxLagSeconds: values.MAX_LAG_SECONDS,
    rateLimitPerMinute: values.RATE_LIMIT_PER_MINUTE,
    keyRateLimitPerMinute: values.KEY_RATE_LIMIT_PER_MINUTE,
    authSecret: values.AUTH_SECRET,
    dataKey: values.DATA_KEY,
    smsAdapter: values.SMS_ADAPTER,
    maxImportMegabytes: values.MAX_IMPORT_MEGABYTES,
    trustProxy: values.TRUST_PROXY,
    orderTimeZone: values.ORDER_TIME_ZONE,
    redemptionUndoHours: values.REDEMPTION_UNDO_HOURS,
    webhooks: {
      allowLoopback: values.WEBHOOK_ALLOW_LOOPBACK === undefined ? undefined : values.WEBHOOK_ALLOW_LOOPBACK === "true",
      timeoutMs: values.WEBHOOK_TIMEOUT_SECONDS * 1000,
      retryDelaysMs: values.WEBHOOK_RETRY_SECONDS,
      expiringDays: values.WEBHOOK_EXPIRING_DAYS,
      keptDays: values.WEBHOOK_KEPT_DAYS,
    },
    logLevel: values.LOG_LEVEL,
  };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** All of them or none: with some missing, payments would be asked for and never be heard of. Throws {@link ConfigError}. */
function pingppSettings(values: z.output<typeof environmentSchema>): PingppSettings | undefined {
  const { PINGPP_APP_ID, PINGPP_API_KEY, PINGPP_PRIVATE_KEY_FILE, PINGPP_PUBLIC_KEY_FILE } = values;
  const needed = { PINGPP_APP_ID, PINGPP_API_KEY, PINGPP_PRIVATE_KEY_FILE, PINGPP_PUBLIC_KEY_FILE };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length === Object.keys(needed).length) return undefined;
  if (
    PINGPP_APP_ID === undefined ||
    PINGPP_API_KEY === undefined ||
    PINGPP_PRIVATE_KEY_FILE === undefined ||
    PINGPP_PUBLIC_KEY_FILE === undefined
  ) {
    throw new ConfigError(
      `Payments through Ping++ need all of ${Object.keys(needed).join(", ")}. Set these as well, or none: ${missing.join(", ")}.`,
    );
  }
  return {
    apiUrl: values.PINGPP_API_URL.replace(/\/+$/, ""),
    appId: PINGPP_APP_ID,
    apiKey: PINGPP_API_KEY,
    privateKeyFile: PINGPP_PRIVATE_KEY_FILE,
    publicKeyFile: PINGPP_PUBLIC_KEY_FILE,
    channel: values.PINGPP_CHANNEL,
  };
}

/** A URL of any kind without its user, password, and query: what a wrong one looks like is enough to find it. */
function withoutSecrets(value = ""): string {
  return value.replace(/\/\/.*@/s, "//…@").replace(/\?.*/s, "?…");
}

/** The host to write into a link for an interface that a server listens on. */
function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
