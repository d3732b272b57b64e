"""The component's main module: what the sandbox calls."""

from konductor_sdk.guest import exports
from kinto_plugin import PLUGIN

Plugin, Provider, Operations, Module = exports(PLUGIN)
