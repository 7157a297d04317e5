//! All codes of violations.
//!
//! Names are those of Azure where one is known, including its spelling mistakes. The last section contains
//! codes for which Azure has published none.

use crate::violation::code_list::codes;

pub mod template;

codes! { CODES;
/// A value has the wrong JSON type or is not one of its enumeration, or a property is given twice.
pub const INVALID_JSON: &str = "InvalidJson";
/// A reference is not a resource ID of the expected type.
pub const INVALID_REFERENCE_FORMAT: &str = "InvalidJsonReferenceFormat";
/// A reference to a resource outside the gateway has an ID without a canonical form.
pub const LINKED_ID: &str = "LinkedInvalidPropertyId";
/// A referenced resource does not exist.
pub const INVALID_REFERENCE: &str = "InvalidResourceReference";
/// The body contains malformed values, listed in the details. Only used as the code of a whole response.
pub const INVALID_FORMAT: &str = "InvalidRequestFormat";
/// A resource has no location.
pub const LOCATION_REQUIRED: &str = "LocationRequired";
/// The location differs from that of the existing resource. The only violation that is a conflict.
pub const LOCATION_CHANGED: &str = "InvalidResourceLocation";
/// A name breaks the naming rule, is missing, or contradicts the URL.
pub const INVALID_NAME: &str = "InvalidResourceName";
/// Two members of a collection have the same name.
pub const DUPLICATE_NAME: &str = "DuplicateResourceName";
/// An address range is not in CIDR notation.
pub const ADDRESS_PREFIX_FORMAT: &str = "InvalidAddressPrefixFormat";
/// An address range has host bits that are not zero.
pub const CIDR_NOTATION: &str = "InvalidCIDRNotation";
/// A subnet is outside the address space of its virtual network.
pub const SUBNET_OUTSIDE: &str = "NetcfgSubnetRangeOutsideVnet";
/// Two subnets overlap.
pub const SUBNETS_OVERLAP: &str = "NetcfgSubnetRangesOverlap";
/// A public IP address of SKU `Standard` is allocated dynamically.
pub const STANDARD_MUST_BE_STATIC: &str = "StandardSkuPublicIPAddressesMustBeStatic";
/// A gateway IP configuration has no subnet.
pub const SUBNET_IS_REQUIRED: &str = "SubnetIsRequired";

/// A frontend port is outside 1–65199.
pub const FRONTEND_PORT: &str = "ApplicationGatewayFrontendPortInvalidPortNumber";
/// A backend port is outside 1–65535.
pub const SETTINGS_PORT: &str = "ApplicationGatewayBackendHttpSettingsPortIsInvalid";
/// A drain timeout is outside 1–3600 s.
pub const DRAIN_TIMEOUT: &str = "ApplicationGatewayConnectionDrainingTimeoutInvalid";
/// A listener has no frontend IP configuration or port.
pub const LISTENER_MUST_REFERENCE: &str = "ApplicationGatewayHttpListenerMustReference";
/// A rule has no listener, pool or settings.
pub const RULE_MUST_REFERENCE: &str = "ApplicationGatewayRequestRoutingRuleMustReference";
/// A frontend is neither public nor private.
pub const FRONTEND_NEEDS_ADDRESS: &str =
    "ApplicationGatewayFrontendIpBothPublicIpAddressAndSubnetCannotBeNull";
/// A statically allocated frontend has no address.
pub const FRONTEND_ALLOCATION: &str = "ApplicationGatewayFrontendIpPrivateIpAddressInvalidAllocationType";
/// A gateway has two frontends of the same kind.
pub const ONE_FRONTEND_PER_KIND: &str = "ApplicationGatewayCannotHaveMoreThanOneIpV4FrontendIPConfiguration";
/// The gateway cannot use a public IP address of this SKU.
pub const PUBLIC_IP_SKU: &str = "ApplicationGatewayInvalidPublicIpSku";
/// A rule has no priority, which api-versions from 2021-08-01 on require.
pub const PRIORITY_REQUIRED: &str = "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty";
/// Some rules in a body have a priority and others have none, in an api-version before 2021-08-01.
pub const PRIORITY_PARTIAL: &str = "ApplicationGatewayRequestRoutingRulePartialPriorityDefined";
/// Two rules use the same listener.
pub const RULES_SHARE_LISTENER: &str = "ApplicationGatewayRequestRoutingRulesUsingSameHttpListener";
/// The requests of two listeners cannot be told apart.
pub const LISTENERS_CLASH: &str = "ApplicationGatewayHttpListenersUsingSameFrontendPort";
/// An HTTPS listener has no certificate.
pub const LISTENER_NEEDS_CERTIFICATE: &str = "ApplicationGatewayHttpsListenerMustReferenceSslCert";
/// A probe and the settings that use it have different protocols. (Azure misspells this code.)
pub const PROBE_PROTOCOL: &str = "ApplicationGatewayProbeProtocolMustMatchBackendHttpSettinsProtocol";
/// A probe has no host and does not pick it from the settings.
pub const PROBE_HOST_IS_NULL: &str = "ApplicationGatewayProbeHostIsNull";
/// An SSL policy has no type.
pub const SSL_POLICY_TYPE: &str = "ApplicationGatewaySslPolicyPropertyPolicyTypeRequired";
/// An SSL policy has a property that its type does not support.
pub const SSL_POLICY_PROPERTY: &str = "ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType";
/// An SSL policy allows a version of TLS that Azure has retired.
pub const SSL_POLICY_DEPRECATED: &str = "ApplicationGatewayDeprecatedTlsVersionUsedInSslPolicy";
/// A gateway mixes SSL policies of both generations.
pub const SSL_POLICY_MISMATCH: &str = "ApplicationGatewaySslPolicyMisMatch";
/// A path rule has the path `/`, which matches nothing.
pub const PATH_EMPTY: &str = "ApplicationGatewayPathRulePathShouldHaveNonEmptyMatchValue";
/// Two rules of a path map have the same path.
pub const PATHS_NOT_UNIQUE: &str = "ApplicationGatewayPathsWithinUrlPathMapMustBeUnique";
/// A path map has no default action for other paths.
pub const PATH_MAP_DEFAULT: &str = "ApplicationGatewayUrlPathMapMustSpecifyDefaultBackendHttpSettings";
/// A rewrite rule changes nothing.
pub const REWRITE_ACTION_SET: &str =
    "ApplicationGatewayRewriteRuleSetActionSetInRewriteRuleCannotBeEmpty";
/// A trusted client certificate has no data.
pub const CLIENT_AUTHORITY_DATA: &str = "ApplicationGatewayTrustedClientCertificateMustSpecifyData";
/// A trusted client certificate contains a private key.
pub const CLIENT_AUTHORITY_KEY: &str = "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey";
/// The data of a trusted client certificate is invalid.
pub const CLIENT_AUTHORITY_INVALID: &str = "ApplicationGatewayTrustedClientCertificateInvalidData";
/// A trusted client certificate contains no certificate authority.
pub const CLIENT_AUTHORITY_LEAF: &str =
    "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate";
/// A chain of trusted client certificates has no root, or several.
pub const CLIENT_AUTHORITY_ROOTS: &str = "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate";
/// The tier of the gateway does not support this feature.
pub const FEATURE_OF_SKU: &str = "ApplicationGatewayFeatureCannotBeEnabledForSelectedSku";
/// Private link is not supported together with layer 4.
pub const NETWORK_ISOLATION: &str = "ApplicationGatewayNetworkIsolationNotSupportedWithFeature";
/// A certificate has no data, neither in the request nor stored.
pub const CERTIFICATE_DATA: &str = "ApplicationGatewayCertificateDataOrKeyVaultSecretIdMustBeSpecified";
/// The data of a server certificate is invalid.
pub const CERTIFICATE_INVALID: &str = "ApplicationGatewaySslCertificateInvalidData";
/// The password of a PFX is wrong.
pub const CERTIFICATE_PASSWORD: &str = "ApplicationGatewaySslCertificatePasswordIncorrect";
}

