// Writes src/generated from the OpenAPI document: the types of all operations, and the names of those that may be sent twice.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";

const IDEMPOTENCY_KEY = "Idempotency-Key";
const GENERATED = join(import.meta.dirname, "src", "generated");
const ORIGIN = "// Generated from openapi.json by npm run build. Do not edit.\n\n";

interface Operation {
  parameters?: { in: string; name: string; required?: boolean }[];
}

const document = JSON.parse(readFileSync(join(import.meta.dirname, "openapi.json"), "utf8")) as OpenAPI3;
const idempotent: string[] = [];
for (const [path, methods] of Object.entries(document.paths ?? {})) {
  for (const [method, operation] of Object.entries(methods as Record<string, Operation>)) {
    const key = operation.parameters?.find(
      (parameter) => parameter.in === "header" && parameter.name === IDEMPOTENCY_KEY,
    );
    if (key === undefined) continue;
    idempotent.push(`${method.toUpperCase()} ${path}`);
    // The API asks for it; the client sends one of its own where the caller gives none.
    key.required = false;
  }
}
// What has a default may be left out of a request, though no answer lacks it.
const types = await openapiTS(document, { defaultNonNullable: false });

mkdirSync(GENERATED, { recursive: true });
writeFileSync(join(GENERATED, "schema.ts"), ORIGIN + astToString(types));
writeFileSync(
  join(GENERATED, "idempotent.ts"),
  `${ORIGIN}/** The operations that take an \`${IDEMPOTENCY_KEY}\`, by method and path. */\nexport const IDEMPOTENT_OPERATIONS: readonly string[] = ${JSON.stringify(idempotent, undefined, 2)};\n`,
);
