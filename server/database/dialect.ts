// How the databases spell what the client has no words for: many rows in one statement, and JSON that the database makes.
// With location.ts and the folder migrations/ all that differs from database to database; nothing else in the server knows
// which one it is.

import type { CellValue } from "./bulk.ts";
import { Prisma } from "./generated/sqlite/client.ts";
import type { Provider } from "./schema-variant.ts";

export interface Dialect {
  provider: Provider;
  /** Rows that come in as one parameter. */
  input: {
    /** The rows as the parameter's text. */
    encode(columns: readonly string[], rows: readonly (readonly CellValue[])[]): string;
    /** SQL for the parameter as a relation with the alias k. */
    from(table: string): string;
    /** SQL for a cell of k, with the type that it has in the table. */
    cell(column: string, index: number): string;
  };
  json: {
    /** The value of alternating names and values. */
    object(members: Prisma.Sql): Prisma.Sql;
    /** The list of some values. */
    tuple(values: Prisma.Sql): Prisma.Sql;
    /** The list of a column of JSON values, in the order of its rows; an empty list if there are none. */
    array(column: Prisma.Sql): Prisma.Sql;
    /** A JSON value, or a number, as a member of another one. */
    nested(value: Prisma.Sql): Prisma.Sql;
    /** A JSON value as text. */
    text(value: Prisma.Sql): Prisma.Sql;
  };
}

export const sqliteDialect: Dialect = {
  provider: "sqlite",
  input: {
    encode: (_columns, rows) => JSON.stringify(rows),
    from: () => "json_each(?) AS k",
    cell: (_column, index) => `json_extract(k.value, '$[${index}]')`,
  },
  json: {
    object: (members) => Prisma.sql`json_object(${members})`,
    tuple: (values) => Prisma.sql`json_array(${values})`,
    array: (column) => Prisma.sql`json_group_array(json(${column}))`,
    // SQLite's JSON values are texts, which would be quoted.
    nested: (value) => Prisma.sql`json(${value})`,
    text: (value) => value,
  },
};

export const postgresqlDialect: Dialect = {
  provider: "postgresql",
  input: {
    // Objects instead of lists, because then the table itself says which types the cells have.
    encode(columns, rows) {
      const names = columns.map((column) => `${JSON.stringify(column)}:`);
      const objects = rows.map((row) => `{${row.map((cell, index) => names[index] + JSON.stringify(cell)).join()}}`);
      return `[${objects.join()}]`;
    },
    from: (table) => `json_populate_recordset(NULL::"${table}", $1::json) AS k`,
    cell: (column) => `k."${column}"`,
  },
  json: {
    object: (members) => Prisma.sql`json_build_object(${members})`,
    tuple: (values) => Prisma.sql`json_build_array(${values})`,
    array: (column) => Prisma.sql`coalesce(json_agg(${column}), '[]'::json)`,
    nested: (value) => value,
    text: (value) => Prisma.sql`${value}::text`,
  },
};
