// Configures the SDK for Tidegate: an endpoint and credentials. NODE_EXTRA_CA_CERTS names the file with Tidegate's
// certificate authority.

import { NetworkManagementClient } from "@azure/arm-network";
import { ClientSecretCredential } from "@azure/identity";

const environment = process.env;

export const URL = environment.TEST_URL;
export const SUBSCRIPTION = "00000000-0000-0000-0000-000000000000";

// Public frontends listen at this address, and the offset is added to every frontend port.
export const ADDRESS = environment.TEST_ADDRESS;
export const PORT_OFFSET = Number(environment.TEST_PORT_OFFSET);
export const BACKEND_PORT = Number(environment.TEST_BACKEND_PORT);

export const CERTIFICATES = environment.TEST_CERTIFICATES;

/** The credentials of the API client that `tidegate client create` has created; Tidegate issues its tokens. */
export function credential() {
  const { TEST_TENANT, TEST_CLIENT_ID, TEST_CLIENT_SECRET } = environment;
  const authority = { authorityHost: URL, disableInstanceDiscovery: true };
  return new ClientSecretCredential(TEST_TENANT, TEST_CLIENT_ID, TEST_CLIENT_SECRET, authority);
}

/** Returns the SDK's client for Tidegate's endpoint. */
export function connect(credential, options = {}) {
  const scopes = [`${URL}/.default`];
  return new NetworkManagementClient(credential, SUBSCRIPTION, { endpoint: URL, credentials: { scopes }, ...options });
}
