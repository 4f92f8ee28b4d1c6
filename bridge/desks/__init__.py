"""Where agents work. Zendesk is the one desk there is."""
