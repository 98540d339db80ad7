SELECT m FROM (SELECT email AS m FROM shared.orders) AS s WHERE m > 'm'
