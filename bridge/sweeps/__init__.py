"""Looking without a hint, for what webhooks missed: texts at carriers, replies at the desk."""
