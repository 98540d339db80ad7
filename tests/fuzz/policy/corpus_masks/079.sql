SELECT coalesce(email, 'x') FROM shared.orders
