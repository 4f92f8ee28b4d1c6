"""Every line of SQL. Nothing here knows HTTP, a carrier or a desk."""
