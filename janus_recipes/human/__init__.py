"""Human evaluation through Label Studio (paper, appendix F.1): tasks are exported, annotations are read back."""
