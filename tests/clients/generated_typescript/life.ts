// The life of a gateway with types that were generated from openapi/tidegate.json. Sub-resources are created and deleted
// at their own URLs, an extension that only the generated clients support.

import assert from "node:assert/strict";

import { ID, connect, gateway, group, logIn, query, settled } from "./client.ts";
import { GATEWAY, members } from "./members.ts";
import type { Collection } from "./members.ts";
import type { components } from "./tidegate.d.ts";
import * as traffic from "./traffic.js";

type Gateway = components["schemas"]["ApplicationGateway"];

const { TEST_ADDRESS: ADDRESS = "", TEST_PORT_OFFSET, TEST_BACKEND_PORT } = process.env;
const PORT = 80;
const LISTENING = PORT + Number(TEST_PORT_OFFSET);

const api = await logIn();
const params = { path: gateway, query };

const to = (collection: Collection, name: string) => ({ id: `${ID}/${collection}/${name}` });

/** Returns a gateway with a listener at a public address, and a rule that forwards all requests to one backend. */
function wanted(): Gateway {
  const publicIPAddress = { id: `${ID.split("/applicationGateways/")[0]}/publicIPAddresses/address` };
  const listener = {
    protocol: "Http",
    frontendIPConfiguration: to("frontendIPConfigurations", "public"),
    frontendPort: to("frontendPorts", "web"),
  } as const;
  const rule = {
    ruleType: "Basic",
    priority: 100,
    httpListener: to("httpListeners", "web"),
    backendAddressPool: to("backendAddressPools", "echo"),
    backendHttpSettings: to("backendHttpSettingsCollection", "plain"),
  } as const;
  return {
    location: "local",
    properties: {
      sku: { name: "Standard_v2", tier: "Standard_v2", capacity: 1 },
      frontendIPConfigurations: [{ name: "public", properties: { publicIPAddress } }],
      frontendPorts: [
        { name: "web", properties: { port: PORT } },
        { name: "database", properties: { port: 5432 } },
      ],
      backendAddressPools: [{ name: "echo", properties: { backendAddresses: [{ ipAddress: ADDRESS }] } }],
      backendHttpSettingsCollection: [
        { name: "plain", properties: { port: Number(TEST_BACKEND_PORT), protocol: "Http" } },
      ],
      httpListeners: [{ name: "web", properties: listener }],
      requestRoutingRules: [{ name: "all", properties: rule }],
    },
  };
}

async function create() {
  const answer = await api.PUT(GATEWAY, { params, body: wanted() });
  assert.equal(answer.response.status, 201);
  await settled(api, answer);
  const { data } = await api.GET(GATEWAY, { params });
  assert.equal(data?.properties?.provisioningState, "Succeeded");
  assert.equal(data?.properties?.operationalState, "Running");
}

async function listAll() {
  const inGroup = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}" as const;
  const { data } = await api.GET(`${inGroup}/providers/Microsoft.Network/applicationGateways`, {
    params: { path: group, query: { ...query, $top: "1" } },
  });
  assert.deepEqual(data?.value.map(({ id }) => id), [ID]);
}

async function carryTraffic() {
  await traffic.untilStatus(200, ADDRESS, LISTENING);
  await traffic.echo(ADDRESS, LISTENING);
}

async function tag() {
  const { data } = await api.PATCH(GATEWAY, { params, body: { tags: { stage: "test" } } });
  assert.deepEqual(data?.tags, { stage: "test" });
}

async function addAndRemoveAMemberOfEachCollection() {
  const named = { params: { path: { ...gateway, name: "added" }, query } };
  const made = members(ID);
  const collections = Object.keys(made) as (keyof typeof made)[];
  for (const collection of collections) {
    const path = `${GATEWAY}/${collection}/{name}` as const;
    // The compiler has checked the body at its definition; here it no longer knows its type.
    await settled(api, await api.PUT(path, { ...named, body: made[collection] as never }));
    const { data } = await api.GET(path, named);
    assert.equal(data?.id, to(collection, "added").id);
    console.log(`     ${collection}`);
  }
  for (const collection of collections.reverse()) {
    const path = `${GATEWAY}/${collection}/{name}` as const;
    await settled(api, await api.DELETE(path, named));
    assert.equal((await api.GET(path, named)).response.status, 404);
  }
  await traffic.echo(ADDRESS, LISTENING);
}

