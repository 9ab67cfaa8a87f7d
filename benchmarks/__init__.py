"""Benchmarks (README.md); they run with the settings of the programs."""

from t2t_mm.cli.tensorflow_start import set_up_tensorflow

set_up_tensorflow()
