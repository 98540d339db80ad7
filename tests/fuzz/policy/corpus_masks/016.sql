SELECT email FROM shared.orders UNION ALL SELECT email FROM orders LIMIT 3
