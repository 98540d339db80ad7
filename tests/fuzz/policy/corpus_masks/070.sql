SELECT max(email) FROM shared.orders
