"""Checks of every plan, which a package of policies names."""

from collections.abc import Iterator

from konductor_sdk.checks import Checks, Document, Finding, check, deny, warn


@check("owner")
def owner(document: Document) -> Iterator[Finding]:
    """Everything has somebody who answers for it."""
    for resource in document.resources:
        if resource.metadata("owner") is None:
            yield deny(f"nobody owns {resource.name}", resource)


@check("deletion")
def deletion(document: Document) -> Iterator[Finding]:
    """What goes is told, and nothing follows."""
    for resource in document.changes:
        if resource.action == "delete":
            yield warn(f"{resource.name} is deleted", resource)


CHECKS = Checks("{{name}}", "0.1.0", "Checks of every plan", [owner, deletion])
