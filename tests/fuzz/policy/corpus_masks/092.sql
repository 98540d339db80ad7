SELECT to_json(c) FROM shared.orders c
