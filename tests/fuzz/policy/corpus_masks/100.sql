SELECT a FROM shared.orders AS c (a, b, d, e) WHERE e > 'm'
