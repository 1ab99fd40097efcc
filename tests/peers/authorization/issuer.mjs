// An authorization server for one resource: `node issuer.mjs PORT RESOURCE`. It is oidc-provider with what MCP needs:
// dynamic registration, PKCE, resource indicators, refresh tokens that rotate, introspection for the resource. Tokens
// live three seconds. Says on standard output which grant each token came of, and for which scopes.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.ISSUER_HOME}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const [port, resource] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const lifetime = 3;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'resource', client_secret: 'of the resource', token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [], response_types: [], grant_types: [],
  }],
  clientDefaults: { token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'] },
  // The Python SDK registers for the scopes that it needs first, and could never ask for more.
  extraClientMetadata: { properties: ['any_scope'], validator: (_, __, ___, metadata) => { delete metadata.scope; } },
  cookies: { keys: ['a test has no secrets'] },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_, indicator) {
        if (indicator !== resource) throw new Error(`not a resource: ${indicator}`);
        return { scope: 'notes notes:write', audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: lifetime };
      },
      useGrantedResource: () => true,
    },
  },
  scopes: ['notes', 'notes:write', 'offline_access'],
  responseTypes: ['code'],
  pkce: { required: () => true },
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

provider.on('registration_create.success', (_, client) => console.log('registered', client.applicationType));
provider.on('grant.success', ({ oidc, body }) => console.log('granted', oidc.params.grant_type, body.scope));
for (const event of ['grant.error', 'authorization.error', 'registration_create.error', 'server_error', 'introspection.error']) {
  provider.on(event, (_, error) => console.log('failed', event, error.message, error.error_description ?? ''));
}
provider.listen(Number(port), '127.0.0.1');
