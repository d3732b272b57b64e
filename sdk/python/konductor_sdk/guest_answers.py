"""What the exports of every plugin answer with where something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.imports import types as wit

from .diagnostics import Diagnostic, Path
from .failure import Failure, failure_of

_ERRORS = {
    "not-found": wit.Error_NotFound,
    "already-exists": wit.Error_AlreadyExists,
    "conflict": wit.Error_Conflict,
    "throttled": wit.Error_Throttled,
    "denied": wit.Error_Denied,
    "quota": wit.Error_Quota,
    "unavailable": wit.Error_Unavailable,
    "unsupported": wit.Error_Unsupported,
    "other": wit.Error_Other,
}


def steps_out(path: Path) -> list[Any]:
    return [wit.PathStep_Index(one) if isinstance(one, int) else wit.PathStep_Attribute(one) for one in path]


def path_out(path: Path | None) -> list[Any] | None:
    return steps_out(path) if path else None


def diagnostics_out(found: list[Diagnostic]) -> list[Any]:
    return [
        wit.Diagnostic(wit.Severity[one.severity.upper()], one.summary, one.full_detail, path_out(one.at))
        for one in found
    ]


def error_out(failure: Failure) -> Any:
    if failure.disposition == "invalid":
        found = failure.diagnostics or [Diagnostic(failure.message, at=failure.at or ())]
        return wit.Error_Invalid(diagnostics_out(found))
    return _ERRORS[failure.disposition](
        wit.Failure(
            failure.code,
            failure.message,
            failure.http_status,
            failure.request_id,
            path_out(failure.at),
            list(failure.details.items()),
        )
    )


def answers(call: Callable[..., Any]) -> Callable[..., Any]:
    """Turns what is raised into the interface's error."""

    def answer(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception as error:
            raise error if isinstance(error, Err) else Err(error_out(failure_of(error))) from None

    return answer
