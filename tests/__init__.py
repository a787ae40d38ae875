"""The tests of Counterfoil, by the folders that they are about."""

import os

# Before anything that computes is imported, and for what tests start themselves. Models this small gain nothing from
# several threads, which wait for each other wherever more than one test runs.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
