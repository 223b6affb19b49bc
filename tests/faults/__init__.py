"""What breaks while the bot is at work: its process, its database, the way between them."""
