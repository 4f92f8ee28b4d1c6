"""The life of a reply, read downwards: collect, compose, gate, send, track."""
