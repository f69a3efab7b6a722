// The documentation page: Swagger UI from its package, set up by a script of ours, because the page allows no inline code.

import { createRequire } from "node:module";
import { Router } from "express";
import { markRoute } from "./errors.ts";
import { refuseMethod } from "./operations.ts";
import { assetUrl, renderPage } from "./page-rendering.ts";

const require = createRequire(import.meta.url);
const FILES = ["swagger-ui.css", "swagger-ui-bundle.js"];

export function docsRouter(): Router {
  const router = Router();
  const docs = router.route("/docs").all(markRoute("/docs"));
  docs.get((request, response) => {
    renderPage(request, response, {
      view: "./docs",
      title: (text) => text.docs.title,
      description: (text) => text.docs.description,
      styles: ["/docs/swagger-ui.css", assetUrl("docs.css")],
      scripts: ["/docs/swagger-ui-bundle.js", assetUrl("docs.js")],
    });
  });
  docs.all(refuseMethod);
  for (const file of FILES) {
    const asset = router.route(`/docs/${file}`).all(markRoute("/docs/{file}"));
    asset.get((_request, response) => {
      response.sendFile(require.resolve(`swagger-ui-dist/${file}`), { maxAge: "1h", etag: true });
    });
    asset.all(refuseMethod);
  }
  // What the `type` of a problem document leads to: the list of types is in the document's description.
  const problems = router.route("/problems/:name").all(markRoute("/problems/{name}"));
  problems.get((_request, response) => response.redirect(303, "/docs"));
  problems.all(refuseMethod);
  return router;
}
