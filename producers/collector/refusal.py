"""A request that is not taken: its status, and the `code` and `message` of its answer.

Every refusal has both, because SDKs retry a 4xx without them. 400 is the refusal that nobody retries; so a body that
is too large is answered 400 `too_large` and not 413, which Snowplow's trackers would send again for ever.
"""


class Refusal(Exception):  # noqa: N818 # an answer, not an error of ours
    """Answer `status` with `code` and `message`. `raw`, where there is any, is for the quarantine.

    `retry_after` is in seconds; None: what the settings say for a 503, and nothing for another status.
    """

    def __init__(
        self, status: int, code: str, message: str, *, raw: bytes | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.raw = raw
        self.retry_after = retry_after
