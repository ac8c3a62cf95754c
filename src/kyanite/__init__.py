"""An appliance that protects Azure workloads behind one REST API."""
