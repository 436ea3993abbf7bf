"""Re-exports that are imported on first use (PEP 562).

Each room's ``__init__`` names its public classes without importing them, so that
``import futurefsm.fsm`` stays light and a worker process never loads the codec or the transports.
"""

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType


def attach(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], list[str]]:
    """Make ``__getattr__`` and ``__all__`` for a package.

    Args:
        package: the package's ``__name__``.
        homes: public name → the module that defines it, absolute.
    """

    def __getattr__(name: str) -> object:
        home = homes.get(name)
        if home is None:
            try:
                module: ModuleType = importlib.import_module(f"{package}.{name}")
            except ModuleNotFoundError as missing:
                if missing.name != f"{package}.{name}":
                    raise
                raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
            return module
        return getattr(importlib.import_module(home), name)

    return __getattr__, sorted(homes)
