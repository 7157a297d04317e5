//! Every code that a violation may bear, in one place.
//!
//! The names are those of the official service where one is known, its spelling mistake included. The last section
//! holds those for which no official code was ever published.

use crate::violation::code_list::codes;

pub mod template;

codes! { CODES;
/// A value of the wrong JSON type or outside its enumeration, or a property given twice.
pub const INVALID_JSON: &str = "InvalidJson";
/// A reference that is no resource ID of the expected type.
pub const INVALID_REFERENCE_FORMAT: &str = "InvalidJsonReferenceFormat";
/// A reference to a resource outside of the gateway by an ID without a canonical form.
pub const LINKED_ID: &str = "LinkedInvalidPropertyId";
/// A reference to something that is not there.
pub const INVALID_REFERENCE: &str = "InvalidResourceReference";
/// A body that has values of the wrong form; the details say which. Only ever the code of an answer as a whole.
pub const INVALID_FORMAT: &str = "InvalidRequestFormat";
/// A gateway without location.
pub const LOCATION_REQUIRED: &str = "LocationRequired";
/// A location other than that of the gateway that is there. The only violation that is a conflict.
pub const LOCATION_CHANGED: &str = "InvalidResourceLocation";
/// A name that breaks the naming rule, is missing, or contradicts the URL.
pub const INVALID_NAME: &str = "InvalidResourceName";
/// Two members of a collection with the same name.
pub const DUPLICATE_NAME: &str = "DuplicateResourceName";
/// A range of addresses that is none.
pub const ADDRESS_PREFIX_FORMAT: &str = "InvalidAddressPrefixFormat";
/// A range of addresses that does not begin where its length says.
pub const CIDR_NOTATION: &str = "InvalidCIDRNotation";
/// A subnet that is not in its virtual network.
pub const SUBNET_OUTSIDE: &str = "NetcfgSubnetRangeOutsideVnet";
/// Subnets that overlap.
pub const SUBNETS_OVERLAP: &str = "NetcfgSubnetRangesOverlap";
/// A public IP address of SKU `Standard` that is allocated dynamically.
pub const STANDARD_MUST_BE_STATIC: &str = "StandardSkuPublicIPAddressesMustBeStatic";
/// A gateway IP configuration without a subnet.
pub const SUBNET_IS_REQUIRED: &str = "SubnetIsRequired";

/// A frontend port outside 1–65199.
pub const FRONTEND_PORT: &str = "ApplicationGatewayFrontendPortInvalidPortNumber";
/// A backend port outside 1–65535.
pub const SETTINGS_PORT: &str = "ApplicationGatewayBackendHttpSettingsPortIsInvalid";
/// A drain timeout outside 1–3600 s.
pub const DRAIN_TIMEOUT: &str = "ApplicationGatewayConnectionDrainingTimeoutInvalid";
/// A listener without frontend address or port.
pub const LISTENER_MUST_REFERENCE: &str = "ApplicationGatewayHttpListenerMustReference";
/// A rule without listener, pool or settings.
pub const RULE_MUST_REFERENCE: &str = "ApplicationGatewayRequestRoutingRuleMustReference";
/// A frontend that is neither public nor private.
pub const FRONTEND_NEEDS_ADDRESS: &str =
    "ApplicationGatewayFrontendIpBothPublicIpAddressAndSubnetCannotBeNull";
/// A statically allocated frontend without an address.
pub const FRONTEND_ALLOCATION: &str = "ApplicationGatewayFrontendIpPrivateIpAddressInvalidAllocationType";
/// A second frontend of one kind.
pub const ONE_FRONTEND_PER_KIND: &str = "ApplicationGatewayCannotHaveMoreThanOneIpV4FrontendIPConfiguration";
/// A public IP address of a kind that the gateway cannot have.
pub const PUBLIC_IP_SKU: &str = "ApplicationGatewayInvalidPublicIpSku";
/// A rule without priority, from api-version 2021-08-01 on.
pub const PRIORITY_REQUIRED: &str = "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty";
/// Rules with and without priority in one body, before 2021-08-01.
pub const PRIORITY_PARTIAL: &str = "ApplicationGatewayRequestRoutingRulePartialPriorityDefined";
/// Two rules on one listener.
pub const RULES_SHARE_LISTENER: &str = "ApplicationGatewayRequestRoutingRulesUsingSameHttpListener";
/// Two listeners that differ in nothing that tells their requests apart.
pub const LISTENERS_CLASH: &str = "ApplicationGatewayHttpListenersUsingSameFrontendPort";
/// An HTTPS listener without certificate.
pub const LISTENER_NEEDS_CERTIFICATE: &str = "ApplicationGatewayHttpsListenerMustReferenceSslCert";
/// A probe and settings of different protocols. (The official code is spelt so.)
pub const PROBE_PROTOCOL: &str = "ApplicationGatewayProbeProtocolMustMatchBackendHttpSettinsProtocol";
/// A probe that has no host and is not told where to find one.
pub const PROBE_HOST_IS_NULL: &str = "ApplicationGatewayProbeHostIsNull";
/// An SSL policy without type.
pub const SSL_POLICY_TYPE: &str = "ApplicationGatewaySslPolicyPropertyPolicyTypeRequired";
/// A predefined SSL policy with properties of a custom one.
pub const SSL_POLICY_PROPERTY: &str = "ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType";
/// An SSL policy that allows what the official service has ended.
pub const SSL_POLICY_DEPRECATED: &str = "ApplicationGatewayDeprecatedTlsVersionUsedInSslPolicy";
/// SSL policies of both generations in one gateway.
pub const SSL_POLICY_MISMATCH: &str = "ApplicationGatewaySslPolicyMisMatch";
/// A path rule for `/`, which would match nothing.
pub const PATH_EMPTY: &str = "ApplicationGatewayPathRulePathShouldHaveNonEmptyMatchValue";
/// One path in two rules of a path map.
pub const PATHS_NOT_UNIQUE: &str = "ApplicationGatewayPathsWithinUrlPathMapMustBeUnique";
/// A path map that does not say what becomes of all other paths.
pub const PATH_MAP_DEFAULT: &str = "ApplicationGatewayUrlPathMapMustSpecifyDefaultBackendHttpSettings";
/// A rewrite rule that changes nothing.
pub const REWRITE_ACTION_SET: &str =
    "ApplicationGatewayRewriteRuleSetActionSetInRewriteRuleCannotBeEmpty";
/// A client certificate authority without data.
pub const CLIENT_AUTHORITY_DATA: &str = "ApplicationGatewayTrustedClientCertificateMustSpecifyData";
/// A client certificate authority with a private key, which has no place there.
pub const CLIENT_AUTHORITY_KEY: &str = "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey";
/// Client certificate authority data that cannot be used.
pub const CLIENT_AUTHORITY_INVALID: &str = "ApplicationGatewayTrustedClientCertificateInvalidData";
/// A client certificate authority that is none.
pub const CLIENT_AUTHORITY_LEAF: &str =
    "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate";
/// A chain of client certificate authorities with no root or with several.
pub const CLIENT_AUTHORITY_ROOTS: &str = "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate";
/// Something that the tier of the gateway leaves out.
pub const FEATURE_OF_SKU: &str = "ApplicationGatewayFeatureCannotBeEnabledForSelectedSku";
/// Private link together with layer 4.
pub const NETWORK_ISOLATION: &str = "ApplicationGatewayNetworkIsolationNotSupportedWithFeature";
/// A certificate without data, now and before.
pub const CERTIFICATE_DATA: &str = "ApplicationGatewayCertificateDataOrKeyVaultSecretIdMustBeSpecified";
/// Certificate data that cannot be used.
pub const CERTIFICATE_INVALID: &str = "ApplicationGatewaySslCertificateInvalidData";
/// A password that does not open its PFX.
pub const CERTIFICATE_PASSWORD: &str = "ApplicationGatewaySslCertificatePasswordIncorrect";
}

