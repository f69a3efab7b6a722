// npm run payment-simulator: a Ping++ on this machine, to try payments without money. Says what to set so that a server uses it.

import { relative } from "node:path";
import { ConfigError, loadConfig } from "../server/config.ts";
import { describeFailure } from "../server/failures.ts";
import { beginCommand } from "./lifecycle/command.ts";
import { simulatorKeys } from "./payment-simulator/keys.ts";
import { startPaymentSimulator } from "./payment-simulator/simulator.ts";

const DEFAULT_PORT = 3001;

beginCommand();
try {
  const { dataFolder, publicUrl } = loadConfig();
  const port = Number(process.env["PAYMENT_SIMULATOR_PORT"] || DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new ConfigError("PAYMENT_SIMULATOR_PORT must be a whole number from 0 to 65535.");
  const keys = simulatorKeys(dataFolder);
  const webhookUrl = `${publicUrl}/v1/payments/pingpp/callback`;
  const simulator = await startPaymentSimulator({ keys, port, webhookUrl });
  const settings = {
    PINGPP_API_URL: simulator.url,
    PINGPP_APP_ID: keys.appId,
    PINGPP_API_KEY: keys.apiKey,
    PINGPP_PRIVATE_KEY_FILE: relative("", keys.files.merchantPrivateKey),
    PINGPP_PUBLIC_KEY_FILE: relative("", keys.files.aggregatorPublicKey),
  };
  console.log(`The payment simulator listens at ${simulator.url} and calls back to ${webhookUrl}.`);
  console.log("Start the server with these settings, in .env or in the environment:\n");
  for (const [name, value] of Object.entries(settings)) console.log(`${name}=${value}`);
  console.log("\nIt forgets all payments when it ends (Ctrl+C).");
  const stop = async () => {
    await simulator.close();
    process.exit();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
} catch (error) {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE")
    console.error("Its port is in use: set PAYMENT_SIMULATOR_PORT to a free one. Does a simulator run already?");
  else console.error(describeFailure(error));
  process.exitCode = 1;
}
