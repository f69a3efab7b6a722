// The HTTP server's application: an API and pages. It never writes to the mirror.

import express, { type Express } from "express";
import { Registry } from "prom-client";
import { steadyClock } from "../clocks.ts";
import { createMembers } from "../membership/members.ts";
import { createBenefitRules } from "../membership/rules.ts";
import { apiKeyOperations } from "./api-keys.ts";
import { auditLogOperations } from "./audit-log.ts";
import { benefitOperations } from "./benefits.ts";
import { collectionOperations } from "./collections.ts";
import { customerOperations } from "./customers.ts";
import { docsRouter } from "./docs.ts";
import { entitlementOperations } from "./entitlements.ts";
import { handleErrors, notFound } from "./errors.ts";
import { holderOperations } from "./holders.ts";
import { importOperations } from "./imports.ts";
import { meOperations } from "./me.ts";
import { memberOperations } from "./members.ts";
import { metadataOperations } from "./metadata.ts";
import { createHttpMetrics } from "./metrics.ts";
import { offerOperations } from "./offers.ts";
import { createOpenApiDocument } from "./openapi.ts";
import { operationalOperations } from "./operational.ts";
import { defineOperation, type Operation, operationRouter } from "./operations.ts";
import { orderOperations } from "./orders.ts";
import { pageRouter } from "./pages.ts";
import { paymentOperations } from "./payments.ts";
import { createQueries, type Queries } from "./queries.ts";
import { redemptionOperations } from "./redemptions.ts";
import { logRequests } from "./request-log.ts";
import { allowOtherOrigins, limitRate, securityHeaders } from "./security.ts";
import type { Services } from "./services.ts";
import { signInRouter } from "./sign-in.ts";
import { verifyOperations } from "./verify.ts";
import { webhookOperations } from "./webhooks.ts";

export interface AppOptions extends Omit<Services, "metrics" | "now" | "steady"> {
  /** Where metrics are registered; the app registers the process's own too. A new one if left out. */
  metrics?: Registry;
  /** The wall clock, in milliseconds since the Unix epoch. */
  now?: () => number;
  /** The steady clock. */
  steady?: () => number;
}

/** All that the API can do. Uses no service before it is asked for something, so that it can be described without any. */
export function apiOperations(services: Services, queries: Queries): Operation[] {
  const { logger } = services;
  const members = createMembers(services);
  const rules = createBenefitRules(services);
  return [
    ...collectionOperations(services, queries),
    ...holderOperations(services, queries),
    ...verifyOperations(services, queries),
    ...metadataOperations(services, queries),
    ...offerOperations(services),
    ...orderOperations(services),
    ...benefitOperations(services, rules),
    ...entitlementOperations(services, { members, rules }),
    ...redemptionOperations(services),
    ...memberOperations(services),
    ...apiKeyOperations(services),
    ...customerOperations(services),
    ...meOperations(services),
    ...auditLogOperations(services),
    ...(services.payments === undefined ? [] : paymentOperations({ payments: services.payments, logger })),
    ...importOperations(services, queries),
    ...webhookOperations(services),
    ...operationalOperations(services),
  ];
}

/** Wires the routes. The database must be migrated. Makes no connection of its own and has nothing to close. */
export function createApp(options: AppOptions): Express {
  const { metrics = new Registry(), now = Date.now, steady = steadyClock } = options;
  const services: Services = { ...options, metrics, now, steady };
  const { config, logger } = services;
  const queries = createQueries(services.database);

  const app = express();
  app.disable("x-powered-by");
  // Tags are made of the data alone, see operations.ts.
  app.disable("etag");
  // And what a client has already is said by isKnown alone: Express would answer 304 to `If-None-Match: *` where nothing has a tag.
  Object.defineProperty(app.request, "fresh", { value: false });
  app.set("trust proxy", config.trustProxy);
  // Flat: a repeated parameter is an array, brackets mean nothing.
  app.set("query parser", "simple");

  app.use(logRequests({ logger, metrics: createHttpMetrics(metrics) }));
  app.use(securityHeaders(config));
  app.use(["/v1", "/metadata", "/openapi.json"], allowOtherOrigins);
  const { authenticate } = services.accounts.authenticator;
  app.use(
    limitRate({
      perMinute: config.rateLimitPerMinute,
      perMinuteAndKey: config.keyRateLimitPerMinute,
      authenticate,
      steady,
    }),
  );

  const operations = apiOperations(services, queries);
  const document = createOpenApiDocument(operations, config);
  const documentOperation = defineOperation({
    id: "getOpenApiDocument",
    tag: "operations",
    path: "/openapi.json",
    summary: "This document",
    description: "The OpenAPI document of this API.",
    answers: {},
    problems: [],
    tagged: true,
    limited: true,
    open: true,
    access: "everyone",
    handle: () => ({ body: document }),
  });
  app.use(operationRouter([...operations, documentOperation], authenticate));
  app.use(signInRouter(services.accounts, config));
  app.use(docsRouter());
  app.use(pageRouter(services, queries));
  app.use(notFound);
  app.use(handleErrors(services));
  return app;
}
