SELECT (email) FROM shared.orders
