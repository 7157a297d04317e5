//! All codes of violations.
//!
//! Names are those of Azure where one is known, including its spelling mistakes. The last section contains
//! codes for which Azure has published none.

use crate::violation::code_list::codes;

pub(crate) mod template;

codes! { CODES;
/// A value has the wrong JSON type or is not one of its enumeration, or a property is given twice.
pub(crate) const INVALID_JSON: &str = "InvalidJson";
/// A property is unknown. As a violation: it resembles a known one, or stands at the wrong level. As a warning: it
/// is stored without effect.
pub(crate) const UNKNOWN_PROPERTY: &str = "UnknownProperty";
/// A PATCH contains anything but tags.
pub(crate) const PATCH_OF_TAGS_ONLY: &str = "PatchChangesTagsOnly";
/// A warning: Azure has retired what the document uses.
pub(crate) const RETIRED: &str = "RetiredByAzure";
/// A warning: the property has no effect in this document.
pub(crate) const NO_EFFECT: &str = "NoEffect";
/// A reference is not a resource ID of the expected type.
pub(crate) const INVALID_REFERENCE_FORMAT: &str = "InvalidJsonReferenceFormat";
/// A reference to a resource outside the gateway has an ID without a canonical form.
pub(crate) const LINKED_ID: &str = "LinkedInvalidPropertyId";
/// A referenced resource does not exist.
pub(crate) const INVALID_REFERENCE: &str = "InvalidResourceReference";
/// The body contains malformed values, listed in the details. Only used as the code of a whole response.
pub(crate) const INVALID_FORMAT: &str = "InvalidRequestFormat";
/// A resource has no location.
pub(crate) const LOCATION_REQUIRED: &str = "LocationRequired";
/// The location differs from that of the existing resource. The only violation that is a conflict.
pub(crate) const LOCATION_CHANGED: &str = "InvalidResourceLocation";
/// A name breaks the naming rule, is missing, or contradicts the URL.
pub(crate) const INVALID_NAME: &str = "InvalidResourceName";
/// Two members of a collection have the same name.
pub(crate) const DUPLICATE_NAME: &str = "DuplicateResourceName";
/// An address range is not in CIDR notation.
pub(crate) const ADDRESS_PREFIX_FORMAT: &str = "InvalidAddressPrefixFormat";
/// An address range has host bits that are not zero.
pub(crate) const CIDR_NOTATION: &str = "InvalidCIDRNotation";
/// A subnet is outside the address space of its virtual network.
pub(crate) const SUBNET_OUTSIDE: &str = "NetcfgSubnetRangeOutsideVnet";
/// Two subnets overlap.
pub(crate) const SUBNETS_OVERLAP: &str = "NetcfgSubnetRangesOverlap";
/// A public IP address of SKU `Standard` is allocated dynamically.
pub(crate) const STANDARD_MUST_BE_STATIC: &str = "StandardSkuPublicIPAddressesMustBeStatic";
/// A gateway IP configuration has no subnet.
pub(crate) const SUBNET_IS_REQUIRED: &str = "SubnetIsRequired";

/// A frontend port is outside 1–65199.
pub(crate) const FRONTEND_PORT: &str = "ApplicationGatewayFrontendPortInvalidPortNumber";
/// A backend port is outside 1–65535.
pub(crate) const SETTINGS_PORT: &str = "ApplicationGatewayBackendHttpSettingsPortIsInvalid";
/// A drain timeout is outside 1–3600 s.
pub(crate) const DRAIN_TIMEOUT: &str = "ApplicationGatewayConnectionDrainingTimeoutInvalid";
/// A listener has no frontend IP configuration or port.
pub(crate) const LISTENER_MUST_REFERENCE: &str = "ApplicationGatewayHttpListenerMustReference";
/// A rule has no listener, pool or settings.
pub(crate) const RULE_MUST_REFERENCE: &str = "ApplicationGatewayRequestRoutingRuleMustReference";
/// A frontend is neither public nor private.
pub(crate) const FRONTEND_NEEDS_ADDRESS: &str =
    "ApplicationGatewayFrontendIpBothPublicIpAddressAndSubnetCannotBeNull";
/// A statically allocated frontend has no address.
pub(crate) const FRONTEND_ALLOCATION: &str = "ApplicationGatewayFrontendIpPrivateIpAddressInvalidAllocationType";
/// A gateway has two frontends of the same kind.
pub(crate) const ONE_FRONTEND_PER_KIND: &str = "ApplicationGatewayCannotHaveMoreThanOneIpV4FrontendIPConfiguration";
/// The gateway cannot use a public IP address of this SKU.
pub(crate) const PUBLIC_IP_SKU: &str = "ApplicationGatewayInvalidPublicIpSku";
/// A rule has no priority, which api-versions from 2021-08-01 on require.
pub(crate) const PRIORITY_REQUIRED: &str = "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty";
/// Some rules in a body have a priority and others have none, in an api-version before 2021-08-01.
pub(crate) const PRIORITY_PARTIAL: &str = "ApplicationGatewayRequestRoutingRulePartialPriorityDefined";
/// Two rules use the same listener.
pub(crate) const RULES_SHARE_LISTENER: &str = "ApplicationGatewayRequestRoutingRulesUsingSameHttpListener";
/// The requests of two listeners cannot be told apart.
pub(crate) const LISTENERS_CLASH: &str = "ApplicationGatewayHttpListenersUsingSameFrontendPort";
/// An HTTPS listener has no certificate.
pub(crate) const LISTENER_NEEDS_CERTIFICATE: &str = "ApplicationGatewayHttpsListenerMustReferenceSslCert";
/// A probe and the settings that use it have different protocols. (Azure misspells this code.)
pub(crate) const PROBE_PROTOCOL: &str = "ApplicationGatewayProbeProtocolMustMatchBackendHttpSettinsProtocol";
/// A probe has no host and does not pick it from the settings.
pub(crate) const PROBE_HOST_IS_NULL: &str = "ApplicationGatewayProbeHostIsNull";
/// An SSL policy has no type.
pub(crate) const SSL_POLICY_TYPE: &str = "ApplicationGatewaySslPolicyPropertyPolicyTypeRequired";
/// An SSL policy has a property that its type does not support.
pub(crate) const SSL_POLICY_PROPERTY: &str = "ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType";
/// An SSL policy allows a version of TLS that Azure has retired.
pub(crate) const SSL_POLICY_DEPRECATED: &str = "ApplicationGatewayDeprecatedTlsVersionUsedInSslPolicy";
/// A gateway mixes SSL policies of both generations.
pub(crate) const SSL_POLICY_MISMATCH: &str = "ApplicationGatewaySslPolicyMisMatch";
/// A path rule has the path `/`, which matches nothing.
pub(crate) const PATH_EMPTY: &str = "ApplicationGatewayPathRulePathShouldHaveNonEmptyMatchValue";
/// Two rules of a path map have the same path.
pub(crate) const PATHS_NOT_UNIQUE: &str = "ApplicationGatewayPathsWithinUrlPathMapMustBeUnique";
/// A path map has no default action for other paths.
pub(crate) const PATH_MAP_DEFAULT: &str = "ApplicationGatewayUrlPathMapMustSpecifyDefaultBackendHttpSettings";
/// A rewrite rule changes nothing.
pub(crate) const REWRITE_ACTION_SET: &str =
    "ApplicationGatewayRewriteRuleSetActionSetInRewriteRuleCannotBeEmpty";
/// A trusted client certificate has no data.
pub(crate) const CLIENT_AUTHORITY_DATA: &str = "ApplicationGatewayTrustedClientCertificateMustSpecifyData";
/// A trusted client certificate contains a private key.
pub(crate) const CLIENT_AUTHORITY_KEY: &str = "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey";
/// The data of a trusted client certificate is invalid.
pub(crate) const CLIENT_AUTHORITY_INVALID: &str = "ApplicationGatewayTrustedClientCertificateInvalidData";
/// A trusted client certificate contains no certificate authority.
pub(crate) const CLIENT_AUTHORITY_LEAF: &str =
    "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate";
/// A chain of trusted client certificates has no root, or several.
pub(crate) const CLIENT_AUTHORITY_ROOTS: &str = "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate";
/// The tier of the gateway does not support this feature.
pub(crate) const FEATURE_OF_SKU: &str = "ApplicationGatewayFeatureCannotBeEnabledForSelectedSku";
/// The tier of the gateway does not support a web application firewall.
pub(crate) const FIREWALL_OF_SKU: &str = "ApplicationGatewayFirewallCannotBeEnabledForSelectedSku";
/// Private link is not supported together with layer 4.
pub(crate) const NETWORK_ISOLATION: &str = "ApplicationGatewayNetworkIsolationNotSupportedWithFeature";
/// A certificate has no data, neither in the request nor stored.
pub(crate) const CERTIFICATE_DATA: &str = "ApplicationGatewayCertificateDataOrKeyVaultSecretIdMustBeSpecified";
/// A reference to a secret of a vault is malformed.
pub(crate) const KEY_VAULT_ID: &str = "ApplicationGatewayKeyVaultSecretIdInvalid";
/// A warning: a certificate could not be fetched from its vault.
pub(crate) const KEY_VAULT_SECRET: &str = "ApplicationGatewayKeyVaultSecretException";
/// The data of a server certificate is invalid.
pub(crate) const CERTIFICATE_INVALID: &str = "ApplicationGatewaySslCertificateInvalidData";
/// The password of a PFX is wrong.
pub(crate) const CERTIFICATE_PASSWORD: &str = "ApplicationGatewaySslCertificatePasswordIncorrect";
}