/// Exceeded limits.
pub mod limit {
    use crate::violation::code_list::codes;

    codes! { CODES;
    /// A gateway has too many `sslCertificates`.
    pub const SSL_CERTIFICATES: &str = "ApplicationGatewaySslCertificateLimitReached";
    /// A gateway has too many `trustedRootCertificates`.
    pub const TRUSTED_ROOTS: &str = "ApplicationGatewayTrustedRootCertificateLimitReached";
    /// A gateway has too many `frontendIPConfigurations`.
    pub const FRONTENDS: &str = "ApplicationGatewayFrontendIpConfigurationLimitReached";
    /// A gateway has too many `frontendPorts`.
    pub const FRONTEND_PORTS: &str = "ApplicationGatewayFrontendPortLimitReached";
    /// A gateway has too many `probes`.
    pub const PROBES: &str = "ApplicationGatewayProbeLimitReached";
    /// A gateway has too many `backendAddressPools`.
    pub const POOLS: &str = "ApplicationGatewayBackendAddressPoolLimitReached";
    /// A gateway has too many `backendHttpSettingsCollection`.
    pub const SETTINGS: &str = "ApplicationGatewayBackendHttpSettingsLimitReached";
    /// A gateway has too many `httpListeners`.
    pub const LISTENERS: &str = "ApplicationGatewayHttpListenerLimitReached";
    /// A gateway has too many `requestRoutingRules`.
    pub const RULES: &str = "ApplicationGatewayRequestRoutingRuleLimitReached";
    /// A gateway has too many `gatewayIPConfigurations`.
    pub const GATEWAY_IPS: &str = "ApplicationGatewayIPConfigurationLimitReached";
    /// A gateway has too many `trustedClientCertificates`.
    pub const TRUSTED_CLIENTS: &str = "ApplicationGatewayTrustedClientCertificateLimitReached";
    /// A gateway has too many `authenticationCertificates`.
    pub const AUTHENTICATION: &str = "ApplicationGatewayAuthenticationCertificateLimitReached";
    /// A gateway has too many `backendSettingsCollection`.
    pub const TRANSPORT_SETTINGS: &str = "ApplicationGatewayBackendSettingsLimitReached";
    /// A gateway has too many `sslProfiles`.
    pub const SSL_PROFILES: &str = "ApplicationGatewaySslProfileLimitReached";
    /// A gateway has too many `listeners`.
    pub const TRANSPORT_LISTENERS: &str = "ApplicationGatewayListenerLimitReached";
    /// A gateway has too many `urlPathMaps`.
    pub const PATH_MAPS: &str = "ApplicationGatewayUrlPathMapLimitReached";
    /// A gateway has too many `routingRules`.
    pub const TRANSPORT_RULES: &str = "ApplicationGatewayRoutingRuleLimitReached";
    /// A gateway has too many `rewriteRuleSets`.
    pub const REWRITE_SETS: &str = "ApplicationGatewayRewriteRuleSetLimitReached";
    /// A gateway has too many `redirectConfigurations`.
    pub const REDIRECTS: &str = "ApplicationGatewayRedirectConfigurationLimitReached";
    /// A gateway has too many `privateLinkConfigurations`.
    pub const PRIVATE_LINKS: &str = "ApplicationGatewayPrivateLinkConfigurationLimitReached";
    /// A gateway has too many `loadDistributionPolicies`.
    pub const LOAD_DISTRIBUTION: &str = "ApplicationGatewayLoadDistributionPolicyLimitReached";
    /// A pool has too many addresses.
    pub const POOL_ADDRESSES: &str = "ApplicationGatewayBackendAddressLimitReached";
    /// A trusted root certificate contains too many certificates.
    pub const BUNDLE: &str = "ApplicationGatewayTrustedRootCertificateBundleLimitReached";
    /// The rules of a gateway have too many backends.
    pub const BACKENDS: &str = "ApplicationGatewayBackendLimitReached";
    /// The settings of a gateway trust too many certificate authorities.
    pub const TRUST: &str = "ApplicationGatewayTrustedAuthorityLimitReached";
    /// The compiled configuration of a gateway is too large.
    pub const SIZE: &str = "ApplicationGatewayConfigurationSizeLimitReached";
    /// A private link configuration has too many addresses.
    pub const PRIVATE_LINK_ADDRESSES: &str = "ApplicationGatewayPrivateLinkIpConfigurationLimitReached";
    /// An SSL profile has too many trusted client certificates.
    pub const PROFILE_AUTHORITIES: &str = "ApplicationGatewaySslProfileTrustedClientCertificateLimitReached";
    /// A rewrite rule set has too many conditions.
    pub const REWRITE_CONDITIONS: &str = "ApplicationGatewayRewriteRuleConditionLimitReached";
    /// The distinct patterns of all rewrite rule sets are too large in total.
    pub const REWRITE_PATTERNS: &str = "ApplicationGatewayRewriteRulePatternLimitReached";
    /// A rewrite rule set has too many changes.
    pub const REWRITE_ACTIONS: &str = "ApplicationGatewayRewriteRuleActionLimitReached";
    /// A path map has too many rules.
    pub const PATH_RULES: &str = "ApplicationGatewayPathRuleLimitReached";
    /// A gateway has too many error pages.
    pub const ERROR_PAGES: &str = "ApplicationGatewayCustomErrorPageLimitReached";
    /// A listener has too many host names.
    pub const HOST_NAMES: &str = "ApplicationGatewayHttpListenerHostNameLimitReached";
    }
}

