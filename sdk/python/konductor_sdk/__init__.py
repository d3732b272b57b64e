"""Write Konductor plugins in Python. See docs/languages.md."""

from .cloud import Endpoint, Request, Response, SendError, path_of, plain
from .diagnostics import Diagnostic
from .failure import Failure, disposition_of
from .plan import Change, Plan
from .plugin import (
    Call,
    Deleted,
    EndpointRequest,
    InProgress,
    Object,
    Partial,
    Plugin,
    Resource,
    Reveal,
)
from .schema import DefinitionError, Example, Identity, Json, attribute, output, shape
from .values import UNKNOWN, Number, Reference, Secret, Unknown, reveal

__all__ = [
    "UNKNOWN",
    "Call",
    "Change",
    "DefinitionError",
    "Deleted",
    "Diagnostic",
    "Endpoint",
    "EndpointRequest",
    "Example",
    "Failure",
    "Identity",
    "InProgress",
    "Json",
    "Number",
    "Object",
    "Partial",
    "Plan",
    "Plugin",
    "Reference",
    "Request",
    "Resource",
    "Response",
    "Reveal",
    "Secret",
    "SendError",
    "Unknown",
    "attribute",
    "disposition_of",
    "output",
    "path_of",
    "plain",
    "reveal",
    "shape",
]