/// Exceeded limits.
pub(crate) mod limit {
    use crate::violation::code_list::codes;

    codes! { CODES;
    /// A gateway has too many `sslCertificates`.
    pub(crate) const SSL_CERTIFICATES: &str = "ApplicationGatewaySslCertificateLimitReached";
    /// A gateway has too many `trustedRootCertificates`.
    pub(crate) const TRUSTED_ROOTS: &str = "ApplicationGatewayTrustedRootCertificateLimitReached";
    /// A gateway has too many `frontendIPConfigurations`.
    pub(crate) const FRONTENDS: &str = "ApplicationGatewayFrontendIpConfigurationLimitReached";
    /// A gateway has too many `frontendPorts`.
    pub(crate) const FRONTEND_PORTS: &str = "ApplicationGatewayFrontendPortLimitReached";
    /// A gateway has too many `probes`.
    pub(crate) const PROBES: &str = "ApplicationGatewayProbeLimitReached";
    /// A gateway has too many `backendAddressPools`.
    pub(crate) const POOLS: &str = "ApplicationGatewayBackendAddressPoolLimitReached";
    /// A gateway has too many `backendHttpSettingsCollection`.
    pub(crate) const SETTINGS: &str = "ApplicationGatewayBackendHttpSettingsLimitReached";
    /// A gateway has too many `httpListeners`.
    pub(crate) const LISTENERS: &str = "ApplicationGatewayHttpListenerLimitReached";
    /// A gateway has too many `requestRoutingRules`.
    pub(crate) const RULES: &str = "ApplicationGatewayRequestRoutingRuleLimitReached";
    /// A gateway has too many `gatewayIPConfigurations`.
    pub(crate) const GATEWAY_IPS: &str = "ApplicationGatewayIPConfigurationLimitReached";
    /// A gateway has too many `trustedClientCertificates`.
    pub(crate) const TRUSTED_CLIENTS: &str = "ApplicationGatewayTrustedClientCertificateLimitReached";
    /// A gateway has too many `authenticationCertificates`.
    pub(crate) const AUTHENTICATION: &str = "ApplicationGatewayAuthenticationCertificateLimitReached";
    /// A gateway has too many `backendSettingsCollection`.
    pub(crate) const TRANSPORT_SETTINGS: &str = "ApplicationGatewayBackendSettingsLimitReached";
    /// A gateway has too many `sslProfiles`.
    pub(crate) const SSL_PROFILES: &str = "ApplicationGatewaySslProfileLimitReached";
    /// A gateway has too many `listeners`.
    pub(crate) const TRANSPORT_LISTENERS: &str = "ApplicationGatewayListenerLimitReached";
    /// A gateway has too many `urlPathMaps`.
    pub(crate) const PATH_MAPS: &str = "ApplicationGatewayUrlPathMapLimitReached";
    /// A gateway has too many `routingRules`.
    pub(crate) const TRANSPORT_RULES: &str = "ApplicationGatewayRoutingRuleLimitReached";
    /// A gateway has too many `rewriteRuleSets`.
    pub(crate) const REWRITE_SETS: &str = "ApplicationGatewayRewriteRuleSetLimitReached";
    /// A gateway has too many `redirectConfigurations`.
    pub(crate) const REDIRECTS: &str = "ApplicationGatewayRedirectConfigurationLimitReached";
    /// A gateway has too many `privateLinkConfigurations`.
    pub(crate) const PRIVATE_LINKS: &str = "ApplicationGatewayPrivateLinkConfigurationLimitReached";
    /// A gateway has too many `loadDistributionPolicies`.
    pub(crate) const LOAD_DISTRIBUTION: &str = "ApplicationGatewayLoadDistributionPolicyLimitReached";
    /// A web application firewall policy has too many custom rules.
    pub(crate) const FIREWALL_CUSTOM_RULES: &str = "ApplicationGatewayFirewallCustomRuleLimitReached";
    /// A pool has too many addresses.
    pub(crate) const POOL_ADDRESSES: &str = "ApplicationGatewayBackendAddressLimitReached";
    /// A trusted root certificate contains too many certificates.
    pub(crate) const BUNDLE: &str = "ApplicationGatewayTrustedRootCertificateBundleLimitReached";
    /// The rules of a gateway have too many backends.
    pub(crate) const BACKENDS: &str = "ApplicationGatewayBackendLimitReached";
    /// The settings of a gateway trust too many certificate authorities.
    pub(crate) const TRUST: &str = "ApplicationGatewayTrustedAuthorityLimitReached";
    /// The compiled configuration of a gateway is too large.
    pub(crate) const SIZE: &str = "ApplicationGatewayConfigurationSizeLimitReached";
    /// A private link configuration has too many addresses.
    pub(crate) const PRIVATE_LINK_ADDRESSES: &str = "ApplicationGatewayPrivateLinkIpConfigurationLimitReached";
    /// An SSL profile has too many trusted client certificates.
    pub(crate) const PROFILE_AUTHORITIES: &str = "ApplicationGatewaySslProfileTrustedClientCertificateLimitReached";
    /// A rewrite rule set has too many conditions.
    pub(crate) const REWRITE_CONDITIONS: &str = "ApplicationGatewayRewriteRuleConditionLimitReached";
    /// The distinct patterns of all rewrite rule sets are too large in total.
    pub(crate) const REWRITE_PATTERNS: &str = "ApplicationGatewayRewriteRulePatternLimitReached";
    /// A rewrite rule set has too many changes.
    pub(crate) const REWRITE_ACTIONS: &str = "ApplicationGatewayRewriteRuleActionLimitReached";
    /// A path map has too many rules.
    pub(crate) const PATH_RULES: &str = "ApplicationGatewayPathRuleLimitReached";
    /// A gateway has too many error pages.
    pub(crate) const ERROR_PAGES: &str = "ApplicationGatewayCustomErrorPageLimitReached";
    /// A listener has too many host names.
    pub(crate) const HOST_NAMES: &str = "ApplicationGatewayHttpListenerHostNameLimitReached";
    }
}

