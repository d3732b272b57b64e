"""Write Konductor plugins in Python. See docs/languages.md."""

from .cloud import Endpoint, Request, Response, SendError, path_of, plain
from .component import Component, Constructed, Construction, Declaration, Options, Sibling
from .diagnostics import Diagnostic
from .failure import Failure, disposition_of
from .function import Function, function
from .plan import Change, Plan
from .plugin import (
    Call,
    Deleted,
    EndpointRequest,
    InProgress,
    Object,
    Partial,
    Plugin,
    Reading,
    Resource,
    Reveal,
)
from .schema import DefinitionError, Example, Identity, Json, attribute, output, shape
from .values import UNKNOWN, Number, Reference, Secret, Unknown, reveal

__all__ = [
    "UNKNOWN",
    "Call",
    "Change",
    "Component",
    "Constructed",
    "Construction",
    "Declaration",
    "DefinitionError",
    "Deleted",
    "Diagnostic",
    "Endpoint",
    "EndpointRequest",
    "Example",
    "Failure",
    "Function",
    "Identity",
    "InProgress",
    "Json",
    "Number",
    "Object",
    "Options",
    "Partial",
    "Plan",
    "Plugin",
    "Reading",
    "Reference",
    "Request",
    "Resource",
    "Response",
    "Reveal",
    "Secret",
    "SendError",
    "Sibling",
    "Unknown",
    "attribute",
    "disposition_of",
    "function",
    "output",
    "path_of",
    "plain",
    "reveal",
    "shape",
]
