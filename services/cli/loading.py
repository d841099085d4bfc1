"""Owns how modules are loaded: nothing of them is garbage, and looking for some is a tenth of a start."""

import gc
from importlib import import_module
from types import ModuleType


def loaded(name: str) -> ModuleType:
    """The module of that name, imported with all it needs and without a look for garbage meanwhile."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.enable()
