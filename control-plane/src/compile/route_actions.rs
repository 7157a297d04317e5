//! The actions of rules, path rules and path maps: a pool or several with settings, or a redirect, and
//! optionally rewrites.

use tidegate_shared::snapshot::{Action, Destination, Redirect, RouteEntry};

use super::resources::{Resource, Resources};
use super::rewrites;
use crate::arm::gateway::{
    BackendAddressPool, BackendHttpSettings, LoadDistributionPolicy, RedirectConfiguration, RewriteRuleSet,
    SubResource,
};
use crate::violation::{Violations, code};

/// The resources to which actions refer.
pub(super) struct Targets<'a> {
    pub(super) pools: &'a Resources<BackendAddressPool>,
    pub(super) settings: &'a Resources<BackendHttpSettings>,
    pub(super) redirects: &'a Resources<RedirectConfiguration>,
    pub(super) compiled_redirects: &'a [Option<Redirect>],
    pub(super) rewrites: &'a Resources<RewriteRuleSet>,
    pub(super) distributions: &'a Resources<LoadDistributionPolicy>,
}

/// The name of a property, and its reference.
pub(super) type Property<'a> = (&'static str, Option<&'a SubResource>);

/// The action for a request: the same five properties everywhere, under different names.
pub(super) struct RouteAction<'a> {
    pub(super) pool: Property<'a>,
    pub(super) settings: Property<'a>,
    pub(super) redirect: Property<'a>,
    pub(super) rewrites: Property<'a>,
    pub(super) distribution: Property<'a>,
}

/// The violation if there is neither a redirect nor a complete destination.
#[derive(Clone, Copy)]
pub(super) enum Incomplete {
    /// "Must specify this or a redirect", with this code.
    MustSpecify(&'static str),
    /// Azure's message for a request routing rule.
    RuleMustReference,
}

impl Incomplete {
    fn complain<T>(
        self,
        resource: &Resource<T>,
        (property, called): (&str, &str),
        redirect: &str,
        violations: &mut Violations,
    ) {
        let id = &resource.id;
        let (code, message) = match self {
            Incomplete::MustSpecify(code) => (code, format!("{id} must specify {property} or {redirect}.")),
            Incomplete::RuleMustReference => (
                code::RULE_MUST_REFERENCE,
                format!("Request Routing Rule {id} must reference a {called}, or a RedirectConfiguration."),
            ),
        };
        violations.push(code, resource.at(property), message);
    }
}

impl RouteAction<'_> {
    /// Reports unresolved references. This is the only check if another action decides.
    pub(super) fn check_references<T>(
        &self,
        resource: &Resource<T>,
        targets: &Targets<'_>,
        violations: &mut Violations,
    ) {
        targets.pools.optional(resource, self.pool.0, self.pool.1, violations);
        targets.settings.optional(resource, self.settings.0, self.settings.1, violations);
        targets.redirects.optional(resource, self.redirect.0, self.redirect.1, violations);
        targets.rewrites.optional(resource, self.rewrites.0, self.rewrites.1, violations);
        targets.distributions.optional(resource, self.distribution.0, self.distribution.1, violations);
    }

    /// Compiles the action, if all references resolve and there is either a redirect or a complete destination.
    pub(super) fn compile<T>(
        &self,
        resource: &Resource<T>,
        incomplete: Incomplete,
        targets: &Targets<'_>,
        violations: &mut Violations,
    ) -> Option<RouteEntry> {
        let pool = targets.pools.optional(resource, self.pool.0, self.pool.1, violations);
        let settings = targets.settings.optional(resource, self.settings.0, self.settings.1, violations);
        let redirect = targets.redirects.optional(resource, self.redirect.0, self.redirect.1, violations);
        let rewrites = targets.rewrites.optional(resource, self.rewrites.0, self.rewrites.1, violations);
        self.refuse_endless(
            resource,
            incomplete,
            rewrites.and_then(|set| targets.rewrites.get(set)),
            violations,
        );
        let distribution =
            targets.distributions.optional(resource, self.distribution.0, self.distribution.1, violations);
        if self.redirect.1.is_some() {
            self.refuse_beside_redirect(resource, violations);
            let redirect = targets.compiled_redirects.get(redirect?)?.clone()?;
            // Redirects are never rewritten.
            return Some(RouteEntry { action: Action::Redirect(redirect), rewrites: None });
        }
        let redirect = self.redirect.0;
        if self.pool.1.is_none() && self.distribution.1.is_none() {
            incomplete.complain(resource, (self.pool.0, "BackendAddressPool"), redirect, violations);
        }
        if self.settings.1.is_none() {
            incomplete.complain(resource, (self.settings.0, "BackendHttpSettings"), redirect, violations);
        }
        // A distribution takes precedence over a pool.
        let to = match self.distribution.1 {
            Some(_) => Destination::Distribution(distribution?),
            None => Destination::Pool(pool?),
        };
        Some(RouteEntry { action: Action::Forward { to, settings: settings? }, rewrites })
    }

    /// Reports rewrites that would evaluate the path map without end.
    fn refuse_endless<T>(
        &self,
        resource: &Resource<T>,
        incomplete: Incomplete,
        set: Option<&Resource<RewriteRuleSet>>,
        violations: &mut Violations,
    ) {
        let Some(set) = set else { return };
        let complaint = match incomplete {
            Incomplete::RuleMustReference if rewrites::may_reroute(&set.properties) => {
                "A basic rule has no path map to evaluate again"
            }
            _ if rewrites::always_reroutes(&set.properties) => {
                "It would evaluate the path map endlessly; a rule with a condition or without reroute is \
                 required"
            }
            _ => return,
        };
        let message = format!("{}: {complaint}: {}.", resource.id, set.id);
        violations.push(code::REWRITE_URL, resource.at(self.rewrites.0), message);
    }

    fn refuse_beside_redirect<T>(&self, resource: &Resource<T>, violations: &mut Violations) {
        for (property, reference) in [self.pool, self.settings, self.distribution] {
            if reference.is_some() {
                let message = format!(
                    "{} cannot specify {property} when {} is specified.",
                    resource.id, self.redirect.0
                );
                violations.push(code::EXCLUSIVE, resource.at(property), message);
            }
        }
    }
}
