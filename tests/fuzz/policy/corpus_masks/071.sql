SELECT count(*) FILTER (WHERE email > 'm') FROM shared.orders
