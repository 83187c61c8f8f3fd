"""Searching the text of repositories: who is asked, what is remembered, and what is said while nobody is there."""
