// SPDX-License-Identifier: Apache-2.0
// The npm package oidc-provider as an identity provider of the tests: options as JSON in argv[2], tells {"port": N} on standard output
// when it listens. People log in with any name of `people` and NAME-password, by the package's own pages.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import https from "node:https";
import { pathToFileURL } from "node:url";

const options = JSON.parse(process.argv[2]);
const { default: Provider } = await import(pathToFileURL(createRequire(options.modules + "/x.js").resolve("oidc-provider")).href);

const provider = new Provider(options.issuer, {
  clients: options.clients,
  clientDefaults: { id_token_signed_response_alg: "ES256" },
  jwks: options.jwks,
  pkce: { required: () => true, methods: ["S256"] },
  claims: { openid: ["sub", "tenant_id", "regions"], email: ["email"], profile: ["preferred_username"] },
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  cookies: { keys: ["of the tests"] },
  ttl: { AccessToken: options.lifetime, IdToken: 300, Session: 3600, Grant: 3600, Interaction: 600 },
  issueRefreshToken: async () => true,
  findAccount: async (_, id) => (options.people[id] ? { accountId: id, claims: async () => ({ sub: id, preferred_username: id, ...options.people[id] }) } : undefined),
  renderError: async (ctx, out) => { ctx.type = "json"; ctx.body = out; },
});
provider.on("grant.success", (ctx) => console.log(`granted ${ctx.oidc.params.grant_type}`));
const server = https.createServer({ cert: readFileSync(options.certificate), key: readFileSync(options.key) }, provider.callback());
server.listen(options.port, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.on("SIGTERM", () => process.exit(0));
