"""Does a model put the answer to its own system message above the answer to another one (paper, appendix E)?"""
