"""Networks: their definitions, the engines that run them, and where their weights come from."""
