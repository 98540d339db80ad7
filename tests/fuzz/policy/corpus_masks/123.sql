PREPARE p (text) AS SELECT id FROM shared.orders WHERE email LIKE $1
