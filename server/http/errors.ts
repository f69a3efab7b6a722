// The end of every request that went wrong: a problem document for programs, a page for people. What we did not expect is
// logged with the request's id, and the client learns that id and nothing else.

import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";
import { Refusal } from "../accounts/errors.ts";
import { ChildEndedError } from "../child-processes.ts";
import { isOutage } from "../database/unusable.ts";
import { IssuanceError, KeystoreClosedError } from "../issuance/problems.ts";
import { problemOfRefusal } from "./account-problems.ts";
import { invalidRequest } from "./operations.ts";
import { renderProblemPage } from "./page-rendering.ts";
import { databaseUnavailable, Problem, sendProblem, systemShort, triedAgain } from "./problems.ts";
import type { Services } from "./services.ts";

const FOR_PROGRAMS = /^\/(v1|metadata|problems|openapi\.json|health|ready|metrics)(\/|$)/;

export const notFound: RequestHandler = () => {
  throw new Problem("not-found", "There is nothing at this address. GET /openapi.json lists what there is.");
};

export function handleErrors({ logger, storage }: Pick<Services, "logger" | "storage">): ErrorRequestHandler {
  // Express knows handlers of errors by their four parameters.
  return (error: unknown, request, response, _next) => {
    storage.note(error);
    if (response.headersSent) {
      const requestId = response.locals["requestId"];
      if (error instanceof ChildEndedError) logger.warn({ reason: error.message, requestId }, "an answer broke off");
      else logger.error({ err: error, requestId }, "an answer broke off");
      // Whoever reads it must not take a part for the whole.
      response.destroy();
      return;
    }
    const problem = asProblem(error);
    if (problem.problem === "internal-error") {
      logger.error({ err: error, requestId: response.locals["requestId"] }, "a request failed");
    } else if (problem.problem === "chain-unavailable") {
      logger.warn({ err: error, requestId: response.locals["requestId"] }, "the chain cannot be reached");
    } else if (problem.problem === "temporarily-unavailable") {
      logger.warn({ reason: problem.message, requestId: response.locals["requestId"] }, "a request was put off");
    } else if (problem.problem === "database-unavailable") {
      logger.warn({ err: error, requestId: response.locals["requestId"] }, "the database cannot be used");
    }
    // What a route had set for its own answer must not go out with an error.
    response.removeHeader("ETag");
    response.removeHeader("Content-Disposition");
    const forPrograms = FOR_PROGRAMS.test(request.path);
    if (!forPrograms) response.vary("Accept");
    // A person in a browser, as far as a request tells.
    if (!forPrograms && request.accepts(["html", "json"]) === "html") renderProblemPage(request, response, problem);
    else sendProblem(response, problem);
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) return problemOfRefusal(error);
  const short = systemShort(error);
  if (short !== undefined) return short;
  if (isOutage(error)) return databaseUnavailable(error);
  if (error instanceof KeystoreClosedError || error instanceof ChildEndedError) return triedAgain(error);
  if (error instanceof IssuanceError && error.retryable) {
    return new Problem(
      "chain-unavailable",
      "The chain cannot be reached, and this cannot be done without it. Try again in a few seconds.",
      {
        headers: { "Retry-After": "2" },
        cause: error,
      },
    );
  }
  // Express and its parts mark what is the client's fault, malformed encodings for example, with a status.
  const status = statusOf(error);
  if (status === 404) return new Problem("not-found", "There is nothing at this address.");
  if (status === 413) {
    return new Problem("request-too-large", "The body is larger than this request may be. Send less at once.");
  }
  if (status === 415) {
    return new Problem("unsupported-media-type", "The body's encoding is not known here. Send JSON in UTF-8.");
  }
  if (error instanceof SyntaxError && status === 400) {
    return invalidRequest([{ parameter: "body", detail: "is not valid JSON" }]);
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return new Problem("invalid-request", "The address is not encoded correctly. Check it for stray percent signs.");
  }
  return new Problem(
    "internal-error",
    "Something went wrong on our side. Try again; if it stays, tell us the request id.",
  );
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}

export function markRoute(route: string): RequestHandler {
  return (_request: Request, response: Response, next) => {
    response.locals["route"] = route;
    next();
  };
}
