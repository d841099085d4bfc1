// An unmodified node-auth0 keeps the users of a tenant.
import { ManagementClient } from "auth0";

const { LIMEN_DOMAIN, LIMEN_MANAGEMENT_CLIENT_ID, LIMEN_MANAGEMENT_CLIENT_SECRET, PASSWORD } = process.env;
const management = new ManagementClient({
  domain: LIMEN_DOMAIN,
  clientId: LIMEN_MANAGEMENT_CLIENT_ID,
  clientSecret: LIMEN_MANAGEMENT_CLIENT_SECRET,
});
const told = {};
const connection = "Username-Password-Authentication";
const once = { maxRetries: 0 };
const user = await management.users.create({ connection, email: "node.user@example.com", password: PASSWORD, name: "Node" });
told.made = [user.email, user.name, user.email_verified, user.user_id.startsWith("auth0|"), user.identities[0].connection];
await management.users.update(user.user_id, { user_metadata: { colour: "green" }, nickname: "knot" });
const read = await management.users.get(user.user_id);
told.read = [read.nickname, read.user_metadata.colour];
told.byEmail = (await management.users.listUsersByEmail({ email: "node.user@example.com" })).map((each) => each.user_id === user.user_id);
const found = [];
for await (const each of await management.users.list({ q: 'email:"node.user@example.com"', search_engine: "v3" })) found.push(each.user_id);
told.found = found.length === 1 && found[0] === user.user_id;
const connections = [];
for await (const each of await management.connections.list({ strategy: ["auth0"] })) connections.push(each.name);
told.connections = connections;
const sessions = [];
for await (const each of await management.users.sessions.list(user.user_id)) sessions.push(each.id);
told.sessions = sessions;
told.ticket = new URL((await management.tickets.changePassword({ user_id: user.user_id })).ticket).pathname;
told.verification = new URL((await management.tickets.verifyEmail({ user_id: user.user_id })).ticket).pathname;
told.twice = await management.users
  .create({ connection, email: "node.user@example.com", password: PASSWORD }, once)
  .catch((error) => [error.statusCode, error.body?.errorCode ?? null]);
await management.users.delete(user.user_id);
told.gone = await management.users.get(user.user_id, {}, once).catch((error) => [error.statusCode, error.body?.errorCode]);
console.log(JSON.stringify(told));
