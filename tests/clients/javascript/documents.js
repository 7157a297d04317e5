// The gateway of this suite, and one sub-resource of each kind to add to it.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ADDRESS, BACKEND_PORT, CERTIFICATES, SUBSCRIPTION } from "./connection.js";

export const GROUP = "javascript";
export const NAME = "gateway";
export const PORT = 80;

const NETWORK = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.Network`;
export const ID = `${NETWORK}/applicationGateways/${NAME}`;

/** Returns a reference to a sub-resource of the gateway. */
export function reference(collection, name) {
  return { id: `${ID}/${collection}/${name}` };
}

const subnet = (name) => ({ id: `${NETWORK}/virtualNetworks/network/subnets/${name}` });

/** Returns a gateway with a listener at a public address, and a rule that forwards all requests to one backend. */
export function gateway(publicAddressId) {
  return {
    location: "local",
    tags: { "made-by": "javascript" },
    sku: { name: "Standard_v2", tier: "Standard_v2", capacity: 1 },
    gatewayIPConfigurations: [{ name: "subnet", subnet: subnet("gateways") }],
    frontendIPConfigurations: [{ name: "public", publicIPAddress: { id: publicAddressId } }],
    frontendPorts: [{ name: "web", port: PORT }],
    backendAddressPools: [{ name: "echo", backendAddresses: [{ ipAddress: ADDRESS }] }],
    backendHttpSettingsCollection: [{ name: "plain", port: BACKEND_PORT, protocol: "Http" }],
    httpListeners: [
      {
        name: "web",
        protocol: "Http",
        frontendIPConfiguration: reference("frontendIPConfigurations", "public"),
        frontendPort: reference("frontendPorts", "web"),
      },
    ],
    requestRoutingRules: [
      {
        name: "all",
        ruleType: "Basic",
        priority: 100,
        httpListener: reference("httpListeners", "web"),
        backendAddressPool: reference("backendAddressPools", "echo"),
        backendHttpSettings: reference("backendHttpSettingsCollection", "plain"),
      },
    ],
  };
}

const certificate = (file) => readFileSync(join(CERTIFICATES, file)).toString("base64");

const pool = reference("backendAddressPools", "echo");
const settings = reference("backendHttpSettingsCollection", "plain");

/** Returns one sub-resource of each kind, named `added`; each refers only to those before it. */
export const subResources = {
  frontendPorts: { port: 81 },
  backendAddressPools: { backendAddresses: [{ ipAddress: "127.0.0.1" }] },
  probes: { protocol: "Http", host: "probe.test", path: "/", interval: 30, timeout: 5, unhealthyThreshold: 3 },
  backendHttpSettingsCollection: {
    port: 8080,
    protocol: "Http",
    requestTimeout: 10,
    probe: reference("probes", "added"),
  },
  httpListeners: {
    protocol: "Http",
    hostName: "added.test",
    frontendIPConfiguration: reference("frontendIPConfigurations", "public"),
    frontendPort: reference("frontendPorts", "added"),
  },
  requestRoutingRules: {
    ruleType: "Basic",
    priority: 200,
    httpListener: reference("httpListeners", "added"),
    backendAddressPool: reference("backendAddressPools", "added"),
    backendHttpSettings: reference("backendHttpSettingsCollection", "added"),
  },
  frontendIPConfigurations: {
    privateIPAddress: "127.0.0.1",
    privateIPAllocationMethod: "Static",
    subnet: subnet("gateways"),
  },
  sslCertificates: { data: certificate("server.pfx"), password: "secret" },
  trustedRootCertificates: { data: certificate("authority.cer") },
  authenticationCertificates: { data: certificate("authority.cer") },
  trustedClientCertificates: { data: certificate("authority.pem") },
  sslProfiles: { trustedClientCertificates: [reference("trustedClientCertificates", "added")] },
  redirectConfigurations: { redirectType: "Permanent", targetUrl: "https://elsewhere.test/", includePath: true },
  rewriteRuleSets: {
    rewriteRules: [
      {
        name: "header",
        ruleSequence: 100,
        conditions: [{ variable: "http_req_X-Old", pattern: "^yes$" }],
        actionSet: { requestHeaderConfigurations: [{ headerName: "X-New", headerValue: "1" }] },
      },
    ],
  },
  urlPathMaps: {
    defaultBackendAddressPool: pool,
    defaultBackendHttpSettings: settings,
    pathRules: [{ name: "images", paths: ["/images/*"], backendAddressPool: pool, backendHttpSettings: settings }],
  },
  loadDistributionPolicies: {
    loadDistributionAlgorithm: "RoundRobin",
    loadDistributionTargets: [{ name: "half", weightPerServer: 50, backendAddressPool: pool }],
  },
  privateLinkConfigurations: {
    ipConfigurations: [
      { name: "first", primary: true, privateIPAllocationMethod: "Dynamic", subnet: subnet("links") },
    ],
  },
  backendSettingsCollection: { port: 5432, protocol: "Tcp", timeout: 30 },
  listeners: {
    protocol: "Tcp",
    frontendIPConfiguration: reference("frontendIPConfigurations", "public"),
    frontendPort: reference("frontendPorts", "database"),
  },
};
