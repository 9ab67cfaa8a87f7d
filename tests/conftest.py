"""What all tests share: files to read, paths of the helpers beside them, and TensorFlow as the programs set it up."""

import os
import sys
from pathlib import Path

import pytest

from t2t_mm.cli.tensorflow_start import REWRITING, set_up_tensorflow

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
set_up_tensorflow()

TESTS = Path(__file__).parent
for folder in (TESTS, TESTS / "layers"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def pytest_runtest_setup(item):
    """Once TensorFlow is there (this never imports it), has it rewrite graphs as it does in the programs."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and hasattr(tensorflow, "config") and not item.config.stash.get("rewriting", False):
        tensorflow.config.optimizer.set_experimental_options(REWRITING)
        item.config.stash["rewriting"] = True


@pytest.fixture
def files(tmp_path):
    """A function that writes files, name → text or bytes, below `tmp_path`."""
    def write(contents):
        for name, content in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path)
    return write
