SELECT c.to_json FROM shared.orders c
