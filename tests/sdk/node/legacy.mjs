// auth0/legacy, unmodified: codes with a secret and with PKCE, refresh, revocation, userinfo, sign-up.
import { AuthenticationClient, UserInfoClient } from "auth0/legacy";

const { APP_CLIENT_ID, APP_CLIENT_SECRET, CALLBACK, CODE, LIMEN_DOMAIN, NEWCOMER, PASSWORD, PROVEN_CODE, VERIFIER } = process.env;
const client = new AuthenticationClient({ domain: LIMEN_DOMAIN, clientId: APP_CLIENT_ID, clientSecret: APP_CLIENT_SECRET });
const told = {};
const refused = (work) => work.then(() => null, (error) => [error.statusCode, error.error, error.error_description]);

const first = (await client.oauth.authorizationCodeGrant({ code: CODE, redirect_uri: CALLBACK })).data;
told.first = Object.keys(first).sort();
const pkce = { code: PROVEN_CODE, code_verifier: VERIFIER, redirect_uri: CALLBACK };
told.wrongVerifier = await refused(client.oauth.authorizationCodeGrantWithPKCE({ ...pkce, code_verifier: "x".repeat(43) }));
const second = (await client.oauth.authorizationCodeGrantWithPKCE(pkce)).data;
told.user = (await new UserInfoClient({ domain: LIMEN_DOMAIN }).getUserInfo(second.access_token)).data.email;
const renewed = (await client.oauth.refreshTokenGrant({ refresh_token: second.refresh_token })).data;
told.renewed = renewed.access_token !== second.access_token;
const kept = renewed.refresh_token ?? second.refresh_token;
await client.oauth.revokeRefreshToken({ token: kept });
told.revoked = await refused(client.oauth.refreshTokenGrant({ refresh_token: kept }));
const connection = "Username-Password-Authentication";
const { data } = await client.database.signUp({ email: NEWCOMER, password: PASSWORD, connection });
told.signedUp = [data.email, data.email_verified, Boolean(data._id ?? data.id)];
told.reset = (await client.database.changePassword({ email: NEWCOMER, connection })).data;
console.log(JSON.stringify(told));
