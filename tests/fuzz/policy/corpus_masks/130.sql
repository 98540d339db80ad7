SELECT greatest(email, 'x') FROM shared.orders
