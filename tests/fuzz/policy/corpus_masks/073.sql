SELECT string_agg(email, ',') FROM shared.orders
