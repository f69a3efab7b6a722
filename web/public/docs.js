// Shows the OpenAPI document of this server with Swagger UI.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  validatorUrl: null,
  // The document names the public address, but what is tried here goes to where this page came from: the policy allows no
  // other, and a developer's machine is localhost and 127.0.0.1.
  requestInterceptor(request) {
    const { pathname, search } = new URL(request.url, window.location.href);
    request.url = `${window.location.origin}${pathname}${search}`;
    return request;
  },
});
