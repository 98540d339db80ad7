SELECT array_agg(id ORDER BY email) FROM shared.orders
