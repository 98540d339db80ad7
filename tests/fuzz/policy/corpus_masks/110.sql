SELECT * FROM shared.orders c, json_each(to_json(c)) AS u
