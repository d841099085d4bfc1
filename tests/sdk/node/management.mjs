// An unmodified node-auth0 configures a tenant: clients, APIs, grants, keys, settings; page after page; and what is refused.
import { ManagementClient } from "auth0";

const { LIMEN_DOMAIN, LIMEN_MANAGEMENT_CLIENT_ID, LIMEN_MANAGEMENT_CLIENT_SECRET } = process.env;
const management = new ManagementClient({
  domain: LIMEN_DOMAIN,
  clientId: LIMEN_MANAGEMENT_CLIENT_ID,
  clientSecret: LIMEN_MANAGEMENT_CLIENT_SECRET,
});
const told = {};

const api = await management.resourceServers.create({
  identifier: "urn:node:api",
  name: "Node",
  scopes: [{ value: "read:node" }, { value: "write:node" }],
});
const client = await management.clients.create({ name: "Node", app_type: "non_interactive" });
const grant = await management.clientGrants.create({
  client_id: client.client_id,
  audience: api.identifier,
  scope: ["read:node"],
});
told.created = [api.id, client.client_id, client.client_secret, grant.id];

await management.clients.update(client.client_id, { description: "changed" });
await management.clientGrants.update(grant.id, { scope: ["read:node", "write:node"] });
await management.resourceServers.update(api.id, { token_lifetime: 1234 });
told.changed = [
  (await management.clients.get(client.client_id)).description,
  (await management.clientGrants.get(grant.id)).scope,
  (await management.resourceServers.get(api.id)).token_lifetime,
];

const made = [];
for (let number = 0; number < 5; number++) made.push((await management.clients.create({ name: `Page ${number}` })).client_id);
const seen = [];
for await (const each of await management.clients.list({ per_page: 2 })) seen.push(each.client_id);
const granted = [];
for await (const each of await management.clientGrants.list({ take: 1 })) granted.push(each.id);
told.pages = [made.every((id) => seen.includes(id)), seen.length === new Set(seen).size, granted.includes(grant.id)];

const keys = await management.keys.signing.list();
told.keys = [keys.some((key) => key.current), keys.some((key) => key.next)];
told.settings = (await management.tenants.settings.update({ friendly_name: "Node" })).friendly_name;
told.rotated = (await management.clients.rotateSecret(client.client_id)).client_secret !== client.client_secret;

const refused = async (work) => {
  try {
    await work();
    return null;
  } catch (error) {
    return [error.statusCode, error.body?.errorCode];
  }
};
const once = { maxRetries: 0 };
told.refused = [
  await refused(() => management.clients.get("nobody", {}, once)),
  await refused(() => management.resourceServers.create({ identifier: "urn:node:api" }, once)),
  await refused(() => management.clients.create({ name: "x", unknown: 1 }, once)),
];

await management.clientGrants.delete(grant.id);
await management.resourceServers.delete(api.id);
for (const id of [client.client_id, ...made]) await management.clients.delete(id);
told.gone = await refused(() => management.clients.get(client.client_id, {}, once));
console.log(JSON.stringify(told));
