// Numbers on a command line.

/** The number that an option was given. Ends the process with what the option takes, if it is none. */
export function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  console.error(`--${name} takes a whole number from 1 on, not "${text}".`);
  process.exit(2);
}
