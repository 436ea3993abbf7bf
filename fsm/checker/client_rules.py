"""What a client may do by itself, and the invariants of its future. PURE."""

from futurefsm.fsm import events as ev
from futurefsm.fsm.checker.client_side import (
    ANNOUNCED,
    ANSWER_EVENTS,
    ANSWERS,
    BLAME,
    BYTES,
    CANCELS,
    CHANGED,
    CLOSED,
    CONTRADICTED,
    DELETES,
    DROPPED,
    FUTURE,
    GENTLE,
    GETS,
    GOODBYE,
    KNOWN,
    LIE,
    NO_WORD,
    OBJECT,
    OUTCOME,
    PROMISED,
    QUEUED,
    REQUESTS,
    RESULTS,
    SAID_FALSE,
    SAID_TRUE,
    SENT,
    TOLD,
    UNANSWERED,
    UNENDED,
    VALUE,
    WAITING,
    WRONG,
    Facts,
    late_bytes,
)
from futurefsm.fsm.checker.model import (
    ALWAYS,
    Action,
    AlwaysPossible,
    Assign,
    Channel,
    Empty,
    Fire,
    Invariant,
    LeadsTo,
    NoDeadlock,
    Not,
    Operation,
    Property,
    Send,
    When,
    every,
    implies,
    some,
    state,
    value,
)
from futurefsm.fsm.table import Lifecycle

# Events that no client of ours fires at a future; those of the wire and of the users.
_KNOWN = {str(event) for event in ev.FUTURE_EVENTS}


def fire(lifecycle: Lifecycle, part: str, event: str) -> tuple[Operation, ...]:
    """An event, where the lifecycle has it."""
    return (Fire(part, event),) if event in lifecycle.events else ()


def user_actions(
    lifecycle: Lifecycle, facts: Facts, *, wired: bool = True, fetches: bool
) -> tuple[Action, ...]:
    """Any number of calls, at any time, and the timer of a `cancel()` that waits.

    Args:
        wired: there is a scheduler.
        fetches: there is an object store, so a value can be asked for and let go.
    """
    held = value(DROPPED, 0)
    waits: tuple[Operation, ...] = ()
    if facts.decided:
        waits = (When(state(FUTURE, *facts.decided), (Assign(WAITING, 1),)),)
    announces: tuple[Operation, ...] = ()
    if wired:
        # A client announces at once what was cancelled before it was sent; an executor's queue
        # comes to it in its turn.
        unannounced = every(state(FUTURE, *facts.cancelled), value(ANNOUNCED, 0), value(CLOSED, 0))
        announces = (When(unannounced, fire(lifecycle, FUTURE, ev.SUBMIT)),)
    cancel = (*fire(lifecycle, FUTURE, ev.CANCEL), *announces, *waits)
    actions = [Action("cancel", "you", "cancel()", held, cancel)]
    if ev.CANCEL_TIMED_OUT in lifecycle.events and facts.decided:
        does = (Assign(WAITING, 0), Fire(FUTURE, ev.CANCEL_TIMED_OUT))
        words = "the wait of cancel() runs out"
        actions.append(Action("cancel_timed_out", "client", words, value(WAITING, 1), does))
    for event in lifecycle.events:
        if event not in _KNOWN:
            words = f"{event} (an event of its own: at any time)"
            actions.append(Action(f"own_{event}", "you", words, held, (Fire(FUTURE, event),)))
    if fetches:
        drop = (Assign(DROPPED, 1), Fire(VALUE, ev.DISCARD))
        actions += [
            Action("want", "you", "result()", held, (Fire(VALUE, ev.WANT),)),
            Action("drop", "you", "let go of the future", held, drop),
        ]
    return tuple(actions)


