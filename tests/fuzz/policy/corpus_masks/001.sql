SELECT c.email AS mail FROM shared.orders AS c