codes! { OWN_CODES;
/// A gateway has too many extension documents of one type.
pub(crate) const EXTENSION_LIMIT: &str = "TidegateExtensionLimitReached";
/// A tunnel policy has an event without an action, or a Close frame without a code.
pub(crate) const TUNNEL_POLICY_INCOMPLETE: &str = "TidegateTunnelPolicyIncomplete";
/// A gateway relies on protection that no worker provides. Also the code of a warning.
pub(crate) const PROTECTION: &str = "ApplicationGatewayProtectionNotEnforced";
/// A required property of a web application firewall or its policy is missing.
pub(crate) const FIREWALL_REQUIRED: &str = "ApplicationGatewayFirewallPropertyRequired";
/// A web application firewall refers to a rule set or a group of rules that does not exist.
pub(crate) const FIREWALL_RULE_SET: &str = "ApplicationGatewayFirewallRuleSetNotFound";
/// Two custom rules of a policy have the same priority.
pub(crate) const FIREWALL_PRIORITY: &str = "ApplicationGatewayFirewallCustomRulePriorityMustBeUnique";
/// The response body for blocked requests is not Base64 or too long.
pub(crate) const FIREWALL_BLOCK_BODY: &str = "ApplicationGatewayFirewallCustomBlockResponseBodyInvalid";
/// A virtual network or a subnet has no address range.
pub(crate) const ADDRESS_PREFIX_REQUIRED: &str = "AddressPrefixRequired";
/// Two frontends of a gateway have the same address.
pub(crate) const FRONTENDS_CLASH: &str = "ApplicationGatewayFrontendIpConfigurationsUsingSameAddress";
/// The machine does not have the address of a private frontend, and no option says what stands for it.
pub(crate) const PRIVATE_ADDRESS_ABSENT: &str = "PrivateIPAddressNotAvailable";
/// No worker implements this feature of Azure yet.
pub(crate) const NOT_SUPPORTED: &str = "ApplicationGatewayFeatureNotSupported";
/// A number is outside its range, and Azure has no specific code for it.
pub(crate) const OUT_OF_RANGE: &str = "ApplicationGatewayPropertyValueOutOfRange";
/// An autoscale configuration has no lower bound, or one above the upper bound.
pub(crate) const AUTOSCALE: &str = "ApplicationGatewayAutoscaleConfigurationInvalid";
/// A predefined SSL policy has no name.
pub(crate) const SSL_POLICY_NAME: &str = "ApplicationGatewaySslPolicyPropertyPolicyNameRequired";
/// A custom SSL policy has no minimum version, or one that its type does not support.
pub(crate) const SSL_POLICY_VERSION: &str = "ApplicationGatewaySslPolicyPropertyMinProtocolVersionInvalid";
/// A custom SSL policy has no cipher suites, or none of the required ones.
pub(crate) const SSL_POLICY_SUITES: &str = "ApplicationGatewaySslPolicyPropertyCipherSuitesInvalid";
/// A profile requires client certificates but has no certificate authority to verify them.
pub(crate) const CLIENT_AUTHORITY_REQUIRED: &str = "ApplicationGatewaySslProfileTrustedClientCertificateRequired";
/// An OCSP response is invalid.
pub(crate) const OCSP_RESPONSE: &str = "ApplicationGatewaySslCertificateOcspResponseInvalid";
/// The data of an authentication certificate is invalid.
pub(crate) const AUTHENTICATION_INVALID: &str = "ApplicationGatewayAuthenticationCertificateInvalidData";
/// A path rule has no paths, a path map has no path rules, or a path is malformed.
pub(crate) const PATH_INVALID: &str = "ApplicationGatewayPathRulePathInvalid";
/// A path rule has no destination.
pub(crate) const PATH_RULE_TARGET: &str = "ApplicationGatewayPathRuleMustReference";
/// A redirect has no type.
pub(crate) const REDIRECT_TYPE: &str = "ApplicationGatewayRedirectConfigurationTypeRequired";
/// A redirect has no target, or an unusable one.
pub(crate) const REDIRECT_TARGET: &str = "ApplicationGatewayRedirectConfigurationTargetInvalid";
/// A rewrite rule names a variable that does not exist.
pub(crate) const REWRITE_VARIABLE: &str = "ApplicationGatewayRewriteRuleVariableInvalid";
/// A regular expression of a rewrite rule is invalid.
pub(crate) const REWRITE_PATTERN: &str = "ApplicationGatewayRewriteRulePatternInvalid";
/// A header cannot be rewritten in this way.
pub(crate) const REWRITE_HEADER: &str = "ApplicationGatewayRewriteRuleHeaderInvalid";
/// A rewrite rule reroutes without a path map, or without end.
pub(crate) const REWRITE_URL: &str = "ApplicationGatewayRewriteRuleUrlInvalid";
/// The name of an affinity cookie is invalid, or that of the second cookie of other settings.
pub(crate) const AFFINITY_COOKIE_NAME: &str = "ApplicationGatewayBackendHttpSettingsAffinityCookieNameInvalid";
/// A load distribution policy has no targets, or a target has no pool.
pub(crate) const LOAD_DISTRIBUTION_TARGET: &str = "ApplicationGatewayLoadDistributionPolicyTargetInvalid";
/// A private link configuration has more than one primary address.
pub(crate) const PRIVATE_LINK_PRIMARY: &str = "ApplicationGatewayPrivateLinkConfigurationPrimaryInvalid";
/// A layer-4 listener has no frontend IP configuration or port.
pub(crate) const TRANSPORT_LISTENER_MUST_REFERENCE: &str = "ApplicationGatewayListenerMustReference";
/// A layer-4 rule has no listener, pool or settings.
pub(crate) const TRANSPORT_RULE_MUST_REFERENCE: &str = "ApplicationGatewayRoutingRuleMustReference";
/// A layer-4 rule is path-based.
pub(crate) const TRANSPORT_RULE_TYPE: &str = "ApplicationGatewayRoutingRuleTypeInvalid";
/// A backend port of layer-4 settings is outside 1–65535.
pub(crate) const TRANSPORT_PORT: &str = "ApplicationGatewayBackendSettingsPortIsInvalid";
/// A property that requires TLS is used with plain TCP.
pub(crate) const TRANSPORT_TLS_ONLY: &str = "ApplicationGatewayPropertyNotSupportedForTcp";
/// The zones differ from those of the existing gateway.
pub(crate) const ZONES_CHANGED: &str = "ApplicationGatewayZonesCannotBeChanged";
/// The source of a certificate has no path, or its files cannot be used.
pub(crate) const CERTIFICATE_SOURCE: &str = "CertificateSourceInvalid";
/// Two mutually exclusive properties are given.
pub(crate) const EXCLUSIVE: &str = "ApplicationGatewayPropertiesMutuallyExclusive";
/// Two rules have the same priority.
pub(crate) const PRIORITY_NOT_UNIQUE: &str = "ApplicationGatewayRequestRoutingRulePriorityMustBeUnique";
/// The list of PROXY protocol sources of a listener is empty or too long.
pub(crate) const PROXY_PROTOCOL_SOURCES: &str = "ApplicationGatewayHttpListenerProxyProtocolSourcesInvalid";
/// A host name is invalid, or its wildcards are not of the allowed form.
pub(crate) const HOST_NAME: &str = "ApplicationGatewayHostNameInvalid";
/// An IP address is invalid, or nothing can listen on it.
pub(crate) const IP_ADDRESS: &str = "ApplicationGatewayIpAddressInvalid";
/// A backend address has neither or both of its two forms.
pub(crate) const BACKEND_ADDRESS: &str = "ApplicationGatewayBackendAddressInvalid";
/// The path of a probe is invalid.
pub(crate) const PROBE_PATH: &str = "ApplicationGatewayProbePathInvalid";
/// An error page has no status code, or the same one as another page.
pub(crate) const ERROR_PAGE_STATUS: &str = "ApplicationGatewayCustomErrorStatusCodeIsInvalid";
/// An error page has no URL, or one that is not the URL of a page.
pub(crate) const ERROR_PAGE_URL: &str = "ApplicationGatewayCustomErrorPageUrlInvalid";
/// An error page could not be fetched or is too large.
pub(crate) const ERROR_PAGE_UNAVAILABLE: &str = "ApplicationGatewayCustomErrorPageUnavailable";
/// An on-demand probe has no pool or settings.
pub(crate) const ON_DEMAND_MUST_REFERENCE: &str = "ApplicationGatewayOnDemandProbeMustReference";
/// The match criteria of a probe are invalid.
pub(crate) const PROBE_MATCH: &str = "ApplicationGatewayProbeMatchInvalid";
/// The data of a trusted root certificate is invalid.
pub(crate) const ROOT_INVALID: &str = "ApplicationGatewayTrustedRootCertificateInvalidData";
}
