"""Multifaceted Bench (paper, section 4 and appendix C): prompts, rubrics, and the instances put together."""
