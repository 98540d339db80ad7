SELECT s.m FROM (SELECT email AS m, id FROM shared.orders) AS s WHERE s.id = 5
