// A client whose paths, parameters and bodies the compiler checks against openapi/tidegate.json.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import createClient from "openapi-fetch";

import { GATEWAY } from "./members.ts";
import type { paths } from "./tidegate.d.ts";

const { TEST_URL, TEST_TENANT, TEST_CLIENT_ID, TEST_CLIENT_SECRET } = process.env as Record<string, string>;

const DEADLINE_MS = 20_000;

export const SUBSCRIPTION = "00000000-0000-0000-0000-000000000000";
export const GROUP = "generated-typescript";
export const NAME = "gateway";
export const ID = GATEWAY.replace("{subscriptionId}", SUBSCRIPTION)
  .replace("{resourceGroupName}", GROUP)
  .replace("{applicationGatewayName}", NAME);

export const query = { "api-version": "2025-05-01" };
export const group = { subscriptionId: SUBSCRIPTION, resourceGroupName: GROUP };
export const gateway = { ...group, applicationGatewayName: NAME };

export type Api = ReturnType<typeof connect>;

/** Returns a client with this access token. */
export function connect(token: string) {
  return createClient<paths>({ baseUrl: TEST_URL, headers: { authorization: `Bearer ${token}` } });
}

/** Returns a client with an access token of the API client that `tidegate client create` has created. */
export async function logIn(): Promise<Api> {
  const nobody = createClient<paths>({ baseUrl: TEST_URL });
  const { data } = await nobody.POST("/{tenantId}/oauth2/v2.0/token", {
    params: { path: { tenantId: TEST_TENANT ?? "" } },
    body: {
      grant_type: "client_credentials",
      client_id: TEST_CLIENT_ID,
      client_secret: TEST_CLIENT_SECRET,
    },
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.ok(data, "there is a token");
  return connect(data.access_token);
}

/** Polls the operation that the response has started to its end, and returns its result. */
export async function settled(api: Api, answer: { response: Response; error?: unknown }): Promise<unknown> {
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  const url = answer.response.headers.get("azure-asyncoperation") ?? "";
  const [, location, operationId] = /\/locations\/([^/]+)\/operations\/([^/?]+)/.exec(url) ?? [];
  assert.ok(location && operationId, `an operation is named: ${url}`);
  const params = { path: { subscriptionId: SUBSCRIPTION, location, operationId }, query };
  const operation = `/subscriptions/{subscriptionId}/providers/Microsoft.Network/locations/{location}` as const;
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const { data, response } = await api.GET(`${operation}/operations/{operationId}`, { params });
    assert.ok(data);
    if (data.status !== "InProgress") {
      assert.equal(data.status, "Succeeded", JSON.stringify(data));
      break;
    }
    assert.ok(Date.now() < deadline, "the operation ends in time");
    await sleep(1000 * Number(response.headers.get("retry-after")));
  }
  return (await api.GET(`${operation}/operationResults/{operationId}`, { params })).data;
}
