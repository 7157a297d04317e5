// The life of a gateway with the npm package @azure/arm-network.

import assert from "node:assert/strict";

import { ADDRESS, PORT_OFFSET, connect, credential } from "./connection.js";
import { GROUP, ID, NAME, PORT, gateway, reference, subResources } from "./documents.js";
import * as traffic from "./traffic.js";

const network = connect(credential());
const gateways = network.applicationGateways;
const LISTENING = PORT + PORT_OFFSET;

async function makeWhatTheGatewayLeansOn() {
  const wanted = {
    location: "local",
    addressSpace: { addressPrefixes: ["10.0.0.0/16"] },
    subnets: [
      { name: "gateways", addressPrefix: "10.0.0.0/24" },
      { name: "links", addressPrefix: "10.0.1.0/24" },
    ],
  };
  const made = await network.virtualNetworks.createOrUpdate(GROUP, "network", wanted);
  assert.deepEqual(names(made.subnets), ["gateways", "links"]);

  const address = { location: "local", sku: { name: "Standard" }, publicIPAllocationMethod: "Static" };
  const kept = await network.publicIPAddresses.createOrUpdate(GROUP, "address", address);
  assert.equal(kept.provisioningState, "Succeeded");
}

async function create() {
  const address = await network.publicIPAddresses.get(GROUP, "address");
  const made = await gateways.createOrUpdate(GROUP, NAME, gateway(address.id));
  assert.equal(made.provisioningState, "Succeeded");
  assert.equal(made.operationalState, "Running");
  assert.equal(made.requestRoutingRules[0].provisioningState, "Succeeded");
}

async function getAndList() {
  assert.equal((await gateways.get(GROUP, NAME)).id, ID);
  assert.deepEqual(ids(await Array.fromAsync(gateways.list(GROUP))), [ID]);
  assert.deepEqual(ids(await Array.fromAsync(gateways.listAll())), [ID]);
}

/** Lists more gateways than fit on one page: the SDK follows `nextLink`. */
async function listPageByPage() {
  const others = ["other1", "other2", "other3"];
  const sku = { name: "Standard_v2", tier: "Standard_v2" };
  for (const other of others) await gateways.createOrUpdate(GROUP, other, { location: "local", sku });

  const onePerPage = {
    name: "onePerPage",
    sendRequest(request, next) {
      if (!request.url.includes("$top") && !request.url.includes("%24top")) request.url += "&$top=1";
      return next(request);
    },
  };
  const paging = connect(credential(), { additionalPolicies: [{ policy: onePerPage, position: "perCall" }] });
  for (const listed of [paging.applicationGateways.list(GROUP), paging.applicationGateways.listAll()]) {
    const pages = await Array.fromAsync(listed.byPage());
    assert.deepEqual(names(pages.flat()).sort(), [NAME, ...others].sort());
    assert.ok(pages.length > others.length, `${pages.length} pages`);
  }
  for (const other of others) await gateways.delete(GROUP, other);
}

async function carryTraffic() {
  await traffic.untilStatus(200, ADDRESS, LISTENING);
  await traffic.echo(ADDRESS, LISTENING);
}

async function tag() {
  const tagged = await gateways.updateTags(GROUP, NAME, { tags: { stage: "test" } });
  assert.deepEqual({ ...tagged.tags }, { stage: "test" });
  assert.deepEqual({ ...(await gateways.get(GROUP, NAME)).tags }, { stage: "test" });
}

/** Changes a sub-resource as the SDK does: GET, edit, PUT. */
async function change(edit) {
  const document = await gateways.get(GROUP, NAME);
  edit(document);
  return gateways.createOrUpdate(GROUP, NAME, document);
}

async function addAndRemoveEachKindOfSubResource() {
  await change((document) => document.frontendPorts.push({ name: "database", port: 5432 }));
  for (const [collection, properties] of Object.entries(subResources)) {
    const changed = await change((document) => document[collection].push({ name: "added", ...properties }));
    const added = changed[collection].find((member) => member.name === "added");
    assert.equal(added.id, reference(collection, "added").id);
    assert.ok(added.etag, `${collection} have etags`);
    // A redirect is the one kind that has no state of its own.
    assert.equal(added.provisioningState ?? "Succeeded", "Succeeded");
    console.log(`     ${collection}`);
  }
  for (const collection of Object.keys(subResources).reverse()) {
    const changed = await change((document) => {
      document[collection] = document[collection].filter((member) => member.name !== "added");
    });
    assert.ok(!names(changed[collection]).includes("added"), collection);
  }
  await traffic.echo(ADDRESS, LISTENING);
}

/** Checks that unsupported features are refused with the property's name. */
async function beToldWhatIsNotExecutedYet() {
  const firewall = (document) => {
    document.sku = { name: "WAF_v2", tier: "WAF_v2", capacity: 1 };
    document.webApplicationFirewallConfiguration = {
      enabled: true,
      firewallMode: "Prevention",
      ruleSetType: "OWASP",
      ruleSetVersion: "3.2",
    };
  };
  const expected = { statusCode: 400, code: "ApplicationGatewayProtectionNotEnforced" };
  await assert.rejects(change(firewall), expected);
}

