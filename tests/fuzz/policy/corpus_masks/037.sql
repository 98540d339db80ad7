PREPARE p (int8) AS SELECT email FROM shared.orders WHERE id = $1
