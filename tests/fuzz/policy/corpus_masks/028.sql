SELECT DISTINCT ON (id) email FROM shared.orders ORDER BY id
