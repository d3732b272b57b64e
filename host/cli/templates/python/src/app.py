"""The component's main module: what the sandbox calls."""

from konductor_sdk.guest import exports
from {{module}}_plugin import PLUGIN

Plugin, Provider, Operations, Module = exports(PLUGIN)
