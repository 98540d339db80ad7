SELECT id FROM shared.orders c WHERE c.email IS NULL