def client_actions(
    lifecycle: Lifecycle, facts: Facts, *, breaks: bool, doubts: bool, ends: bool
) -> tuple[Action, ...]:
    """What a client with a scheduler does: submit, end, lose the link and find it again.

    Args:
        breaks: the link breaks and comes back.
        doubts: the client asks what became of a task, without force and on its own account.
        ends: it is only the end of the client that is sure to come.
    """
    is_open = value(CLOSED, 0)
    actions = [
        Action(
            "submit",
            "client",
            "the outgoing queue takes the task",
            every(value(QUEUED, 1), is_open),
            (Assign(QUEUED, 0), *fire(lifecycle, FUTURE, ev.SUBMIT)),
            fair=True,
        ),
        Action(
            "disconnect",
            "you",
            "disconnect()",
            is_open,
            (
                Assign(CLOSED, 1),
                *fire(lifecycle, FUTURE, ev.DISCONNECT),
                Send(REQUESTS, GOODBYE),
            ),
        ),
        Action(
            "connection_lost",
            "network",
            "the link is lost for good",
            is_open,
            (Assign(CLOSED, 1), *fire(lifecycle, FUTURE, ev.CONNECTION_LOST)),
            fair=ends,
        ),
    ]
    if breaks and ev.RECONNECTED in lifecycle.events:
        again = (Assign(CANCELS, 0), Fire(FUTURE, ev.RECONNECTED))
        words = "the link breaks, and is back"
        actions.append(Action("reconnected", "network", words, is_open, again))
    if doubts:
        doubt = every(
            is_open,
            value(SENT, 1, 2),
            value(PROMISED, NO_WORD, SAID_FALSE),
            Not(state(FUTURE, *facts.settled)),
            Empty(REQUESTS),
        )
        words = "asks, without force, what became of the task"
        actions.append(Action("doubt", "client", words, doubt, (Send(REQUESTS, GENTLE),)))
    return tuple(actions)


def client_deliveries(
    lifecycle: Lifecycle, value_lifecycle: Lifecycle, *, dedups: bool
) -> dict[tuple[str, str], tuple[Operation, ...]]:
    """What a client does with what reaches it. One that has ended reads nothing."""
    is_open, facts = value(CLOSED, 0), Facts.of(lifecycle)
    found: dict[tuple[str, str], tuple[Operation, ...]] = {}
    for message, event in ANSWER_EVENTS.items():
        learn: tuple[Operation, ...] = (Assign(KNOWN, 1),) if event in RESULTS else ()
        does = (*learn, *fire(lifecycle, FUTURE, event))
        if event == ev.CONFIRM_NOT_FOUND and facts.decided:
            # Who has asked for the end hears no more than this of a task that nobody knows.
            does = (
                When(state(FUTURE, *facts.decided), (Assign(UNENDED, 1),)),
                *does,
                When(state(FUTURE, *facts.settled), (Assign(UNENDED, 0),)),
            )
        found[ANSWERS, message] = (When(is_open, does),)
    came = (*fire(value_lifecycle, VALUE, ev.BYTES), *late_bytes(dedups=dedups))
    found[BYTES, "bytes"] = (When(is_open, came),)
    # The store answers where the object is there; for one that is not, it waits in silence.
    found[GETS, "get"] = (When(value(OBJECT, 1), (Send(BYTES, "bytes"),)),)
    return found


def store_actions(value_lifecycle: Lifecycle) -> tuple[Action, ...]:
    """The object store's answers fail: its channel ends, or nothing comes for too long."""
    failed = fire(value_lifecycle, VALUE, ev.FETCH_FAILED)
    asked = state(VALUE, "fetching", "loaded", "discarded", "lost")
    fetching = state(VALUE, "fetching")
    silent = every(fetching, Empty(GETS), Empty(BYTES))
    return (
        Action(
            "storage_ends",
            "store",
            "the storage channel ends",
            # Only what was asked for can fail.
            every(asked, value(KNOWN, 1), some(fetching, Not(Empty(BYTES)))),
            failed,
        ),
        Action("give_up", "client", "the bytes are overdue", silent, failed, fair=True),
        Action(
            "storage_closed",
            "client",
            "its end ends the fetch",
            every(fetching, value(CLOSED, 1)),
            failed,
            fair=True,
        ),
    )


def store_channels(*, faulty: bool) -> tuple[Channel, ...]:
    """The link to the object store."""
    return (
        Channel(GETS, "client", "store", ("get",), 2),
        Channel(BYTES, "store", "client", ("bytes",), 2, duplicates=faulty),
    )


