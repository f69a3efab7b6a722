// One after the other: SQLite has one connection here, and what two requests write at once would end up in one transaction.

export type Exclusive = <Result>(work: () => Promise<Result>) => Promise<Result>;

export function createExclusive(): Exclusive {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
