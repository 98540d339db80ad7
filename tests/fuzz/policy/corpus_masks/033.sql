SELECT email, row_number() OVER (ORDER BY id) FROM shared.orders
