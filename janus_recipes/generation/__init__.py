"""Answers of the models under test, sampled with vLLM's offline engine (paper, appendix D.1)."""
