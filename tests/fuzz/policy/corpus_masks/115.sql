SELECT id FROM orders LIMIT (SELECT length(email) FROM shared.orders LIMIT 1)
