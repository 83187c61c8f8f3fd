"""What a source file imports, read from its text with tree-sitter."""
