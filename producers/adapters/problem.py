"""What an adapter says of a payload that cannot be taken: where in the sender's own payload, and why."""


class Problem(ValueError):  # noqa: N818 # it is about the payload, not an error of ours
    """One thing is wrong. `path` is a path into what the sender sent: `$.properties.revenue`, `$.line[17].quantity`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message
