WITH w AS (SELECT email AS e FROM shared.orders) SELECT max(w.e) FROM w
