SELECT id FROM shared.orders c WHERE c IS NOT NULL
