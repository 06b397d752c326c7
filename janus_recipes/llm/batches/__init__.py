"""Asking through a provider's files and batches API: slower and cheaper, the same ledger and rows (`run.py`)."""
