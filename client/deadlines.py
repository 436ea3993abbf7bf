"""When to be called next, of several who may each want it. PURE."""


def earliest(*times: float | None) -> float | None:
    """The first of some times; None stands for never, and is returned where all are."""
    first: float | None = None
    for time in times:
        if time is not None and (first is None or time < first):
            first = time
    return first
