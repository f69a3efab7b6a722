/** An error of the operating system as a sentence; nothing if it is none, or one that needs its stack to be understood. */
export function explainSystemError(error: unknown, place?: string): string | undefined;
/** What to tell a person of any error. */
export function describeFailure(error: unknown): string;
/** Sees to it that nothing unhandled ends this process without a last line that says what happened. */
export function giveLastWords(tell?: (sentence: string, error: unknown) => void): void;
/** Writes to the error output, and is done when it returns. */
export function writeError(sentence: string): void;
