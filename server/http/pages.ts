// The pages for customers. They are read with any browser, scripts or not.

import { type Request, type Response, Router } from "express";
import { TEXTS } from "../../web/text/languages.ts";
import { storedSerial } from "../database/snapshot.ts";
import { qrPng, qrSvg } from "../verification/qr-codes.ts";
import { verifyCard } from "../verification/verify-card.ts";
import { cardNotFound, requireCheckpoint } from "./answers.ts";
import { cardSvg } from "./card-images.ts";
import { createCardPageModel } from "./card-page.ts";
import { markRoute } from "./errors.ts";
import { brandNameOf, collectionNameOf } from "./names.ts";
import { isKnown, refuseMethod, weakTag } from "./operations.ts";
import { assetUrl, languageOf, renderPage, serveAssets } from "./page-rendering.ts";
import { type CollectionName, hasValidCase } from "./parameters.ts";
import { verifyUrl } from "./present.ts";
import type { Queries } from "./queries.ts";
import type { Services } from "./services.ts";
import { createForm, type FormModel, readCollection, readSerial } from "./verify-form.ts";

const CARD_PATH = "/v/:collection/:serial";

export function pageRouter(services: Services, queries: Queries): Router {
  const { config, database, mirror, now } = services;
  const router = Router();

  router.use("/assets", markRoute("/assets/{file}"), serveAssets());
  page("/favicon.ico", "/favicon.ico", (_request, response) => response.redirect(301, assetUrl("favicon.svg")));
  page("/robots.txt", "/robots.txt", (_request, response) => {
    response.type("text/plain").send("User-agent: *\nDisallow: /v/\nDisallow: /v1/\nDisallow: /metadata/\n");
  });
  page("/", "/", async (request, response) => {
    renderHome(request, response, createForm(await queries.offeredCollections()));
  });
  page("/verify", "/verify", answerForm);
  page(CARD_PATH, "/v/{collection}/{serial}", showCard);
  page(`${CARD_PATH}/qr.svg`, "/v/{collection}/{serial}/qr.svg", async (request, response) => {
    const { url } = await requireCard(request);
    sendPicture(request, response, "image/svg+xml", await qrSvg(url));
  });
  page(`${CARD_PATH}/qr.png`, "/v/{collection}/{serial}/qr.png", async (request, response) => {
    const { url } = await requireCard(request);
    sendPicture(request, response, "image/png", qrPng(url));
  });
  page(`${CARD_PATH}/card.svg`, "/v/{collection}/{serial}/card.svg", async (request, response) => {
    const { picture } = await requireCard(request);
    sendPicture(request, response, "image/svg+xml", cardSvg(picture));
  });
  return router;

  function page(
    path: string,
    label: string,
    answer: (request: Request, response: Response) => Promise<void> | void,
  ): void {
    router.route(path).all(markRoute(label)).get(answer).all(refuseMethod);
  }

  function renderHome(request: Request, response: Response, form: FormModel): void {
    renderPage(request, response, {
      view: "./home",
      status: form.errors.collection === undefined && form.errors.serial === undefined ? 200 : 400,
      title: (text) => text.home.title,
      description: (text) => text.home.description,
      data: () => ({ form }),
    });
  }

  async function answerForm(request: Request, response: Response): Promise<void> {
    const { language, named } = languageOf(request);
    const text = TEXTS[language].form;
    const keepLanguage = named ? `?lang=${language}` : "";
    const typed = { collection: onlyOne(request.query["collection"]), serial: onlyOne(request.query["serial"]) };
    if (request.query["collection"] === undefined && request.query["serial"] === undefined) {
      response.redirect(303, `/${keepLanguage}`);
      return;
    }
    const offered = await queries.offeredCollections();
    const collection = readCollection(typed.collection, offered, text);
    const serial = readSerial(typed.serial, text);
    const errors: FormModel["errors"] = {};
    let slug: string | undefined;
    if ("error" in collection) errors.collection = collection.error;
    else {
      slug = await slugOf(collection);
      if (slug === undefined) errors.collection = text.collectionUnknown(typed.collection.trim().slice(0, 60));
    }
    if ("error" in serial) errors.serial = serial.error;
    if (slug === undefined || "error" in serial) {
      renderHome(request, response, createForm(offered, typed, errors));
      return;
    }
    response.redirect(303, `/v/${slug}/${serial.serial}${keepLanguage}`);
  }

  async function slugOf(name: CollectionName): Promise<string | undefined> {
    const address = await queries.resolveCollection(name);
    if (address === undefined) return undefined;
    const { collection } = await queries.collection(address);
    return collection?.slug;
  }

  async function showCard(request: Request, response: Response): Promise<void> {
    const status = mirror.status();
    const { name, serial, serialText } = readCardPath(request);
    const verification = await verifyCard({
      database,
      mirror: status,
      maxLagSeconds: config.maxLagSeconds,
      now: Math.floor(now() / 1000),
      collectionAddress: name === undefined ? undefined : await queries.resolveCollection(name),
      serial: serial ?? 0n,
    });
    const { verdict } = verification.verdict;
    const slug = verification.record?.collection.slug;
    const form =
      verdict === "not-found"
        ? createForm(await queries.offeredCollections(), {
            collection: slug ?? pathPart(request, "collection"),
            serial: serialText,
          })
        : undefined;
    renderPage(request, response, {
      view: "./card",
      status: verdict === "not-found" ? 404 : verdict === "cannot-confirm" ? 503 : 200,
      title: (text) =>
        text.card.title(
          text.verdicts[verdict].title,
          verification.record === undefined
            ? pathPart(request, "collection").slice(0, 60)
            : collectionNameOf(verification.record.collection),
          serialText,
        ),
      description: (text) => text.card.description,
      noIndex: true,
      headers: verdict === "cannot-confirm" ? { "Retry-After": "30", "Cache-Control": "no-store" } : {},
      data: ({ text, formats }) => ({
        form,
        model: createCardPageModel({ verification, mirror: status, serialText, text, formats }),
      }),
    });
  }

  /** The card that a picture is asked of. Throws 404 or 503. */
  async function requireCard(request: Request) {
    const { name, serial } = readCardPath(request);
    const address = name === undefined ? undefined : await queries.resolveCollection(name);
    const { checkpoint, collection, card } = await queries.cardOnly(address ?? "", storedSerial(serial ?? 0n));
    requireCheckpoint(checkpoint);
    if (collection === null || card === null) throw cardNotFound();
    return {
      url: verifyUrl(config.publicUrl, collection.slug, card.serial),
      picture: {
        brand: brandNameOf(collection),
        collection: collectionNameOf(collection),
        serial: card.serial,
        maxSupply: collection.maxSupply,
        tier: card.tier,
      },
    };
  }
}

