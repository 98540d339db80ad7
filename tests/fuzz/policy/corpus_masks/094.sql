SELECT id FROM shared.orders c ORDER BY c
