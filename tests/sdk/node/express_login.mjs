// A web application behind express-openid-connect, unmodified, that says where it listens and stays until its input ends.
// By default it signs people in by an ID token that is posted to it; FLOW=code asks for a code and calls userinfo.
import { createServer } from "node:http";
import express from "express";
import oidc from "express-openid-connect";

const { APP_CLIENT_ID, APP_CLIENT_SECRET, AUTH0_LOGOUT, FLOW, LIMEN_ISSUER, PORT } = process.env;
const told = new Map();
const store = {
  get: (key, done) => done(null, told.get(key)),
  set: (key, value, done) => done(null, void told.set(key, value)),
  destroy: (key, done) => done(null, void told.delete(key)),
};
const code = {
  clientSecret: APP_CLIENT_SECRET,
  authorizationParams: { response_type: "code", scope: "openid profile email offline_access" },
};
const app = express();
app.use(
  oidc.auth({
    authRequired: false,
    auth0Logout: AUTH0_LOGOUT === "true",
    idpLogout: true,
    backchannelLogout: { store },
    baseURL: `http://localhost:${PORT}`,
    clientID: APP_CLIENT_ID,
    issuerBaseURL: LIMEN_ISSUER.replace(/\/$/, ""),
    secret: "a long secret of the application's own",
    ...(FLOW === "code" ? code : {}),
  }),
);
app.get("/", (request, response) => response.json({ signedIn: request.oidc.isAuthenticated() }));
app.get("/profile", oidc.requiresAuth(), async (request, response) => {
  const userinfo = FLOW === "code" ? await request.oidc.fetchUserInfo() : null;
  response.json({ user: request.oidc.user, sid: request.oidc.idTokenClaims.sid, userinfo });
});
app.get("/renewed", oidc.requiresAuth(), async (request, response) => {
  const before = request.oidc.accessToken.access_token;
  const after = await request.oidc.accessToken.refresh();
  response.json({ renewed: after.access_token !== before });
});
app.use((error, _request, response, _next) =>
  response.status(error.status ?? 500).json({ message: error.message, cause: String(error.cause ?? ""), error: error.error }),
);
createServer(app).listen(Number(PORT), "127.0.0.1", () => console.log(JSON.stringify({ listening: true })));
process.stdin.resume().on("end", () => process.exit(0));
