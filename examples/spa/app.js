// A single-page application with Auth0's own SDK, unmodified: only the domain is another.
const $ = (id) => document.getElementById(id);

async function main() {
  const config = await (await fetch("/config.json")).json();
  const client = await auth0.createAuth0Client({
    domain: config.domain,
    clientId: config.clientId,
    authorizationParams: { redirect_uri: location.origin, audience: config.audience, scope: "openid profile email read:messages" },
    useRefreshTokens: true,
    useRefreshTokensFallback: true, // after a reload there is none in memory: a hidden frame asks
  });
  window.client = client; // for you to play with in the console

  const query = new URLSearchParams(location.search);
  if (query.has("state") && (query.has("code") || query.has("error"))) {
    await client.handleRedirectCallback().catch((error) => ($("who").textContent = error.message));
    history.replaceState({}, "", "/");
  }
  const user = await client.getUser();
  $("who").textContent = user ? `Hello, ${user.name ?? user.email}.` : "Nobody is signed in.";
  $("profile").textContent = JSON.stringify(user, null, 2);
  $("profile").hidden = $("logout").hidden = !user;
  $("call").hidden = !user || !config.api;
  $("login").hidden = Boolean(user);

  $("login").onclick = () => client.loginWithRedirect();
  $("logout").onclick = () => client.logout({ logoutParams: { returnTo: location.origin } });
  $("call").onclick = async () => {
    const token = await client.getTokenSilently();
    const answer = await fetch(config.api, { headers: { authorization: `Bearer ${token}` } });
    $("profile").textContent = await answer.text();
  };
}

main().catch((error) => ($("who").textContent = String(error)));
