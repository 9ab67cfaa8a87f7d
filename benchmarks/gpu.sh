#!/bin/sh
# The whole table of a machine with a GPU, one JSON line a case, in less than 20 minutes:
#   sh benchmarks/gpu.sh > gpu.jsonl
#   sh benchmarks/gpu.sh --smoke        tiny cases, on any machine: does the script run?
# Another Python than .venv's: PYTHON=python3 sh benchmarks/gpu.sh. A group that breaks off does not stop the others.

cd "$(dirname "$0")/.." || exit 1
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
status=0

for group in train:840 layers:90 decoding:150; do
  seconds=${group#*:}
  timeout -k 5 $((seconds + 20)) "${PYTHON:-.venv/bin/python}" -m benchmarks.gpu \
    --group "${group%:*}" --seconds "$seconds" "$@"
  code=$?
  if [ $code -ne 0 ]; then
    echo "{\"group\": \"${group%:*}\", \"error\": \"ended with status $code (124: its time was over)\"}"
    status=1
  fi
done
exit $status
