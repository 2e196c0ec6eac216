#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads OpenMetrics text from the standard input as Prometheus' own client library does, and prints it as JSON:
{"families": {NAME: {"type", "unit", "help"}}, "samples": [{"name", "labels", "value"}]}. Exits with 1 if it is not well
formed, or if the textfile collector of node_exporter would refuse it, which knows only the types of the older format."""

import json
import re
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

OLDER_TYPES = {"counter", "gauge", "histogram", "summary"}
NAME = re.compile(r"[a-z][a-z0-9_]*")

text = sys.stdin.buffer.read().decode("utf-8")
families, samples = {}, []
for family in text_string_to_metric_families(text):
    if family.type not in OLDER_TYPES or not NAME.fullmatch(family.name) or not family.documentation:
        sys.exit(f"{family.name} has the type {family.type} and the help {family.documentation!r}")
    if family.name.endswith("_seconds") != (family.unit == "seconds") or family.name.endswith("_total"):
        sys.exit(f"{family.name} has the unit {family.unit!r}")
    families[family.name] = {"type": family.type, "unit": family.unit, "help": family.documentation}
    samples += [{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in family.samples]
json.dump({"families": families, "samples": samples}, sys.stdout)
