"""The rubric judge (paper, appendix F.2): what it is asked, what its verdicts are, how they average."""
