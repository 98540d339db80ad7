SELECT id FROM shared.orders WHERE EXISTS (SELECT 1 FROM visits WHERE region = email)