/// More members of a collection than allowed, by collection.
pub mod limit {
    use crate::violation::code_list::codes;

    codes! { CODES;
    /// Of `sslCertificates`.
    pub const SSL_CERTIFICATES: &str = "ApplicationGatewaySslCertificateLimitReached";
    /// Of `trustedRootCertificates`.
    pub const TRUSTED_ROOTS: &str = "ApplicationGatewayTrustedRootCertificateLimitReached";
    /// Of `frontendIPConfigurations`.
    pub const FRONTENDS: &str = "ApplicationGatewayFrontendIpConfigurationLimitReached";
    /// Of `frontendPorts`.
    pub const FRONTEND_PORTS: &str = "ApplicationGatewayFrontendPortLimitReached";
    /// Of `probes`.
    pub const PROBES: &str = "ApplicationGatewayProbeLimitReached";
    /// Of `backendAddressPools`.
    pub const POOLS: &str = "ApplicationGatewayBackendAddressPoolLimitReached";
    /// Of `backendHttpSettingsCollection`.
    pub const SETTINGS: &str = "ApplicationGatewayBackendHttpSettingsLimitReached";
    /// Of `httpListeners`.
    pub const LISTENERS: &str = "ApplicationGatewayHttpListenerLimitReached";
    /// Of `requestRoutingRules`.
    pub const RULES: &str = "ApplicationGatewayRequestRoutingRuleLimitReached";
    /// Of `gatewayIPConfigurations`.
    pub const GATEWAY_IPS: &str = "ApplicationGatewayIPConfigurationLimitReached";
    /// Of `trustedClientCertificates`.
    pub const TRUSTED_CLIENTS: &str = "ApplicationGatewayTrustedClientCertificateLimitReached";
    /// Of `authenticationCertificates`.
    pub const AUTHENTICATION: &str = "ApplicationGatewayAuthenticationCertificateLimitReached";
    /// Of `backendSettingsCollection`.
    pub const TRANSPORT_SETTINGS: &str = "ApplicationGatewayBackendSettingsLimitReached";
    /// Of `sslProfiles`.
    pub const SSL_PROFILES: &str = "ApplicationGatewaySslProfileLimitReached";
    /// Of `listeners`.
    pub const TRANSPORT_LISTENERS: &str = "ApplicationGatewayListenerLimitReached";
    /// Of `urlPathMaps`.
    pub const PATH_MAPS: &str = "ApplicationGatewayUrlPathMapLimitReached";
    /// Of `routingRules`.
    pub const TRANSPORT_RULES: &str = "ApplicationGatewayRoutingRuleLimitReached";
    /// Of `rewriteRuleSets`.
    pub const REWRITE_SETS: &str = "ApplicationGatewayRewriteRuleSetLimitReached";
    /// Of `redirectConfigurations`.
    pub const REDIRECTS: &str = "ApplicationGatewayRedirectConfigurationLimitReached";
    /// Of `privateLinkConfigurations`.
    pub const PRIVATE_LINKS: &str = "ApplicationGatewayPrivateLinkConfigurationLimitReached";
    /// Of `loadDistributionPolicies`.
    pub const LOAD_DISTRIBUTION: &str = "ApplicationGatewayLoadDistributionPolicyLimitReached";
    /// Of the addresses of one pool.
    pub const POOL_ADDRESSES: &str = "ApplicationGatewayBackendAddressLimitReached";
    /// Of the certificates in one trusted root certificate.
    pub const BUNDLE: &str = "ApplicationGatewayTrustedRootCertificateBundleLimitReached";
    /// Of the backends that the rules of a gateway lead to.
    pub const BACKENDS: &str = "ApplicationGatewayBackendLimitReached";
    /// Of the authorities that the settings of a gateway trust.
    pub const TRUST: &str = "ApplicationGatewayTrustedAuthorityLimitReached";
    /// Of the bytes that a gateway comes to.
    pub const SIZE: &str = "ApplicationGatewayConfigurationSizeLimitReached";
    /// Of the addresses of one private link configuration.
    pub const PRIVATE_LINK_ADDRESSES: &str = "ApplicationGatewayPrivateLinkIpConfigurationLimitReached";
    /// Of the trusted client certificates of one SSL profile.
    pub const PROFILE_AUTHORITIES: &str = "ApplicationGatewaySslProfileTrustedClientCertificateLimitReached";
    /// Of the conditions of one rewrite rule set.
    pub const REWRITE_CONDITIONS: &str = "ApplicationGatewayRewriteRuleConditionLimitReached";
    /// Of the bytes that the different patterns in all rewrite rule sets come to.
    pub const REWRITE_PATTERNS: &str = "ApplicationGatewayRewriteRulePatternLimitReached";
    /// Of the changes of one rewrite rule set.
    pub const REWRITE_ACTIONS: &str = "ApplicationGatewayRewriteRuleActionLimitReached";
    /// Of the rules of one path map.
    pub const PATH_RULES: &str = "ApplicationGatewayPathRuleLimitReached";
    /// Of the error pages of a gateway.
    pub const ERROR_PAGES: &str = "ApplicationGatewayCustomErrorPageLimitReached";
    /// Of the host names of one listener.
    pub const HOST_NAMES: &str = "ApplicationGatewayHttpListenerHostNameLimitReached";
    }
}

