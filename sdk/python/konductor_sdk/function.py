"""Functions: what a plugin answers without managing an object, such as a look-up."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from .check import check_inputs
from .equality import Schema
from .failure import Failure
from .schema import DefinitionError, attributes_of, from_shape, to_shape
from .values import is_wholly_known


@dataclass(frozen=True)
class Function:
    """A function of a plugin. Called as it is, it does what was written, with nothing checked."""

    name: str
    arguments: type
    schema: Schema
    written: Callable[[Any, Any], Any]

    def __call__(self, call: Any, arguments: Any) -> Any:
        return self.written(call, arguments)

    def invoke(self, call: Any, arguments: Any) -> Any:
        """Checks the arguments, and answers.

        Raises a `Failure` with everything that is wrong with them."""
        checked, found = check_inputs(self.schema, arguments)
        errors = [one for one in found if one.severity == "error"]
        if errors:
            raise Failure("invalid", f"the arguments of `{self.name}` are wrong", diagnostics=errors)
        if not is_wholly_known(checked):
            raise Failure("invalid", f"an argument of `{self.name}` is not known yet")
        return from_shape(self.written(call, to_shape(self.arguments, checked)))


def function(written: Callable[[Any, Any], Any]) -> Function:
    """Makes a function of the plugin, by its own name: `def count(call: Call, arguments: Arguments) -> …`, where
    `Arguments` is a shape.

    Raises a `DefinitionError` with everything that is wrong."""
    name = written.__name__
    parameters = list(inspect.signature(written).parameters)
    arguments = get_type_hints(written).get(parameters[1]) if len(parameters) == 2 else None
    problems: list[str] = []
    if not hasattr(arguments, "__konductor__"):
        problems.append("it takes a call and a shape; write `(call: Call[Any], arguments: SHAPE)`")
        raise DefinitionError(name, problems)
    attributes = attributes_of(arguments, problems)
    for one, attribute in attributes.items():
        if attribute.get("computed"):
            problems.append(f"`{one}` is an argument, and cannot be set by the provider")
    if problems:
        raise DefinitionError(name, problems)
    return Function(name, arguments, {"attributes": attributes}, written)


__all__ = ["Function", "function"]
