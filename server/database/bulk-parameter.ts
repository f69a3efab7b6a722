// Parameters of megabytes, on a way around the client to the driver: the client writes each parameter as JSON and reads it back,
// which for the rows of a whole range costs more than to make them. The client gets a name for the parameter; below it, where
// statements leave for the driver, the name is replaced.
// Must hold: nobody can guess a name, so that no text from outside is ever taken for one.

import { randomUUID } from "node:crypto";
import type {
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQuery,
  SqlQueryable,
  Transaction,
} from "@prisma/driver-adapter-utils";

const PREFIX = `bulk parameter ${randomUUID()} `;
/** Shorter ones are no trouble to the client. */
const LEAST_LENGTH = 10_000;

const parameters = new Map<string, string>();
let named = 0;

/** Runs statements with a name in place of a long parameter; a short one goes as it is. */
export async function withBulkParameter<Result>(
  parameter: string,
  use: (parameter: string) => Promise<Result>,
): Promise<Result> {
  if (parameter.length < LEAST_LENGTH) return await use(parameter);
  const name = `${PREFIX}${++named}`;
  parameters.set(name, parameter);
  try {
    return await use(name);
  } finally {
    parameters.delete(name);
  }
}

/** Is told what a statement has failed with. */
export type OnFailure = (error: unknown) => void;

/** Connections of another adapter, to which the named parameters find their way. */
export function acceptBulkParameters(
  factory: SqlDriverAdapterFactory,
  onFailure: OnFailure = () => undefined,
): SqlDriverAdapterFactory {
  const { provider, adapterName } = factory;
  return { provider, adapterName, connect: async () => acceptingConnection(await factory.connect(), onFailure) };
}

function acceptingConnection(connection: SqlDriverAdapter, onFailure: OnFailure): SqlDriverAdapter {
  return {
    ...acceptingQueries(connection, onFailure),
    executeScript: (script) => connection.executeScript(script),
    startTransaction: async (level) => acceptingTransaction(await connection.startTransaction(level), onFailure),
    ...(connection.getConnectionInfo === undefined
      ? {}
      : { getConnectionInfo: connection.getConnectionInfo.bind(connection) }),
    dispose: () => connection.dispose(),
  };
}

function acceptingTransaction(transaction: Transaction, onFailure: OnFailure): Transaction {
  const { options, createSavepoint, rollbackToSavepoint, releaseSavepoint } = transaction;
  return {
    ...acceptingQueries(transaction, onFailure),
    options,
    commit: () => transaction.commit(),
    rollback: () => transaction.rollback(),
    ...(createSavepoint === undefined ? {} : { createSavepoint: createSavepoint.bind(transaction) }),
    ...(rollbackToSavepoint === undefined ? {} : { rollbackToSavepoint: rollbackToSavepoint.bind(transaction) }),
    ...(releaseSavepoint === undefined ? {} : { releaseSavepoint: releaseSavepoint.bind(transaction) }),
  };
}

function acceptingQueries(queryable: SqlQueryable, onFailure: OnFailure): SqlQueryable {
  const { provider, adapterName } = queryable;
  async function told<Result>(answer: Promise<Result>): Promise<Result> {
    try {
      return await answer;
    } catch (error) {
      onFailure(error);
      throw error;
    }
  }
  return {
    provider,
    adapterName,
    queryRaw: (query) => told(queryable.queryRaw(withValues(query))),
    executeRaw: (query) => told(queryable.executeRaw(withValues(query))),
  };
}

function withValues(query: SqlQuery): SqlQuery {
  if (!query.args.some(isName)) return query;
  return { ...query, args: query.args.map((value) => (isName(value) ? parameters.get(value) : value)) };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.startsWith(PREFIX);
}
