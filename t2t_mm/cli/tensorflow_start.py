"""The start of TensorFlow, set up as all programs want it."""

import contextlib
import gc
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from t2t_mm.data.atomic import existing
from t2t_mm.training.run_folder import versions

COMPILED = "compiled"  # folder of a run: what XLA compiled for it
GPUS = "/proc/driver/nvidia/gpus"  # a folder for each

# Of TensorFlow's rewriting of graphs only what makes equal operations one: a graph takes 35 to 105 MiB less, a training
# step 0 to 5 % less time, and the MultiModel's decoding 5 %, for 0.1 to 1 s at the first call of a graph. All of it
# takes up to 3 s and gives nothing more.
REWRITING = {"arithmetic_optimization": True} | dict.fromkeys((
    "layout_optimizer", "constant_folding", "shape_optimization", "remapping", "dependency_optimization",
    "loop_optimization", "function_optimization", "implementation_selector"), False)


def start_tensorflow(batches_at_once: bool = False, output_dir: str | None = None) -> Any:
    """Imports TensorFlow, set up as all programs want it, and returns it; it takes seconds, so check flags first.

    Args:
        batches_at_once: for programs that decode or evaluate many batches (cores.py).
        output_dir: of the run; what XLA compiles is kept there.

    What it says at the start (of oneDNN, absent GPUs) is shown only if it fails, or with TF_CPP_MIN_LOG_LEVEL=0.
    """
    set_up_tensorflow(output_dir)
    with contextlib.nullcontext() if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0" else _quiet_unless_it_fails():
        tf = _import_tensorflow()
        tf.config.optimizer.set_experimental_options(REWRITING)
        for gpu in tf.config.list_physical_devices("GPU"):
            try:
                tf.config.experimental.set_memory_growth(gpu, True)
            except RuntimeError:  # the device is in use already
                pass
        if batches_at_once:
            from t2t_mm.cores import share_cores

            share_cores()
    return tf


def set_up_tensorflow(output_dir: str | None = None) -> None:
    """Environment variables that count when TensorFlow is imported, by whomever; what the user has set stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # XLA for GPUs: with Triton it aborts on products of a MultiModel (TensorFlow 2.21, triton_tiling_propagation.cc)
    # and compiles twice as long, to try its tilings; without, products go to cuBLAS.
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_gpu_enable_triton_gemm" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_enable_triton_gemm=false".strip()
    if output_dir:
        _keep_what_is_compiled(Path(output_dir, COMPILED))


def _keep_what_is_compiled(folder: Path) -> None:
    """XLA keeps there what it compiles for GPUs, so that a run that goes on need not wait for it again.

    The first call of a step of transformer_base then takes 14 s instead of 58 (an H100). A folder for each kind of GPU
    and versions of packages, because XLA does not look at them when it reads what it kept. TensorFlow takes no folder
    with a blank in its path, and stops where it cannot write.
    """
    models = [line for path in sorted(Path(GPUS).glob("*/information"))
              for line in path.read_text(errors="replace").splitlines() if line.startswith("Model")]
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if not models or "tf_xla_persistent_cache_directory" in flags:
        return
    kind = hashlib.sha256(repr([models, versions()]).encode()).hexdigest()
    folder = folder.absolute() / kind[:12]
    if os.access(existing(folder.parent), os.W_OK) and not any(character.isspace() for character in str(folder)):
        os.environ["TF_XLA_FLAGS"] = f"{flags} --tf_xla_persistent_cache_directory={folder}".strip()


def _import_tensorflow() -> Any:
    if "tensorflow" not in sys.modules:
        with _hidden("matplotlib", "sklearn"), _without_garbage_collection():
            import tensorflow
    import tensorflow
    return tensorflow


@contextlib.contextmanager
def _hidden(*packages: str) -> Iterator[None]:
    """In here a package that is not imported yet looks as if it was not installed.

    keras imports these where it finds them, for parts that nothing here uses: 1.5 of the 5 s of its own import.
    """
    absent = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # None: "import" raises ModuleNotFoundError
    try:
        yield
    finally:
        for package in absent:
            del sys.modules[package]


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """What is imported in here stays for good: no collection looks through it, in here or ever; that saves 1 s."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _quiet_unless_it_fails() -> Iterator[None]:
    """Holds back what is written to stderr, by C++ code too, and shows it if the block ends in an exception."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
