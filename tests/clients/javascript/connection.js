// How the SDK is pointed at Tidegate: an endpoint and credentials. The file with Tidegate's authority is named by
// NODE_EXTRA_CA_CERTS.

import { NetworkManagementClient } from "@azure/arm-network";
import { ClientSecretCredential } from "@azure/identity";

const environment = process.env;

export const URL = environment.TEST_URL;
export const SUBSCRIPTION = "00000000-0000-0000-0000-000000000000";

// Frontends with a public address bind to this one, and every frontend port is moved up by the offset.
export const ADDRESS = environment.TEST_ADDRESS;
export const PORT_OFFSET = Number(environment.TEST_PORT_OFFSET);
export const BACKEND_PORT = Number(environment.TEST_BACKEND_PORT);

export const CERTIFICATES = environment.TEST_CERTIFICATES;

/** The API client that `tidegate client create` made; its tokens come from Tidegate itself. */
export function credential() {
  const { TEST_TENANT, TEST_CLIENT_ID, TEST_CLIENT_SECRET } = environment;
  const authority = { authorityHost: URL, disableInstanceDiscovery: true };
  return new ClientSecretCredential(TEST_TENANT, TEST_CLIENT_ID, TEST_CLIENT_SECRET, authority);
}

/** The SDK's client, for our endpoint instead of the public one. */
export function connect(credential, options = {}) {
  const scopes = [`${URL}/.default`];
  return new NetworkManagementClient(credential, SUBSCRIPTION, { endpoint: URL, credentials: { scopes }, ...options });
}
