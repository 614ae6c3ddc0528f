"""Prints the values of each metric in an export in JSON, read by OpenTelemetry's own messages: what these do not know is an error."""

import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

with open(sys.argv[1], "rb") as file:
    export = json_format.Parse(file.read(), ExportMetricsServiceRequest())
values = {}
for metric in export.resource_metrics[0].scope_metrics[0].metrics:
    kind = metric.WhichOneof("data")
    points = getattr(metric, kind).data_points
    values[metric.name] = [point.count if kind == "histogram" else point.as_int for point in points]
print(json.dumps(values))