function sendPicture(request: Request, response: Response, type: string, picture: string | Buffer): void {
  // Wallets and shop pages embed it.
  response.set({ "Cache-Control": "public, max-age=86400", "Cross-Origin-Resource-Policy": "cross-origin" });
  if (isKnown(request, response, weakTag(picture))) return;
  response.set("Content-Type", type).send(typeof picture === "string" ? Buffer.from(picture) : picture);
}

/** Pages are read kindly: capital letters and leading zeros are what people type off a card. */
function readCardPath(request: Request): {
  name: CollectionName | undefined;
  serial: bigint | undefined;
  serialText: string;
} {
  const collection = pathPart(request, "collection");
  const serial = pathPart(request, "serial");
  let name: CollectionName | undefined;
  if (/^0x[0-9a-fA-F]{40}$/.test(collection)) {
    if (hasValidCase(collection)) name = { address: collection.toLowerCase() };
  } else if (/^[a-z0-9-]{3,32}$/i.test(collection)) name = { slug: collection.toLowerCase() };
  return {
    name,
    serial: /^\d{1,78}$/.test(serial) ? BigInt(serial) : undefined,
    serialText: serial.slice(0, 40),
  };
}

function pathPart(request: Request, name: "collection" | "serial"): string {
  const value = request.params[name];
  return typeof value === "string" ? value : "";
}

function onlyOne(value: unknown): string {
  return typeof value === "string" ? value : "";
}
