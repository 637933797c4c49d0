-- node, lease ms
join(ARGV[1], server_ms(), tonumber(ARGV[2]))