codes! { OWN_CODES;
/// A virtual network or a subnet has no address range.
pub const ADDRESS_PREFIX_REQUIRED: &str = "AddressPrefixRequired";
/// Two frontends of a gateway have the same address.
pub const FRONTENDS_CLASH: &str = "ApplicationGatewayFrontendIpConfigurationsUsingSameAddress";
/// No worker implements this feature of Azure yet.
pub const NOT_SUPPORTED: &str = "ApplicationGatewayFeatureNotSupported";
/// A number is outside its range, and Azure has no specific code for it.
pub const OUT_OF_RANGE: &str = "ApplicationGatewayPropertyValueOutOfRange";
/// An autoscale configuration has no lower bound, or one above the upper bound.
pub const AUTOSCALE: &str = "ApplicationGatewayAutoscaleConfigurationInvalid";
/// A predefined SSL policy has no name.
pub const SSL_POLICY_NAME: &str = "ApplicationGatewaySslPolicyPropertyPolicyNameRequired";
/// A custom SSL policy has no minimum version, or one that its type does not support.
pub const SSL_POLICY_VERSION: &str = "ApplicationGatewaySslPolicyPropertyMinProtocolVersionInvalid";
/// A custom SSL policy has no cipher suites, or none of the required ones.
pub const SSL_POLICY_SUITES: &str = "ApplicationGatewaySslPolicyPropertyCipherSuitesInvalid";
/// A profile requires client certificates but has no certificate authority to verify them.
pub const CLIENT_AUTHORITY_REQUIRED: &str = "ApplicationGatewaySslProfileTrustedClientCertificateRequired";
/// An OCSP response is invalid.
pub const OCSP_RESPONSE: &str = "ApplicationGatewaySslCertificateOcspResponseInvalid";
/// The data of an authentication certificate is invalid.
pub const AUTHENTICATION_INVALID: &str = "ApplicationGatewayAuthenticationCertificateInvalidData";
/// A path rule has no paths, a path map has no path rules, or a path is malformed.
pub const PATH_INVALID: &str = "ApplicationGatewayPathRulePathInvalid";
/// A path rule has no destination.
pub const PATH_RULE_TARGET: &str = "ApplicationGatewayPathRuleMustReference";
/// A redirect has no type.
pub const REDIRECT_TYPE: &str = "ApplicationGatewayRedirectConfigurationTypeRequired";
/// A redirect has no target, or an unusable one.
pub const REDIRECT_TARGET: &str = "ApplicationGatewayRedirectConfigurationTargetInvalid";
/// A rewrite rule names a variable that does not exist.
pub const REWRITE_VARIABLE: &str = "ApplicationGatewayRewriteRuleVariableInvalid";
/// A regular expression of a rewrite rule is invalid.
pub const REWRITE_PATTERN: &str = "ApplicationGatewayRewriteRulePatternInvalid";
/// A header cannot be rewritten in this way.
pub const REWRITE_HEADER: &str = "ApplicationGatewayRewriteRuleHeaderInvalid";
/// A rewrite rule reroutes without a path map, or without end.
pub const REWRITE_URL: &str = "ApplicationGatewayRewriteRuleUrlInvalid";
/// The name of an affinity cookie is invalid, or that of the second cookie of other settings.
pub const AFFINITY_COOKIE_NAME: &str = "ApplicationGatewayBackendHttpSettingsAffinityCookieNameInvalid";
/// A load distribution policy has no targets, or a target has no pool.
pub const LOAD_DISTRIBUTION_TARGET: &str = "ApplicationGatewayLoadDistributionPolicyTargetInvalid";
/// A private link configuration has more than one primary address.
pub const PRIVATE_LINK_PRIMARY: &str = "ApplicationGatewayPrivateLinkConfigurationPrimaryInvalid";
/// A layer-4 listener has no frontend IP configuration or port.
pub const TRANSPORT_LISTENER_MUST_REFERENCE: &str = "ApplicationGatewayListenerMustReference";
/// A layer-4 rule has no listener, pool or settings.
pub const TRANSPORT_RULE_MUST_REFERENCE: &str = "ApplicationGatewayRoutingRuleMustReference";
/// A layer-4 rule is path-based.
pub const TRANSPORT_RULE_TYPE: &str = "ApplicationGatewayRoutingRuleTypeInvalid";
/// A backend port of layer-4 settings is outside 1–65535.
pub const TRANSPORT_PORT: &str = "ApplicationGatewayBackendSettingsPortIsInvalid";
/// A property that requires TLS is used with plain TCP.
pub const TRANSPORT_TLS_ONLY: &str = "ApplicationGatewayPropertyNotSupportedForTcp";
/// The zones differ from those of the existing gateway.
pub const ZONES_CHANGED: &str = "ApplicationGatewayZonesCannotBeChanged";
/// Two mutually exclusive properties are given.
pub const EXCLUSIVE: &str = "ApplicationGatewayPropertiesMutuallyExclusive";
/// Two rules have the same priority.
pub const PRIORITY_NOT_UNIQUE: &str = "ApplicationGatewayRequestRoutingRulePriorityMustBeUnique";
/// The list of PROXY protocol sources of a listener is empty or too long.
pub const PROXY_PROTOCOL_SOURCES: &str = "ApplicationGatewayHttpListenerProxyProtocolSourcesInvalid";
/// A host name is invalid, or its wildcards are not of the allowed form.
pub const HOST_NAME: &str = "ApplicationGatewayHostNameInvalid";
/// An IP address is invalid, or nothing can listen on it.
pub const IP_ADDRESS: &str = "ApplicationGatewayIpAddressInvalid";
/// A backend address has neither or both of its two forms.
pub const BACKEND_ADDRESS: &str = "ApplicationGatewayBackendAddressInvalid";
/// The path of a probe is invalid.
pub const PROBE_PATH: &str = "ApplicationGatewayProbePathInvalid";
/// An error page has no status code, or the same one as another page.
pub const ERROR_PAGE_STATUS: &str = "ApplicationGatewayCustomErrorStatusCodeIsInvalid";
/// An error page has no URL, or one that is not the URL of a page.
pub const ERROR_PAGE_URL: &str = "ApplicationGatewayCustomErrorPageUrlInvalid";
/// An error page could not be fetched or is too large.
pub const ERROR_PAGE_UNAVAILABLE: &str = "ApplicationGatewayCustomErrorPageUnavailable";
/// An on-demand probe has no pool or settings.
pub const ON_DEMAND_MUST_REFERENCE: &str = "ApplicationGatewayOnDemandProbeMustReference";
/// The match criteria of a probe are invalid.
pub const PROBE_MATCH: &str = "ApplicationGatewayProbeMatchInvalid";
/// The data of a trusted root certificate is invalid.
pub const ROOT_INVALID: &str = "ApplicationGatewayTrustedRootCertificateInvalidData";
}
