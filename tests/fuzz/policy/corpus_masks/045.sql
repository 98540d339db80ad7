SELECT amount FROM shared.orders NATURAL JOIN generate_series(1, 2) AS id
