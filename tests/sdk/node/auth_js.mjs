// An unmodified @auth0/auth0-auth-js: sign-up, login by code and PKCE, userinfo, refresh, revocation, logout.
// It prints the address to sign in at, and reads the one that the browser came back to.
import { createInterface } from "node:readline";
import { AuthClient } from "@auth0/auth0-auth-js";

const { APP_CLIENT_ID, APP_CLIENT_SECRET, APP_AUDIENCE, CALLBACK, EMAIL, LIMEN_DOMAIN, NEWCOMER, PASSWORD } = process.env;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const says = (what) => console.log(JSON.stringify(what));
const client = new AuthClient({
  domain: LIMEN_DOMAIN,
  clientId: APP_CLIENT_ID,
  clientSecret: APP_CLIENT_SECRET,
  authorizationParams: { redirect_uri: CALLBACK, audience: APP_AUDIENCE },
});
const told = {};

const { authorizationUrl, codeVerifier } = await client.buildAuthorizationUrl();
says({ authorize: authorizationUrl.href });
const tokens = await client.getTokenByCode(new URL((await lines.next()).value), { codeVerifier });
const user = await client.getUserInfo({ accessToken: tokens.accessToken, expectedSubject: tokens.claims.sub });
told.claims = [tokens.claims.sub === user.sub, tokens.claims.email === EMAIL, user.email === EMAIL];

const renewed = await client.getTokenByRefreshToken({ refreshToken: tokens.refreshToken });
told.renewed = renewed.accessToken !== tokens.accessToken;
const kept = renewed.refreshToken ?? tokens.refreshToken;
await client.revokeToken({ token: kept, tokenTypeHint: "refresh_token" });
told.revoked = await client.getTokenByRefreshToken({ refreshToken: kept }).catch((error) => error.cause?.error);

const connection = "Username-Password-Authentication";
const signedUp = await client.database.signUp({ email: NEWCOMER, password: PASSWORD, connection });
told.signedUp = [signedUp.email, signedUp.emailVerified];
told.weak = await client.database
  .signUp({ email: `weak.${NEWCOMER}`, password: "secret", connection })
  .catch((error) => error.cause?.code ?? error.cause?.error);
told.reset = typeof (await client.database.changePassword({ email: NEWCOMER, connection }));
told.logout = (await client.buildLogoutUrl({ returnTo: "https://rp.example/logged-out" })).href;
says(told);
process.exit(0);
