"""What kinds of store there are, and what is known of each."""
