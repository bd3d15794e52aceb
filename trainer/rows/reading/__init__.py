"""A file of any kind that is read -> its text, with pages and headings."""
