//! Every code that a violation may bear, in one place.
//!
//! The names are those of the official service where one is known, its spelling mistake included. The last section
//! holds those for which no official code was ever published.

/// A value of the wrong JSON type or outside its enumeration, or a property given twice.
pub const INVALID_JSON: &str = "InvalidJson";
/// A reference that is no resource ID of the expected type.
pub const INVALID_REFERENCE_FORMAT: &str = "InvalidJsonReferenceFormat";
/// A reference to something that is not there.
pub const INVALID_REFERENCE: &str = "InvalidResourceReference";
/// A name that breaks the naming rule, is missing, or contradicts the URL.
pub const INVALID_NAME: &str = "InvalidResourceName";
/// Two members of a collection with the same name.
pub const DUPLICATE_NAME: &str = "DuplicateResourceName";
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
/// A certificate without data, now and before.
pub const CERTIFICATE_DATA: &str = "ApplicationGatewayCertificateDataOrKeyVaultSecretIdMustBeSpecified";
/// Certificate data that cannot be used.
pub const CERTIFICATE_INVALID: &str = "ApplicationGatewaySslCertificateInvalidData";
/// A password that does not open its PFX.
pub const CERTIFICATE_PASSWORD: &str = "ApplicationGatewaySslCertificatePasswordIncorrect";

/// More members of a collection than allowed, by collection.
pub mod limit {
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
    /// Of the host names of one listener.
    pub const HOST_NAMES: &str = "ApplicationGatewayHttpListenerHostNameLimitReached";
}

/// Something that is part of the official service and that no worker executes yet.
pub const NOT_SUPPORTED: &str = "ApplicationGatewayFeatureNotSupported";
/// A number outside its range, where the service has no code of its own for it.
pub const OUT_OF_RANGE: &str = "ApplicationGatewayPropertyValueOutOfRange";
/// Two properties of which only one may be given.
pub const EXCLUSIVE: &str = "ApplicationGatewayPropertiesMutuallyExclusive";
/// A priority that two rules share.
pub const PRIORITY_NOT_UNIQUE: &str = "ApplicationGatewayRequestRoutingRulePriorityMustBeUnique";
/// Text that is no host name, or no wildcard of the allowed form.
pub const HOST_NAME: &str = "ApplicationGatewayHostNameInvalid";
/// Text that is no IP address, or one that nothing can listen on.
pub const IP_ADDRESS: &str = "ApplicationGatewayIpAddressInvalid";
/// A backend address without or with more than one of its forms.
pub const BACKEND_ADDRESS: &str = "ApplicationGatewayBackendAddressInvalid";
/// A probe's path that is no path.
pub const PROBE_PATH: &str = "ApplicationGatewayProbePathInvalid";
/// A probe's match that can never be true or be read.
pub const PROBE_MATCH: &str = "ApplicationGatewayProbeMatchInvalid";
/// Root certificate data that cannot be used.
pub const ROOT_INVALID: &str = "ApplicationGatewayTrustedRootCertificateInvalidData";
