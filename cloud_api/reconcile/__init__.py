"""The only code that repairs: it looks at what is, decides, and acts; safe to run twice or to be cut short."""
