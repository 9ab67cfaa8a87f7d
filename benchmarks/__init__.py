"""Benchmarks (README.md); they run with the settings of the programs."""

import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as t2t_mm/cli/program.py
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
