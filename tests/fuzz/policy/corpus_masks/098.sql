SELECT id FROM (SELECT * FROM shared.orders) AS s WHERE s.email > 'm'