codes! { OWN_CODES;
/// A virtual network or a subnet without a range of addresses.
pub const ADDRESS_PREFIX_REQUIRED: &str = "AddressPrefixRequired";
/// Two frontends of a gateway with one address.
pub const FRONTENDS_CLASH: &str = "ApplicationGatewayFrontendIpConfigurationsUsingSameAddress";
/// Something that is part of the official service and that no worker executes yet.
pub const NOT_SUPPORTED: &str = "ApplicationGatewayFeatureNotSupported";
/// A number outside its range, where the service has no code of its own for it.
pub const OUT_OF_RANGE: &str = "ApplicationGatewayPropertyValueOutOfRange";
/// An autoscale configuration without lower bound, or with one above the upper.
pub const AUTOSCALE: &str = "ApplicationGatewayAutoscaleConfigurationInvalid";
/// A predefined SSL policy without name.
pub const SSL_POLICY_NAME: &str = "ApplicationGatewaySslPolicyPropertyPolicyNameRequired";
/// A custom SSL policy without a lowest version, or with one that its type does not know.
pub const SSL_POLICY_VERSION: &str = "ApplicationGatewaySslPolicyPropertyMinProtocolVersionInvalid";
/// A custom SSL policy without suites, or without any of those that it needs.
pub const SSL_POLICY_SUITES: &str = "ApplicationGatewaySslPolicyPropertyCipherSuitesInvalid";
/// A profile that has clients' certificates checked, and nothing to check them against.
pub const CLIENT_AUTHORITY_REQUIRED: &str = "ApplicationGatewaySslProfileTrustedClientCertificateRequired";
/// An OCSP response that cannot be used.
pub const OCSP_RESPONSE: &str = "ApplicationGatewaySslCertificateOcspResponseInvalid";
/// Authentication certificate data that cannot be used.
pub const AUTHENTICATION_INVALID: &str = "ApplicationGatewayAuthenticationCertificateInvalidData";
/// A path rule without paths, a path map without path rules, or a path of the wrong form.
pub const PATH_INVALID: &str = "ApplicationGatewayPathRulePathInvalid";
/// A path rule that leads nowhere.
pub const PATH_RULE_TARGET: &str = "ApplicationGatewayPathRuleMustReference";
/// A redirect without type.
pub const REDIRECT_TYPE: &str = "ApplicationGatewayRedirectConfigurationTypeRequired";
/// A redirect without a target, or to something that no client can be sent to.
pub const REDIRECT_TARGET: &str = "ApplicationGatewayRedirectConfigurationTargetInvalid";
/// A variable of a rewrite rule that there is not.
pub const REWRITE_VARIABLE: &str = "ApplicationGatewayRewriteRuleVariableInvalid";
/// An expression of a rewrite rule that cannot be read.
pub const REWRITE_PATTERN: &str = "ApplicationGatewayRewriteRulePatternInvalid";
/// A header that cannot be rewritten in this way.
pub const REWRITE_HEADER: &str = "ApplicationGatewayRewriteRuleHeaderInvalid";
/// A rewrite that asks for the way anew where there is none to ask for, or again and again.
pub const REWRITE_URL: &str = "ApplicationGatewayRewriteRuleUrlInvalid";
/// A name that no cookie can have, or that of the second cookie of other settings.
pub const AFFINITY_COOKIE_NAME: &str = "ApplicationGatewayBackendHttpSettingsAffinityCookieNameInvalid";
/// A load distribution policy without targets, or a target without pool.
pub const LOAD_DISTRIBUTION_TARGET: &str = "ApplicationGatewayLoadDistributionPolicyTargetInvalid";
/// A private link configuration with more than one primary address.
pub const PRIVATE_LINK_PRIMARY: &str = "ApplicationGatewayPrivateLinkConfigurationPrimaryInvalid";
/// A layer-4 listener without frontend address or port.
pub const TRANSPORT_LISTENER_MUST_REFERENCE: &str = "ApplicationGatewayListenerMustReference";
/// A layer-4 rule without listener, pool or settings.
pub const TRANSPORT_RULE_MUST_REFERENCE: &str = "ApplicationGatewayRoutingRuleMustReference";
/// A layer-4 rule of a type that looks into requests.
pub const TRANSPORT_RULE_TYPE: &str = "ApplicationGatewayRoutingRuleTypeInvalid";
/// A backend port of layer 4 outside 1–65535.
pub const TRANSPORT_PORT: &str = "ApplicationGatewayBackendSettingsPortIsInvalid";
/// Something that TLS knows, with plain TCP.
pub const TRANSPORT_TLS_ONLY: &str = "ApplicationGatewayPropertyNotSupportedForTcp";
/// Zones other than those of the gateway that is there.
pub const ZONES_CHANGED: &str = "ApplicationGatewayZonesCannotBeChanged";
/// Two properties of which only one may be given.
pub const EXCLUSIVE: &str = "ApplicationGatewayPropertiesMutuallyExclusive";
/// A priority that two rules share.
pub const PRIORITY_NOT_UNIQUE: &str = "ApplicationGatewayRequestRoutingRulePriorityMustBeUnique";
/// A listener of which nobody may speak the PROXY protocol that it asks for, or more than may be named.
pub const PROXY_PROTOCOL_SOURCES: &str = "ApplicationGatewayHttpListenerProxyProtocolSourcesInvalid";
/// Text that is no host name, or no wildcard of the allowed form.
pub const HOST_NAME: &str = "ApplicationGatewayHostNameInvalid";
/// Text that is no IP address, or one that nothing can listen on.
pub const IP_ADDRESS: &str = "ApplicationGatewayIpAddressInvalid";
/// A backend address without or with more than one of its forms.
pub const BACKEND_ADDRESS: &str = "ApplicationGatewayBackendAddressInvalid";
/// A probe's path that is no path.
pub const PROBE_PATH: &str = "ApplicationGatewayProbePathInvalid";
/// An error page without a status, or a second one for the same.
pub const ERROR_PAGE_STATUS: &str = "ApplicationGatewayCustomErrorStatusCodeIsInvalid";
/// An error page without a URL, or with one that no page can be fetched from.
pub const ERROR_PAGE_URL: &str = "ApplicationGatewayCustomErrorPageUrlInvalid";
/// An error page that could not be fetched, or that is too large.
pub const ERROR_PAGE_UNAVAILABLE: &str = "ApplicationGatewayCustomErrorPageUnavailable";
/// A probe on demand without pool or settings.
pub const ON_DEMAND_MUST_REFERENCE: &str = "ApplicationGatewayOnDemandProbeMustReference";
/// A probe's match that can never be true or be read.
pub const PROBE_MATCH: &str = "ApplicationGatewayProbeMatchInvalid";
/// Root certificate data that cannot be used.
pub const ROOT_INVALID: &str = "ApplicationGatewayTrustedRootCertificateInvalidData";
}
