SELECT id, count(*) OVER (PARTITION BY email) FROM shared.orders