def _settling(facts: Facts) -> tuple[Property, ...]:
    settled = state(FUTURE, *facts.settled)
    cancelled = state(FUTURE, *facts.cancelled)
    decided = state(FUTURE, *facts.decided, *facts.cancelled)
    told = every(implies(value(TOLD, 1), settled), implies(settled, value(TOLD, 1)))
    return (
        Invariant(
            "One verdict",
            value(CHANGED, 0),
            "cancelled never changes, finished only by its user's own cancel",
        ),
        Invariant(
            "Once",
            every(value(TOLD, 0, 1), told, implies(value(ANNOUNCED, 1), settled)),
            "callbacks and waiters hear of the settling, and once",
        ),
        Invariant(
            "Agreement",
            every(
                Not(value(PROMISED, CONTRADICTED)),
                implies(value(PROMISED, SAID_TRUE), decided),
                implies(value(PROMISED, SAID_FALSE), Not(cancelled)),
            ),
            "what cancel() said is so, and stays so",
        ),
        Invariant(
            "Right value", value(WRONG, 0), "it is given what its event brought; submit says so"
        ),
    )


def _outcomes(facts: Facts) -> Property:
    cancelled = state(FUTURE, *facts.cancelled)
    finished = state(FUTURE, *(s for s in facts.settled if s not in facts.cancelled))
    return Invariant(
        "True outcome",
        every(
            Not(value(OUTCOME, LIE)),
            implies(cancelled, Not(value(OUTCOME, 0, UNANSWERED))),
            implies(state(FUTURE, *facts.decided), Not(value(OUTCOME, 0))),
            implies(finished, value(OUTCOME, 0)),
        ),
        "cancel_outcome says what is known of a cancel, and nothing that is not so",
    )


_NO_VIOLATION = Invariant("No violation", value(BLAME, 0), "nothing comes that the table forbids")


def local_properties(facts: Facts) -> tuple[Property, ...]:
    """What holds of any future, whoever fires its events."""
    return (*_settling(facts), _NO_VIOLATION)


def rogue_properties(facts: Facts) -> tuple[Property, ...]:
    """What holds of a future with a scheduler, whatever that says."""
    settled = state(FUTURE, *facts.settled)
    is_open = value(CLOSED, 0)
    one = every(
        value(SENT, 0, 1),
        value(CANCELS, 0, 1),
        implies(state(FUTURE, *facts.running), value(SENT, 1)),
        implies(every(state(FUTURE, *facts.decided), is_open), value(CANCELS, 1)),
    )
    return (
        *_settling(facts),
        Invariant(
            "One TaskCancel",
            one,
            "a task is sent once; one TaskCancel for a future that was sent, on one connection",
        ),
        Invariant(
            "Not found settles",
            value(UNENDED, 0),
            "a cancel whose task nobody knows is at its end, and not only with its client's",
        ),
        Invariant(
            "Settles at the end",
            implies(value(CLOSED, 1), settled),
            "at the latest with disconnect or connection_lost",
        ),
    )


def wired_properties(facts: Facts) -> tuple[Property, ...]:
    """What holds of a future with a scheduler that answers what it is asked, in its own way."""
    return (
        *rogue_properties(facts),
        _outcomes(facts),
        Invariant(
            "Deleted once",
            value(DELETES, 0, 1),
            "a result object is deleted once, and not while somebody can ask for it",
        ),
    )


def quiet(*channels: str) -> tuple[Empty, ...]:
    """Nothing is under way on any of these."""
    return tuple(map(Empty, channels))


def peer_properties(facts: Facts) -> tuple[Property, ...]:
    """What holds where the scheduler, the store and the network are as they are told to be."""
    settled = state(FUTURE, *facts.settled)
    fetching = state(VALUE, "fetching")
    still_wanted = every(state(VALUE, "offered"), value(DROPPED, 0))
    over = every(settled, value(CLOSED, 0), Not(fetching), *quiet(REQUESTS, ANSWERS, GETS, BYTES))
    kept = every(value(OBJECT, 1), value(KNOWN, 1))
    return (
        _NO_VIOLATION,
        Invariant(
            "No leak",
            implies(every(over, kept), still_wanted),
            "the store holds no result that nobody can ask for",
        ),
        LeadsTo("Settles", ALWAYS, settled, "on every fair run"),
        LeadsTo("Told", settled, value(ANNOUNCED, 1), "wait() hears of it, on every fair run"),
        LeadsTo("Loads", fetching, Not(fetching), "a value comes, or its loss is told"),
        AlwaysPossible("Can settle", settled, "from everywhere, without its user's help"),
        NoDeadlock(
            "No dead-lock", every(settled, Not(fetching)), "who waits is not left with nothing"
        ),
    )
