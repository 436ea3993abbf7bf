"""Runs a real OpenGRIS Scaler cluster until its standard input ends. Started by conftest.py.

The arguments: a descriptor to which it writes a line when it is up, and the keyword arguments of
`SchedulerClusterCombo` as JSON; those of a `SecurityConfig` may be in it under `security`, and a
scheduler's policy under `policy`.
"""

import json
import os
import sys

if __name__ == "__main__":
    from scaler import SchedulerClusterCombo

    options = json.loads(sys.argv[2])
    if security := options.pop("security", None):
        from scaler.config.common.security import SecurityConfig

        options["security_config"] = SecurityConfig(**security)
    if policy := options.pop("policy", None):
        from scaler.config.section.scheduler import PolicyConfig

        options["scaler_policy"] = PolicyConfig(policy_content=policy)
    combo = SchedulerClusterCombo(**options)
    os.write(int(sys.argv[1]), b"up\n")
    try:
        sys.stdin.read()
    finally:
        combo.shutdown()
