"""`/hooks/<adapter>`: a provider's webhook, from its bytes to outcomes. It fetches from the provider's hosts only.

The write key says whose hook it is, the signature that the provider sent it. An adapter that knows signatures wants
one, unless the operator has said `unsigned` for that key.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from producers.adapters.adapter import Adapter, Context, HookRequest, HookSecrets, SignatureRefused
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.registry import ADAPTERS
from producers.collector.door import Arrived, Door, json_answer, tell
from producers.collector.fetching import Fetch
from producers.collector.keys import bearer_token
from producers.collector.refusal import Refusal
from producers.settings import HookSettings, WriteKey
from schemas.outcome import Outcome

#: Pieces of a request that are translated before other requests have their turn.
AT_A_TIME = 25


def adapter_of(name: str) -> Adapter:
    """Give the adapter of a path.

    Raises:
        Refusal: 404, there is none, or it reads files only.
    """
    adapter = ADAPTERS.get(name)
    if adapter is None or adapter.hook is None:
        known = ", ".join(sorted(name for name, one in ADAPTERS.items() if one.hook is not None))
        raise Refusal(404, "not_found", f"there is no hook {name[:50]!r}; there are {known}")
    return adapter


def presented_key(request: Request) -> str | None:
    """Give the write key of a hook from where providers can be told to put one: query, header, bearer token."""
    for name in ("key", "write_key", "writeKey"):
        if found := request.query_params.get(name):
            return found
    if found := request.headers.get("x-write-key"):
        return found
    return bearer_token(request.headers.get("authorization"))


def hook_request(request: Request, body: bytes, settings: HookSettings) -> HookRequest:
    """Give what an adapter is shown of a request."""
    url = str(request.url)
    if settings.public_url is not None:
        base, _, own_query = settings.public_url.partition("?")
        query = own_query or request.url.query
        url = f"{base}?{query}" if query else base
    headers = {name.lower(): value for name, value in request.headers.items()}
    return HookRequest(body, headers, tuple(request.query_params.multi_items()), url)


async def verify(adapter: Adapter, hook: HookRequest, key: WriteKey, now: datetime, fetch: Fetch) -> None:
    """Check the signature, and do what the provider asks to confirm.

    Raises:
        Refusal: 401, the signature is missing, wrong or too old; 503, what it needs could not be fetched.
    """
    settings = key.hooks.get(adapter.name, HookSettings())
    if adapter.hook is None or adapter.hook.verify is None or settings.unsigned:
        return
    secrets = HookSecrets(tuple(secret.get_secret_value() for secret in settings.secrets), settings.max_age)
    try:
        needs = adapter.hook.needs(hook)
        fetched = {url: await fetch(url) for url in needs}
        if not secrets.secrets and not needs and not adapter.hook.trial(hook):
            raise SignatureRefused(
                f"no secret is configured for the hook {adapter.name!r} of {key.source!r}: "
                f"set hooks.{adapter.name}.secrets of its write key"
            )
        adapter.hook.verify(hook, secrets, now, fetched)
        if (confirm := adapter.hook.confirms(hook)) is not None:
            await fetch(confirm)
    except SignatureRefused as refused:
        raise Refusal(401, "bad_signature", str(refused)) from None
    except OSError as error:
        raise Refusal(503, "unavailable", f"what the signature needs could not be fetched: {error}") from None


async def outcomes_of(adapter: Adapter, hook: HookRequest, context: Context, most: int) -> list[Outcome]:
    """Give the outcome of each piece.

    Raises:
        Refusal: 400, nothing can be read of the body, or it has more than `most` events.
    """
    keep = context.limits.quarantined_bytes
    if adapter.pieces is None:
        raise Refusal(404, "not_found", f"{adapter.name} reads files only")
    outcomes: list[Outcome] = []
    try:
        for piece in adapter.pieces(hook, context):
            if len(outcomes) >= most:
                raise Refusal(400, "too_large", f"$: more than {most} events", raw=hook.body[:keep])
            if len(outcomes) % AT_A_TIME == AT_A_TIME - 1:
                await asyncio.sleep(0)  # let the other requests go on
            outcomes.append(outcome_of(adapter, piece, context))
    except Problem as problem:
        raise Refusal(400, "bad_body", str(problem), raw=hook.body[:keep]) from None
    return outcomes


def _look(request: Request) -> Response:
    adapter = adapter_of(request.path_params["adapter"])
    return json_answer(200, {"adapter": adapter.name, "about": adapter.about, "send": "POST"})


def _names(request: Request) -> tuple[str, ...]:
    return "hooks", f"hooks:{adapter_of(request.path_params['adapter']).name}"


async def _translate(arrived: Arrived) -> Sequence[Outcome]:
    adapter = adapter_of(arrived.request.path_params["adapter"])
    key, services = arrived.holder, arrived.services
    hook = hook_request(arrived.request, arrived.body, key.hooks.get(adapter.name, HookSettings()))
    try:
        await verify(adapter, hook, key, arrived.received_at, services.fetch)
    except Refusal as refused:
        if refused.status == 401:
            services.metrics.bad_signatures.labels(key.source, adapter.name).inc()
        raise
    return await outcomes_of(adapter, hook, arrived.context, services.settings.max_batch_events)


def _answer(arrived: Arrived, outcomes: Sequence[Outcome]) -> Response:
    hook = adapter_of(arrived.request.path_params["adapter"]).hook
    if hook is not None and hook.answer is not None:
        media_type, content = hook.answer
        return Response(content, media_type=media_type)
    return tell(arrived, outcomes)


_NAMES = sorted(name for name, adapter in ADAPTERS.items() if adapter.hook is not None)

DOORS = (
    Door(
        name="hooks",
        paths=("/hooks/{adapter}",),
        about="Webhooks of mail providers, telephone systems, shops, help desks and survey tools, as they send them",
        key_outside=presented_key,
        private=True,
        asks=True,
        scopes=("hooks", *(f"hooks:{name}" for name in _NAMES)),
        parameters={"adapter": {"type": "string", "enum": list(_NAMES)}},
        body={},  # each provider's own; forms, too
        names=_names,
        translate=_translate,
        answer=_answer,
        look=_look,
        example_path="/hooks/postmark?key=local",
        example='{"RecordType": "Open", "Recipient": "ada@example.org", "ReceivedAt": "2024-05-01T12:00:00Z"}',
    ),
)
