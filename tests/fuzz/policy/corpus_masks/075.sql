SELECT count(email) FROM shared.orders
