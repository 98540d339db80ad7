SELECT id, email FROM shared.orders UNION ALL SELECT id, 'x' FROM orders ORDER BY email
