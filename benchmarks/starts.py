"""How long an import takes, in interpreters of their own."""

import subprocess
import sys

_MODULE = {"ours": "futurefsm.fsm", "concurrent.futures": "concurrent.futures"}
# Into its own output, so that the start of the interpreter is not counted.
_CODE = """\
import time
began = time.perf_counter()
import {module}
print(time.perf_counter() - began)
"""


def imports(side: str, n: int) -> dict[str, float]:
    """Milliseconds of an import; the quickest of `n` interpreters."""
    code = _CODE.format(module=_MODULE[side])
    took = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(n)
    ]
    return {"import": min(took) * 1e3}
