# SPDX-License-Identifier: Apache-2.0
"""Superset's side of rowgate as a configuration: point SUPERSET_CONFIG_PATH at it, or write these lines at the end of your own
superset_config.py. All that is done is in the package beside this file, rowgate_superset; docs/superset-side.md tells what.
"""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent))

from rowgate_superset import *  # noqa: E402, F401, F403
