// How text messages reach phones. Which company carries them is a matter of configuration: an adapter for each.

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

/** A setting that must not be left as it is where others can reach the server. The message is fit for a user. */
export class SmsSettingError extends Error {
  override name = "SmsSettingError";
}

/** The adapter that a setting names. Throws {@link SmsSettingError}. */
export function chooseSms({
  smsAdapter,
  publicUrl,
}: {
  smsAdapter: "console" | undefined;
  publicUrl: string;
}): SmsAdapter {
  if (smsAdapter === undefined && publicUrl.startsWith("https:")) {
    throw new SmsSettingError(
      "Customers sign in by codes sent to their phones, and no way to send them is set: they would be printed here. If you want that, set SMS_ADAPTER=console.",
    );
  }
  return createConsoleSms();
}
