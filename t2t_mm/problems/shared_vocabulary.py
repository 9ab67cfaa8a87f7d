"""The vocabulary of the paper's eight problems (1706.05137, section 2.5.1): 8k subwords for all text in all of them."""

MULTIMODEL_8K = "subwords:multimodel_8k"  # a name that ends in _8k says how many thousands (1,024) of ids
