// The peer: npm's oidc-provider in memory, one process, client_credentials with JWT access tokens (RFC 8707, RFC 9068).
//
// It is copied beside an oidc-provider that was installed by name, and says `listening` when it takes requests.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const port = Number(process.env.BENCH_PORT);
const issuer = `http://127.0.0.1:${port}`;

const jwk = (kind, options, members) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  ...members,
});

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: process.env.BENCH_CLIENT_ID,
      client_secret: process.env.BENCH_CLIENT_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: {
    keys: [
      jwk('ec', { namedCurve: 'P-256' }, { alg: 'ES256', kid: 'es256' }),
      jwk('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'rs256' }),
    ],
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // An API names its algorithm by its identifier: urn:bench:es256.
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'read:things',
        audience: resource,
        accessTokenTTL: 86400,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: resource.split(':').pop().toUpperCase() } },
      }),
    },
  },
});

provider.listen(port, '127.0.0.1', () => console.log('listening'));
