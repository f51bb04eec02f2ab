// A certified OpenID provider for the tests: node provider.mjs CERTIFICATE REDIRECT_URI...
// Whoever gives a name logs in; the groups are what stands behind a plus in it, as in anna+dr-operators.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Provider } from 'oidc-provider';

const [certificate, ...redirects] = process.argv.slice(2);
const pem = readFileSync(certificate);
const server = createServer({ cert: pem, key: pem });
server.listen(0, '127.0.0.1', () => {
  const issuer = `https://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'secondsite', client_secret: 'only for: tests&co', redirect_uris: redirects, grant_types: ['authorization_code'], response_types: ['code'] }],
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'groups'],
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id.split('+')[0], groups: id.split('+').slice(1) }) }),
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['only-for-tests'] },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
