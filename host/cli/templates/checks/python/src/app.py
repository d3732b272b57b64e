"""The component's main module: what the sandbox calls."""

from konductor_sdk.checks_guest import exports
from {{module}}_checks import CHECKS

Plugin, Compliance = exports(CHECKS)
