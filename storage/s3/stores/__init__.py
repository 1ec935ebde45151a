"""What is known of each kind of store, with its source."""
