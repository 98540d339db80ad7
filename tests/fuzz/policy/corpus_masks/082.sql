SELECT ROW(c.*) FROM shared.orders c
