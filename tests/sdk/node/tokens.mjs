// Tokens by auth0/legacy, with a secret and with a key; verified by jwks-rsa, and by an API behind express-oauth2-jwt-bearer.
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { AuthenticationClient } from "auth0/legacy";
import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";
import jwksRsa from "jwks-rsa";

const { LIMEN_AUDIENCE, LIMEN_CLIENT_ID, LIMEN_CLIENT_SECRET, LIMEN_DOMAIN, LIMEN_ISSUER } = process.env;
const { KEY_CLIENT_ID, KEY_FILE, OTHER_AUDIENCE } = process.env;

const token = async (options, audience) => {
  const client = new AuthenticationClient({ domain: LIMEN_DOMAIN, ...options });
  return (await client.oauth.clientCredentialsGrant({ audience })).data.access_token;
};
const bySecret = { clientId: LIMEN_CLIENT_ID, clientSecret: LIMEN_CLIENT_SECRET };
const byKey = { clientId: KEY_CLIENT_ID, clientAssertionSigningKey: readFileSync(KEY_FILE, "utf8") };
const good = await token(bySecret, LIMEN_AUDIENCE);
const signed = await token(byKey, OTHER_AUDIENCE);

const header = JSON.parse(Buffer.from(good.split(".")[0], "base64url"));
const key = await jwksRsa({ jwksUri: `${LIMEN_ISSUER}.well-known/jwks.json` }).getSigningKey(header.kid);

const app = express();
app.use(auth({ issuerBaseURL: LIMEN_ISSUER.replace(/\/$/, ""), audience: LIMEN_AUDIENCE }));
app.get("/read", requiredScopes("read:messages"), (_, response) => response.json({ ok: true }));
app.get("/delete", requiredScopes("delete:messages"), (_, response) => response.json({ ok: true }));
app.use((error, _request, response, _next) => response.status(error.status ?? 500).json({ code: error.code }));
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const asked = async (path, bearer) => {
  const headers = bearer ? { authorization: `Bearer ${bearer}` } : {};
  return (await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers })).status;
};
const told = {
  key: key.getPublicKey().startsWith("-----BEGIN PUBLIC KEY-----"),
  good: await asked("/read", good),
  scope: await asked("/delete", good),
  audience: await asked("/read", signed),
  none: await asked("/read"),
  forged: await asked("/read", `${good.slice(0, -4)}AAAA`),
};
server.close();
console.log(JSON.stringify(told));