async function keepAPolicyBesideTheGateway() {
  const path = `${GATEWAY}/providers/Tidegate.Network/tunnelPolicies/{policyName}` as const;
  const own = { params: { path: { ...gateway, policyName: "default" }, query: { "api-version": "2026-12-01" } } };
  const body = { properties: { onMemberDown: { action: "keep" }, closeFrame: { code: 1012 } } } as const;
  const written = await api.PUT(path, { ...own, body });
  await settled(api, written);
  await settled(api, await api.PUT(GATEWAY, { params, body: wanted() }));
  const { data } = await api.GET(path, own);
  assert.equal(data?.etag, written.data?.etag);
  assert.equal(data?.properties?.onMemberDown?.action, "keep");
  await settled(api, await api.DELETE(path, own));
  assert.equal((await api.GET(path, own)).response.status, 404);
}

async function seeBackendHealth() {
  type Health = components["schemas"]["BackendHealth"];
  await traffic.until(async () => {
    const health = (await settled(api, await api.POST(`${GATEWAY}/backendhealth`, { params }))) as Health;
    const server = health.backendAddressPools?.[0]?.backendHttpSettingsCollection?.[0]?.servers?.[0];
    assert.equal(server?.address, ADDRESS);
    assert.equal(server?.health, "Up");
  });

  type OnDemand = components["schemas"]["BackendHealthOnDemand"];
  const body = {
    protocol: "Http",
    host: "probe.test",
    path: "/",
    timeout: 5,
    backendAddressPool: to("backendAddressPools", "echo"),
    backendHttpSettings: to("backendHttpSettingsCollection", "plain"),
  } as const;
  const asked = await api.POST(`${GATEWAY}/getBackendHealthOnDemand`, { params, body });
  const health = (await settled(api, asked)) as OnDemand;
  assert.equal(health.backendHealthHttpSettings?.servers?.[0]?.health, "Up");
}

async function stopAndStart() {
  await settled(api, await api.POST(`${GATEWAY}/stop`, { params }));
  await traffic.untilStatus(undefined, ADDRESS, LISTENING);
  await settled(api, await api.POST(`${GATEWAY}/start`, { params }));
  await carryTraffic();
}

async function goWrong() {
  const absent = { path: { ...gateway, applicationGatewayName: "absent" }, query };
  refused(await api.GET(GATEWAY, { params: absent }), 404, "ResourceNotFound");

  const dangling = wanted();
  dangling.properties!.requestRoutingRules![0]!.properties!.httpListener = to("httpListeners", "absent");
  refused(await api.PUT(GATEWAY, { params, body: dangling }), 400, "InvalidResourceReference");

  const stale = { ...params, header: { "If-Match": '"stale"' } };
  refused(await api.PUT(GATEWAY, { params: stale, body: wanted() }), 412, "PreconditionFailed");

  assert.equal((await connect("forged").GET(GATEWAY, { params })).response.status, 401);
}

function refused(answer: { response: Response; error?: unknown }, status: number, code: string) {
  assert.equal(answer.response.status, status);
  assert.equal((answer.error as components["schemas"]["ErrorResponse"]).error.code, code);
}

async function remove() {
  await settled(api, await api.DELETE(GATEWAY, { params }));
  assert.equal((await api.GET(GATEWAY, { params })).response.status, 404);
  assert.equal(await traffic.status(ADDRESS, LISTENING), undefined);
  assert.equal((await api.DELETE(GATEWAY, { params })).response.status, 204);
}

const STEPS = [
  create,
  listAll,
  carryTraffic,
  tag,
  addAndRemoveAMemberOfEachCollection,
  keepAPolicyBesideTheGateway,
  seeBackendHealth,
  stopAndStart,
  goWrong,
  remove,
];

for (const step of STEPS) {
  const begin = performance.now();
  await step();
  const words = step.name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  console.log(`   ${words} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
}
