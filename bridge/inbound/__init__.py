"""The life of a text, read downwards: receive, judge, requester, ticket (and notes beside it)."""
