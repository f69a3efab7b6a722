// npm run server: the server alone, against the chain at RPC_URL. Becomes the server's process, so that signals reach it.

import { SERVER_ARGUMENTS, SERVER_ENVIRONMENT } from "./lifecycle/server-command.ts";

process.execve?.(process.execPath, [process.execPath, ...SERVER_ARGUMENTS], { ...process.env, ...SERVER_ENVIRONMENT });
