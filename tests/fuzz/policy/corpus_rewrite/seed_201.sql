SELECT * FROM sales.a NATURAL JOIN shared.orders WHERE x LIKE 'q\'
