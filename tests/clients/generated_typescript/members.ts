// One member of each collection in the generated types; each refers only to members before it. The compiler checks each
// against the description of its collection.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { paths } from "./tidegate.d.ts";

export const GATEWAY =
  "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Network/applicationGateways/{applicationGatewayName}";

/** The names of the collections in the paths of the description. */
export type Collection = {
  [Path in keyof paths]: Path extends `${typeof GATEWAY}/${infer Name}/{name}`
    ? Name extends `${string}/${string}`
      ? never
      : Name
    : never;
}[keyof paths];

/** The body of a PUT of a member of this collection. */
type Member<Name extends Collection> = paths[`${typeof GATEWAY}/${Name}/{name}`] extends {
  put: { requestBody: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

type Members = { [Name in Collection]: Member<Name> };

const certificate = (file: string): string =>
  readFileSync(join(process.env.TEST_CERTIFICATES ?? "", file)).toString("base64");

/** Members of every collection except for layer-4 rules, which are refused. */
export function members(gatewayId: string): Omit<Members, "routingRules"> {
  const to = (collection: Collection, name: string) => ({ id: `${gatewayId}/${collection}/${name}` });
  const [network] = gatewayId.split("/applicationGateways/");
  const subnet = { id: `${network}/virtualNetworks/network/subnets/links` };
  const frontendIPConfiguration = to("frontendIPConfigurations", "public");
  const backendAddressPool = to("backendAddressPools", "echo");
  const backendHttpSettings = to("backendHttpSettingsCollection", "plain");
  return {
    gatewayIPConfigurations: { properties: { subnet } },
    frontendPorts: { properties: { port: 81 } },
    backendAddressPools: { properties: { backendAddresses: [{ ipAddress: "127.0.0.1" }] } },
    probes: { properties: { protocol: "Http", host: "probe.test", path: "/", interval: 30, timeout: 5 } },
    backendHttpSettingsCollection: { properties: { port: 8080, protocol: "Http", probe: to("probes", "added") } },
    httpListeners: {
      properties: {
        protocol: "Http",
        hostName: "added.test",
        frontendIPConfiguration,
        frontendPort: to("frontendPorts", "added"),
      },
    },
    requestRoutingRules: {
      properties: {
        ruleType: "Basic",
        priority: 200,
        httpListener: to("httpListeners", "added"),
        backendAddressPool: to("backendAddressPools", "added"),
        backendHttpSettings: to("backendHttpSettingsCollection", "added"),
      },
    },
    frontendIPConfigurations: {
      properties: { privateIPAddress: "127.0.0.1", privateIPAllocationMethod: "Static", subnet },
    },
    sslCertificates: { properties: { data: certificate("server.pfx"), password: "secret" } },
    trustedRootCertificates: { properties: { data: certificate("authority.cer") } },
    authenticationCertificates: { properties: { data: certificate("authority.cer") } },
    trustedClientCertificates: { properties: { data: certificate("authority.pem") } },
    sslProfiles: { properties: { trustedClientCertificates: [to("trustedClientCertificates", "added")] } },
    redirectConfigurations: { properties: { redirectType: "Found", targetUrl: "https://a.test/" } },
    rewriteRuleSets: {
      properties: {
        rewriteRules: [
          {
            name: "header",
            ruleSequence: 100,
            actionSet: { requestHeaderConfigurations: [{ headerName: "X-New", headerValue: "1" }] },
          },
        ],
      },
    },
    urlPathMaps: {
      properties: {
        defaultBackendAddressPool: backendAddressPool,
        defaultBackendHttpSettings: backendHttpSettings,
        pathRules: [
          { name: "images", properties: { paths: ["/images/*"], backendAddressPool, backendHttpSettings } },
        ],
      },
    },
    loadDistributionPolicies: {
      properties: {
        loadDistributionAlgorithm: "RoundRobin",
        loadDistributionTargets: [{ name: "half", properties: { weightPerServer: 50, backendAddressPool } }],
      },
    },
    privateLinkConfigurations: {
      properties: {
        ipConfigurations: [
          { name: "first", properties: { primary: true, privateIPAllocationMethod: "Dynamic", subnet } },
        ],
      },
    },
    backendSettingsCollection: { properties: { port: 5432, protocol: "Tcp", timeout: 30 } },
    listeners: {
      properties: { protocol: "Tcp", frontendIPConfiguration, frontendPort: to("frontendPorts", "database") },
    },
  };
}
