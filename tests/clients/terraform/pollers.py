"""The pollers of `go-azure-sdk` and of Azure's own SDK for Go (`azcore`): what they poll, and how they wait.

They add up their waits instead of sleeping: Tidegate holds a poll until the operation ends, or for a moment.
"""

import dataclasses

from client import Answer, Client

# The wait before each poll of `go-azure-sdk` if nothing tells another.
DEFAULT_SECONDS = 10
# That of `azcore`, which polls once before it waits.
AZCORE_SECONDS = 30

# Far more than an operation takes.
MOST_POLLS = 400

SKIP = "X-Go-Azure-Sdk-Skip-Polling-Delay"
ENDED = ("succeeded", "failed", "canceled")


@dataclasses.dataclass
class Pace:
    """What polling has cost: the number of polls, and the seconds that the client would have slept."""

    polls: int = 0
    seconds: int = 0


class Failed(AssertionError):
    """An operation has failed."""


def retry_after(answer: Answer, otherwise: int) -> int:
    text = answer.headers.get("Retry-After")
    return int(text) if text is not None else otherwise


def path_of(answer: Answer) -> str:
    return answer.url.split("?")[0]


class GoAzureSdk:
    """The pollers of Terraform's azurerm provider.

    `skips_at_once` is the behaviour since the middle of 2026: the first answer can tell to skip the wait, and
    a DELETE polls its operation. Before, only polls could, and a DELETE polled its resource every 10 seconds.
    """

    def __init__(self, client: Client, skips_at_once: bool = True):
        self.client, self.skips_at_once, self.pace = client, skips_at_once, Pace()

    def finish(self, answer: Answer) -> None:
        """Polls until the operation of a write has ended, with the poller that its answer asks for."""
        url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        is_delete = answer.method == "DELETE"
        if url and answer.status in (200, 201, 202) and (self.skips_at_once or not is_delete):
            assert url.startswith("https://"), f"the SDK takes absolute URLs only, not {url}"
            self._operation(answer, url)
        elif is_delete:
            assert answer.status in (200, 202, 204), answer
            self._absence(answer)
        else:
            assert answer.status in (200, 201), f"no applicable poller for {answer.status}"
            self._provisioning_state(answer)

    def _poll(self, url: str, seconds: int) -> Answer:
        self.pace.polls += 1
        self.pace.seconds += seconds
        assert self.pace.polls < MOST_POLLS, f"{url} does not end"
        return self.client.send("GET", url)

    def _operation(self, answer: Answer, url: str) -> None:
        initial = seconds = retry_after(answer, DEFAULT_SECONDS)
        if self.skips_at_once and answer.headers.get(SKIP) == "true":
            initial = seconds = 0
        while True:
            poll = self._poll(url, seconds).expect(200, 201, 202, 204, 404)
            seconds = 0 if poll.headers.get(SKIP) == "true" else retry_after(poll, initial)
            if poll.status in (202, 404):
                continue
            if poll.status == 204 or not poll.body:
                return
            body = poll.json()
            state = (body.get("properties") or {}).get("provisioningState") or ""
            words = {state.lower(), (body.get("status") or "").lower()}
            if words & {"failed", "canceled"}:
                raise Failed(f"{url}: {body}")
            if "succeeded" in words:
                return

    def _provisioning_state(self, answer: Answer) -> None:
        while True:
            body = self._poll(answer.url, DEFAULT_SECONDS).expect(200).json()
            state = ((body.get("properties") or {}).get("provisioningState") or "Succeeded").lower()
            if state in ("failed", "canceled"):
                raise Failed(f"{answer.url}: {body}")
            if state == "succeeded":
                return

    def _absence(self, answer: Answer) -> None:
        while self._poll(answer.url, DEFAULT_SECONDS).expect(200, 404).status == 200:
            pass


class AzCore:
    """The pollers of `azcore`, which azapi and Pulumi use: chosen by header, the first one that applies."""

    def __init__(self, client: Client):
        self.client, self.pace = client, Pace()

    def finish(self, answer: Answer, final_state_via: str = ""):
        """Polls until the operation has ended. Returns the kind of the poller and the final body."""
        if url := answer.headers.get("Azure-AsyncOperation"):
            return "async", self._async(answer, url, final_state_via)
        if url := answer.headers.get("Location"):
            return "location", self._location(answer, url)
        if answer.method in ("PUT", "PATCH"):
            return "body", self._body(answer)
        assert answer.status != 202, "the response is missing its polling URL"
        return "nop", answer.json()

    def _until_done(self, answer: Answer, state: str, poll) -> Answer:
        """Waits as the first answer says, even if it is done; then polls, waiting as each poll says."""
        self.pace.seconds += retry_after(answer, 0)
        while state.lower() not in ENDED:
            self.pace.polls += 1
            assert self.pace.polls < MOST_POLLS, f"{answer.url} does not end"
            state, answer = poll()
            if state.lower() not in ENDED:
                self.pace.seconds += retry_after(answer, AZCORE_SECONDS)
        if state.lower() != "succeeded":
            raise Failed(f"{answer.url}: {answer.body.decode()}")
        return answer

    def _async(self, answer: Answer, url: str, final_state_via: str):
        def poll():
            seen = self.client.send("GET", url).expect(200, 201, 202, 204)
            status = seen.json().get("status")
            assert status, "the response did not contain a status"
            return status, seen

        state = provisioning_state(answer) or "InProgress"
        self._until_done(answer, state, poll)
        if answer.method in ("PUT", "PATCH") or final_state_via == "original-uri":
            return self.client.send("GET", answer.url).expect(200).json()
        location = answer.headers.get("Location")
        if answer.method == "POST" and location and final_state_via != "azure-async-operation":
            return self.client.send("GET", location).expect(200).json()
        return None

    def _location(self, answer: Answer, url: str):
        def poll():
            nonlocal url
            seen = self.client.send("GET", url)
            url = seen.headers.get("Location") or url
            by_status = "InProgress" if seen.status == 202 else "Succeeded" if seen.status < 300 else "Failed"
            return provisioning_state(seen) or by_status, seen

        return self._until_done(answer, provisioning_state(answer) or "InProgress", poll).json()

    def _body(self, answer: Answer):
        def poll():
            seen = self.client.send("GET", answer.url).expect(200)
            return provisioning_state(seen) or "Succeeded", seen

        state = provisioning_state(answer) or ("InProgress" if answer.status == 201 else "Succeeded")
        return self._until_done(answer, state, poll).json()


def provisioning_state(answer: Answer) -> str:
    body = answer.json() if answer.body else None
    return (body.get("properties") or {}).get("provisioningState") or "" if isinstance(body, dict) else ""
