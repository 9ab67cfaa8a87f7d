"""Laws of the start of TensorFlow: set up before its import, quiet unless it fails, what the user has set stays."""

import gc
import importlib
import os
import sys
import textwrap

import pytest
from new_process import in_new_process

from t2t_mm.cli import tensorflow_start


def with_tensorflow(source, code, folder, **env):
    """Runs the code where `import tensorflow` imports the source."""
    (folder / "tensorflow.py").write_text(textwrap.dedent(source))
    return in_new_process(code, PYTHONPATH=str(folder), **env)


TALK = "import os\nos.write(2, b'a remark of C++')\n"
START = "from t2t_mm.cli.tensorflow_start import start_tensorflow\nstart_tensorflow()"


@pytest.mark.parametrize("ending,level,heard", [
    ("1 / 0", "2", True), ("raise KeyboardInterrupt", "3", False), ("1 / 0", "0", True),
    ("from unittest.mock import MagicMock\nconfig = MagicMock()", "2", False),
    ("from unittest.mock import MagicMock\nconfig = MagicMock()", "0", True)])
def test_what_tensorflow_says_at_its_start_is_shown_if_it_fails_or_is_asked_for(ending, level, heard, tmp_path):
    done = with_tensorflow(TALK + ending, START + "\nimport sys; print('later', file=sys.stderr)", tmp_path,
                           TF_CPP_MIN_LOG_LEVEL=level)
    assert done.stderr.count("a remark of C++") == heard
    assert ("later" in done.stderr) == (done.returncode == 0) == ("MagicMock" in ending)


NO_TRITON = "--xla_gpu_enable_triton_gemm=false"


@pytest.mark.parametrize("given,used", [
    ({}, f"1 {NO_TRITON}"), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, f"0 {NO_TRITON}"),
    ({"XLA_FLAGS": "--xla_dump_to=here"}, f"1 --xla_dump_to=here {NO_TRITON}"),
    ({"XLA_FLAGS": "--xla_gpu_enable_triton_gemm=true"}, "1 --xla_gpu_enable_triton_gemm=true")])
def test_tensorflow_is_set_up_before_it_starts_and_the_users_settings_stay(given, used, tmp_path):
    done = with_tensorflow("""
        import os
        SEEN = dict(os.environ)
        GROWTH, OPTIONS = [], {}
        class config:
            list_physical_devices = staticmethod(lambda kind: ["one", "busy"])
            class optimizer:
                set_experimental_options = staticmethod(OPTIONS.update)
            class experimental:
                @staticmethod
                def set_memory_growth(device, on):
                    if device == "busy":
                        raise RuntimeError("already initialised")
                    GROWTH.append((device, on))
        """, """
        from t2t_mm.cli.tensorflow_start import start_tensorflow
        tf = start_tensorflow()
        print(tf.SEEN["TF_CPP_MIN_LOG_LEVEL"], tf.SEEN["TF_ENABLE_ONEDNN_OPTS"], tf.SEEN["XLA_FLAGS"], tf.OPTIONS,
              tf.GROWTH)
        """, tmp_path, **given)
    assert done.stdout.strip() == f"3 {used} {tensorflow_start.REWRITING} [('one', True)]", done.stderr


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """A function: what TF_XLA_FLAGS are for a run in this folder, on a machine with GPUs of these models."""
    monkeypatch.setattr(tensorflow_start, "GPUS", str(tmp_path / "gpus"))

    def flags(*models, output_dir=tmp_path / "run", given=""):
        monkeypatch.setenv("TF_XLA_FLAGS", given)
        for i, model in enumerate(models):
            (tmp_path / "gpus" / str(i)).mkdir(parents=True, exist_ok=True)
            (tmp_path / "gpus" / str(i) / "information").write_text(f"Model: \t {model}\nIRQ: {i}\n")
        tensorflow_start.set_up_tensorflow(str(output_dir))
        return os.environ["TF_XLA_FLAGS"]

    return flags


def test_what_is_compiled_for_gpus_is_kept_with_the_run_for_each_kind_of_gpu(kept, tmp_path):
    assert kept() == ""
    first, other = kept("A100"), kept("H100")
    assert first.startswith(f"--tf_xla_persistent_cache_directory={tmp_path / 'run' / 'compiled'}/")
    assert other.split("/")[:-1] == first.split("/")[:-1] and other != first == kept("A100")
    assert kept("A100", given="--tf_xla_persistent_cache_directory=mine").endswith("=mine")
    assert kept("A100", given="--other=1").startswith("--other=1 --tf_xla_persistent")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_or_named_keeps_nothing(kept, tmp_path, monkeypatch):
    assert kept("A100", output_dir=tmp_path / "a run") == ""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert kept("A100") == ""


def test_a_hidden_package_looks_absent_and_is_there_again(monkeypatch):
    monkeypatch.delitem(sys.modules, "sched", raising=False)
    with tensorflow_start._hidden("sched", "os"):
        with pytest.raises(ImportError):
            importlib.import_module("sched")
        assert importlib.import_module("os") is os  # what is imported already stays
    assert importlib.import_module("sched")


def test_garbage_is_collected_again_after_the_import():
    try:
        with pytest.raises(ValueError), tensorflow_start._without_garbage_collection():
            assert not gc.isenabled()
            raise ValueError
        assert gc.isenabled() and gc.get_freeze_count()
    finally:
        gc.unfreeze()
