"""Code run by a Python of its own, without the settings of TensorFlow that this one has."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path


def in_new_process(code, **env):
    """The finished process: its stdout and stderr are text; `env` is added to the environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True,
                          env={**kept, **env}, cwd=Path(__file__).parents[1])
