SELECT count(c.*) FROM shared.orders c
