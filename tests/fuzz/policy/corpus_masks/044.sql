SELECT amount FROM shared.orders NATURAL JOIN orders
