SELECT s.x FROM (SELECT id, email FROM shared.orders) AS s (y, x) WHERE s.y = 5
