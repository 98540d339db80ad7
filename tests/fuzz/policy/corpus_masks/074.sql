SELECT lower(email) FROM shared.orders