async function seeBackendHealth() {
  const servers = (health) => health.backendAddressPools[0].backendHttpSettingsCollection[0].servers;
  const health = await traffic.until(async () => {
    const health = await gateways.backendHealth(GROUP, NAME);
    assert.equal(servers(health)[0].health, "Up");
    return health;
  });
  assert.equal(servers(health)[0].address, ADDRESS);

  const expanded = await gateways.backendHealth(GROUP, NAME, { expand: "BackendAddressPool,BackendHttpSettings" });
  assert.equal(expanded.backendAddressPools[0].backendAddressPool.backendAddresses[0].ipAddress, ADDRESS);
}

async function probeOnDemand() {
  const probe = {
    protocol: "Http",
    host: "probe.test",
    path: "/",
    timeout: 5,
    backendAddressPool: reference("backendAddressPools", "echo"),
    backendHttpSettings: reference("backendHttpSettingsCollection", "plain"),
  };
  const servers = async (probe) =>
    (await gateways.backendHealthOnDemand(GROUP, NAME, probe)).backendHealthHttpSettings.servers;
  const [up] = await servers(probe);
  assert.deepEqual([up.address, up.health], [ADDRESS, "Up"]);
  const [down] = await servers({ ...probe, match: { statusCodes: ["500-599"] } });
  assert.equal(down.health, "Down");
}

async function stopAndStart() {
  await gateways.stop(GROUP, NAME);
  assert.equal((await gateways.get(GROUP, NAME)).operationalState, "Stopped");
  await traffic.untilStatus(undefined, ADDRESS, LISTENING);
  await gateways.start(GROUP, NAME);
  assert.equal((await gateways.get(GROUP, NAME)).operationalState, "Running");
  await traffic.untilStatus(200, ADDRESS, LISTENING);
  await traffic.echo(ADDRESS, LISTENING);
}

async function askWhatThereIsToChooseFrom() {
  const options = await gateways.listAvailableSslOptions();
  assert.ok(options.availableProtocols.includes("TLSv1_3"));
  const policies = await Array.fromAsync(gateways.listAvailableSslPredefinedPolicies());
  assert.ok(names(policies).includes("AppGwSslPolicy20220101"));
  assert.ok((await gateways.getSslPredefinedPolicy("AppGwSslPolicy20220101")).cipherSuites.length > 0);
  // These three return bare arrays.
  assert.ok(strings(await gateways.listAvailableServerVariables()).includes("client_ip"));
  assert.ok(strings(await gateways.listAvailableRequestHeaders()).includes("Accept"));
  assert.ok(strings(await gateways.listAvailableResponseHeaders()).includes("Location"));
  const ruleSets = (await gateways.listAvailableWafRuleSets()).value;
  assert.ok(ruleSets.some((ruleSet) => ruleSet.name === "OWASP_3.2"));
}

async function goWrong() {
  await assert.rejects(gateways.get(GROUP, "absent"), { statusCode: 404, code: "ResourceNotFound" });

  const dangling = change((document) => {
    document.requestRoutingRules[0].httpListener = reference("httpListeners", "absent");
  });
  await assert.rejects(dangling, { statusCode: 400, code: "InvalidResourceReference" });

  const stale = await gateways.get(GROUP, NAME);
  await change((document) => document.frontendPorts.push({ name: "newer", port: 82 }));
  const late = gateways.createOrUpdate(GROUP, NAME, stale, { requestOptions: { headers: { "if-match": stale.etag } } });
  await assert.rejects(Promise.resolve(late), { statusCode: 412, code: "PreconditionFailed" });

  const inUse = network.publicIPAddresses.delete(GROUP, "address");
  await assert.rejects(Promise.resolve(inUse), { statusCode: 400, code: "PublicIPAddressCannotBeDeleted" });

  const forged = { getToken: async () => ({ token: "forged", expiresOnTimestamp: Date.now() + 3_600_000 }) };
  await assert.rejects(connect(forged).applicationGateways.get(GROUP, NAME), { statusCode: 401 });
}

async function remove() {
  await gateways.delete(GROUP, NAME);
  await assert.rejects(gateways.get(GROUP, NAME), { statusCode: 404 });
  assert.equal(await traffic.status(ADDRESS, LISTENING), undefined);
  // Repeated, like a retry.
  await gateways.delete(GROUP, NAME);
  await network.publicIPAddresses.delete(GROUP, "address");
  await network.virtualNetworks.delete(GROUP, "network");
}

const names = (list) => list.map(({ name }) => name);
const ids = (list) => list.map(({ id }) => id);
const strings = (answer) => (Array.isArray(answer) ? answer : (answer.body ?? answer.value));

const STEPS = [
  makeWhatTheGatewayLeansOn,
  create,
  getAndList,
  listPageByPage,
  carryTraffic,
  tag,
  addAndRemoveEachKindOfSubResource,
  beToldWhatIsNotExecutedYet,
  seeBackendHealth,
  probeOnDemand,
  stopAndStart,
  askWhatThereIsToChooseFrom,
  goWrong,
  remove,
];

for (const step of STEPS) {
  const begin = performance.now();
  await step();
  const words = step.name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  console.log(`   ${words} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
}
