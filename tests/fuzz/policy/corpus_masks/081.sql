SELECT ROW(email) FROM shared.orders
