"""Watches the application day by day: retrieval, drift, anomalies, alerts, comparisons."""
