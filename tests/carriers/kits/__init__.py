"""What the shared suite knows of each carrier: how it signs, writes and answers."""
