"""Traces out, in other tools' forms; ``millrace.ingestion`` reads them."""
