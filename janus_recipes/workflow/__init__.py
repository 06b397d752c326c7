"""What the Snakefile and rules/*.smk look up in the recipe. Nothing here writes: `-n` touches nothing (contract 4).

running     the run: its recipe, what its jobs are told, that it is alone
entries     which of the recipe's entries a rule is for
files       which files a rule reads
specs       what decides its output
jobs        what its jobs need
"""
