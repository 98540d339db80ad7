SELECT id FROM shared.orders ORDER BY email USING <
