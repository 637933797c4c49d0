"""REST v2 (http-api §5). Its routes are in `routes`."""
