// How text messages reach phones. Which company carries them is a matter of configuration: an adapter for each.

import { Refusal } from "./errors.ts";

export interface SmsAdapter {
  /** Hands a message over. `phone` in E.164. Throws if it was not taken. */
  send(phone: string, text: string): Promise<void>;
}

/** For development: whoever sees the server's output sees the codes. */
export function createConsoleSms(output: { write(text: string): unknown } = process.stderr): SmsAdapter {
  return {
    async send(phone, text) {
      output.write(`SMS to ${phone}: ${text}\n`);
    },
  };
}

/** The adapter that a setting names. Where others can reach the server, codes are printed only if that was asked for. */
export function chooseSms({
  smsAdapter,
  publicUrl,
  output,
}: {
  smsAdapter: "console" | undefined;
  publicUrl: string;
  output?: { write(text: string): unknown };
}): SmsAdapter {
  if (smsAdapter === "console" || !publicUrl.startsWith("https:")) return createConsoleSms(output);
  return {
    async send() {
      throw new Refusal(
        "unavailable",
        "No codes can be sent to phones here: the server's operator has set up no SMS gateway (SMS_ADAPTER). Sign in with a wallet.",
      );
    },
  };
}
