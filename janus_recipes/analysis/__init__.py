"""What the Collection is like, beside the paper's figures (paper, section 3 and appendices A, B and C)."""
