"""What the server costs: scenarios played against a real server, measured from outside."""
