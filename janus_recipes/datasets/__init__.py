"""Training sets cut from the Collection (paper, section 3.2 and appendix E.1)."""
