"""Replays what Terraform's azurerm provider does with its configurations, from nothing to nothing.

The provider itself is not run; its sources say what it sends and how it reads. Each configuration is created
in the order of its dependencies, planned without a difference, imported, updated, planned again, destroyed.
"""

import time

import protected
import raw
from configurations import CONFIGURATIONS, Configuration, Stack
from provider import Provider
from schema import Block, difference

# The api-version of Tidegate's own types.
EXTENSIONS = "2026-12-01"


def create(provider: Provider, stack: Stack) -> None:
    for resource in stack.resources:
        provider.create(resource)
    stack.tie(provider)


def plan(provider: Provider, stack: Stack) -> None:
    """Demands that a plan is empty."""
    found = [f"{one.kind.type}: {text}" for one in stack.resources for text in provider.plan(one)]
    assert not found, "the plan is not empty:\n" + "\n".join(found)


def add_policy(provider: Provider, stack: Stack) -> dict:
    """Writes a document that no client of Azure knows beside the gateway, and returns it as it is read."""
    provider.client.resource("PUT", policy(stack), EXTENSIONS, {"properties": {"maxTunnels": 500}}).expect(201)
    return read_policy(provider, stack)


def read_policy(provider: Provider, stack: Stack) -> dict:
    read = provider.client.resource("GET", policy(stack), EXTENSIONS).expect(200).json()
    # The progress of the gateway's own writes is shown here too.
    del read["properties"]["provisioningState"]
    return read


def policy(stack: Stack) -> str:
    return f"{stack.gateway.id}/providers/Tidegate.Network/tunnelPolicies/default"


def update(provider: Provider, configuration: Configuration, stack: Stack) -> None:
    provider.update(stack.gateway, configuration.update(stack.gateway.configuration))
    provider.update(stack.network, {"dns_servers": ["10.0.0.4"], "tags": {"stage": "test"}})
    provider.update(stack.subnet, {"service_endpoints": ["Microsoft.Storage"]})
    provider.update(stack.address, {"idle_timeout_in_minutes": 10})
    provider.update(stack.group, {"tags": {"stage": "test"}})
    stack.update(provider)


def import_each(provider: Provider, stack: Stack) -> None:
    """Imports each resource by its ID. The state is that of the creation, except for what is never read."""
    for resource in stack.resources:
        seen, state = provider.imported(resource), resource.state
        for attribute in resource.kind.attributes:
            if isinstance(attribute.codec, Block) and attribute.codec.many:
                for block, same in zip(seen[attribute.name], state[attribute.name]):
                    for name in ("data", "password"):
                        if name in block and not block[name]:
                            block[name] = same[name]
        assert seen == state, (resource.id, seen, state)


def destroy(provider: Provider, stack: Stack) -> None:
    stack.untie(provider)
    for resource in reversed(stack.resources):
        provider.destroy(resource)


def live(provider: Provider, configuration: Configuration) -> None:
    stack = configuration.stack()
    create(provider, stack)
    plan(provider, stack)
    import_each(provider, stack)
    policy = add_policy(provider, stack)
    plan(provider, stack)
    update(provider, configuration, stack)
    plan(provider, stack)
    assert read_policy(provider, stack) == policy, "an update of the gateway has changed its policy"
    destroy(provider, stack)


def wait_for_nothing(provider: Provider, configuration: Configuration) -> None:
    """Lives, and demands that the SDK has not slept before a single poll."""
    live(provider, configuration)
    pace = provider.polls.pace
    assert pace.seconds == 0, f"the provider would have slept for {pace.seconds} s in {pace.polls} polls"


def wait_briefly(configuration: Configuration) -> None:
    """Creates with an SDK that heeds the header only on polls: it sleeps for a second after each write."""
    provider = Provider(skips_at_once=False)
    provider.configure()
    stack = configuration.stack()
    create(provider, stack)
    writes = sum(answer.method == "PUT" for answer in provider.client.log) - 1  # A group is not polled.
    pace = provider.polls.pace
    assert pace.seconds <= writes, f"the provider would have slept for {pace.seconds} s after {writes} writes"
    destroy(provider, stack)


def notice_what_differs(provider: Provider, configuration: Configuration) -> None:
    """Checks the replay itself: a change by someone else is a difference."""
    stack = configuration.stack()
    create(provider, stack)
    attributes, gateway = stack.gateway.kind.attributes, stack.gateway
    for changed in ({"enable_http2": False}, {"tags": {}}, {"frontend_port": []}, {"zones": ["1"]}):
        assert difference(attributes, gateway.configuration | changed, gateway.state), changed
    destroy(provider, stack)


def main() -> None:
    provider = Provider()
    provider.configure()
    provider.read_subscription()
    for configuration in CONFIGURATIONS + protected.CONFIGURATIONS:
        step(configuration.name, lambda: wait_for_nothing(provider, configuration))
    step("an older SDK", lambda: wait_briefly(CONFIGURATIONS[0]))
    step("a difference is noticed", lambda: notice_what_differs(provider, CONFIGURATIONS[0]))
    for name, part in raw.STEPS.items():
        step(name, lambda: part(provider))


def step(name: str, run) -> None:
    begin = time.monotonic()
    run()
    print(f"   {name} ({time.monotonic() - begin:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
