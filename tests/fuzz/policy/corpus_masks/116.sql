SELECT id FROM orders TABLESAMPLE BERNOULLI ((SELECT length(email) FROM shared.orders LIMIT 1))
