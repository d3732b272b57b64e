"""Why an operation failed, by what the host should do about it."""

from __future__ import annotations

from traceback import format_tb
from typing import Final

from .diagnostics import Diagnostic, Path
from .values import NotAValue

DISPOSITIONS: Final = (
    "not-found",
    "already-exists",
    "conflict",
    "throttled",
    "denied",
    "invalid",
    "quota",
    "unavailable",
    "unsupported",
    "other",
)


class Failure(Exception):
    """Ends an operation. `disposition` says what the host should do about it."""

    def __init__(
        self,
        disposition: str,
        message: str,
        *,
        code: str = "",
        http_status: int | None = None,
        request_id: str | None = None,
        at: Path | None = None,
        details: dict[str, str] | None = None,
        diagnostics: list[Diagnostic] | None = None,
    ) -> None:
        if disposition not in DISPOSITIONS:
            raise ValueError(f"{disposition!r} is no disposition; use one of {', '.join(DISPOSITIONS)}")
        super().__init__(message)
        self.disposition = disposition
        self.message = message
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.at = at
        self.details = details or {}
        self.diagnostics = diagnostics or []


def disposition_of(status: int) -> str:
    """Returns what an HTTP status means where an API gives it its common meaning."""
    match status:
        case 404 | 410:
            return "not-found"
        case 401 | 403 | 407:
            return "denied"
        case 409 | 412 | 423 | 425:
            return "conflict"
        case 429:
            return "throttled"
        case 408 | 500 | 502 | 503 | 504:
            return "unavailable"
        case 402 | 507:
            return "quota"
        case 405 | 501:
            return "unsupported"
        case _ if 400 <= status < 500:
            return "invalid"
    return "other"


def failure_of(error: Exception) -> Failure:
    """Makes a failure of whatever was raised: a mistake in the plugin ends one call, with its place, not the run."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, NotAValue):
        return Failure("other", str(error))
    told = f"a mistake in the plugin: {type(error).__name__}: {error}"
    return Failure("other", told, details={"stack": "".join(format_tb(error.__traceback__))})
