SELECT nullif(email, 'x') FROM shared.orders
