"""How to search: one method a file, with the paper's symbols."""
