"""The Multifaceted Collection (paper, section 3): instructions, preference sets, system messages, responses."""
